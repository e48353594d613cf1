//! `POST /v1/virtual`

use super::error::ApiError;
use super::{Shared, money, read};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::OpenVirtual;
use perunika_core::Address;
use perunika_core::io::Command;
use perunika_core::params::MAX_LINKS;

pub(super) async fn open(State(api): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let wish: OpenVirtual = read(&body)?;
    let wait = money::wait(wish.wait_s);
    let command = Command::OpenVirtual {
        path: path(wish.hubs, wish.peer)?,
        stake: wish.amount.0,
        peer_stake: wish.peer_amount.0,
        term: wish.term,
        fee_max: wish.fee_max.0,
    };
    money::run(api, money::Call { headers: &headers, path: "/v1/virtual", body: &body, wait }, command).await
}

/// The hubs, then the other end.
pub(super) fn path(hubs: Vec<Address>, peer: Address) -> Result<Vec<Address>, ApiError> {
    if hubs.is_empty() || hubs.len() >= MAX_LINKS {
        return Err(ApiError::bad_request(format!("a virtual channel leads over 1 to {} hubs", MAX_LINKS - 1)));
    }
    Ok(hubs.into_iter().chain([peer]).collect())
}
