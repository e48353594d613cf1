//! `POST /v1/secrets`

use crate::api::Shared;
use crate::api::auth::Caller;
use crate::api::endpoint::Endpoint;
use crate::api::error::ApiError;
use crate::api::extract::Sent;
use crate::api::money::{self, Call};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{Done, Reveal, Scope};
use perunika_core::io::Command;

pub(super) fn endpoint() -> Endpoint {
    let summary = "Publishes a secret in the registry of the chain, where nanocontracts see when it was known. It costs a transaction.";
    Endpoint::post("/v1/secrets", summary, reveal).needs(Scope::Pay).moves_money().takes::<Reveal>().answers::<Done>()
}

async fn reveal(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Reveal>,
) -> Result<Response, ApiError> {
    let call = Call { caller: &caller, headers: &headers, path: "/v1/secrets", body: &bytes, wait_s: None };
    money::run(api, call, Command::Reveal { secret: wish.secret }).await
}
