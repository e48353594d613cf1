//! `POST /v1/virtual`

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
use perunika_client::types::{Done, OpenVirtual, Scope};
use perunika_core::Address;
use perunika_core::io::Command;
use perunika_core::params::MAX_LINKS;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post("/v1/virtual", "Opens a virtual channel.", open)
        .needs(Scope::Open)
        .moves_money()
        .takes::<OpenVirtual>()
        .answers::<Done>()
}

async fn open(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<OpenVirtual>,
) -> Result<Response, ApiError> {
    let path = path(wish.hubs, wish.peer)?;
    api.peers.reach(&path).await;
    let command = Command::OpenVirtual {
        path,
        stake: wish.amount.0,
        peer_stake: wish.peer_amount.0,
        asset: wish.asset,
        term: wish.term,
        fee_max: wish.fee_max.0,
        renew: wish.renew,
    };
    let call = Call { caller: &caller, headers: &headers, path: "/v1/virtual", body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

/// The hubs, then the other end.
pub(super) fn path(hubs: Vec<Address>, peer: Address) -> Result<Vec<Address>, ApiError> {
    if hubs.is_empty() || hubs.len() >= MAX_LINKS {
        return Err(ApiError::bad_request(format!("a virtual channel leads over 1 to {} hubs", MAX_LINKS - 1)));
    }
    Ok(hubs.into_iter().chain([peer]).collect())
}
