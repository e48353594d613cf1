//! `POST /v1/fetch`

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::Sent;
use super::idempotency::{self, Answer};
use super::{Shared, money};
use crate::shop::{Offer, PayBy};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use perunika_client::types::{ErrorCode, Fetch, Job, Scope};
use std::sync::Arc;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post(
        "/v1/fetch",
        "Buys a file, or goes on with that: the same offer to the same output is one download.",
        fetch,
    )
    .needs(Scope::Pay)
    .moves_money()
    .takes::<Fetch>()
    .answers::<Job>()
}

async fn fetch(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Fetch>,
) -> Result<Response, ApiError> {
    let offer: Offer = wish.offer.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
    let key = idempotency::key(&headers, &caller)?;
    let worker = Arc::clone(&api);
    let work = async move {
        let renew_fee_max = wish.renew_fee_max.map(|fee| fee.0);
        let pay_by = PayBy { channel: wish.channel, renew_fee_max, budget: caller.budget };
        match worker.shop.fetch(offer, wish.output.into(), pay_by, caller.reach()).await {
            Ok(job) => Answer::ok(&job),
            Err(error) => Answer::refusal(&error.into()),
        }
    };
    let answer = api.idempotency.once(key, ("/v1/fetch", &bytes), (money::wait(None), unknown), work).await?;
    Ok(answer.into_response())
}

/// A job's place is taken by a refusal that says what to do.
fn unknown(_: &str) -> Answer {
    let message = "it is not known whether the download began; call again with a fresh key: the same offer to the same \
                   output is the same download";
    Answer::refusal(&ApiError::new(ErrorCode::Unknown, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_answer_is_an_error_that_a_client_can_read() {
        assert_eq!(unknown("").into_response().status(), 503);
    }
}
