//! `POST /v1/channels`

use super::Shared;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::Sent;
use super::money::{self, Call};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{Done, OpenChannel, Scope};
use perunika_core::io::Command;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post("/v1/channels", "Opens a ledger channel.", open)
        .needs(Scope::Open)
        .moves_money()
        .takes::<OpenChannel>()
        .answers::<Done>()
}

async fn open(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<OpenChannel>,
) -> Result<Response, ApiError> {
    let OpenChannel { peer, asset, lane, from, .. } = wish;
    let (deposit, peer_deposit) = (wish.amount.0, wish.peer_amount.0);
    if wish.peer_sends && from.is_some() {
        let reason = "with `peer_sends` the peer's transaction takes the deposit as this node's config file says: leave `from` out";
        return Err(ApiError::bad_request(reason));
    }
    let from = from.unwrap_or_default();
    let command = match wish.peer_sends {
        true => Command::AskOpening { peer, asset, deposit, peer_deposit, lane },
        false => Command::OpenChannel { peer, asset, deposit, peer_deposit, lane, from },
    };
    let call = Call { caller: &caller, headers: &headers, path: "/v1/channels", body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}
