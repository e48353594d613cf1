//! `GET` and `POST /v1/peers`

use super::error::ApiError;
use super::{Shared, read};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use perunika_client::types::{AddPeer, Peer};
use perunika_net::PeerAddr;

pub(super) async fn list(State(api): Shared) -> Json<Vec<Peer>> {
    Json(api.peers.list())
}

pub(super) async fn add(State(api): Shared, body: Bytes) -> Result<Json<Peer>, ApiError> {
    let wish: AddPeer = read(&body)?;
    let address: PeerAddr = wish.address.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
    Ok(Json(api.peers.add(address).await?))
}
