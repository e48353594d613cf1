//! `POST /v1/virtual/{id}/renew`

use super::Shared;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{ChannelKey, Sent};
use super::money::{self, Call};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{Done, RenewVirtual, Scope};
use perunika_core::io::Command;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post("/v1/virtual/{id}/renew", "Replaces a virtual channel by a successor over the same links.", renew)
        .needs(Scope::Open)
        .channel()
        .moves_money()
        .takes::<RenewVirtual>()
        .answers::<Done>()
}

async fn renew(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(vc): ChannelKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<RenewVirtual>,
) -> Result<Response, ApiError> {
    money::known_virtual(&api, vc).await?;
    let path = format!("renew {vc}");
    let stakes = wish.stakes.map(|stakes| stakes.map(|stake| stake.0));
    let command = Command::RenewVirtual { vc, stakes, term: wish.term, fee_max: wish.fee_max.0 };
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}
