//! `GET` and `POST /v1/peers`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, Sent, page};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{AddPeer, Page, PageQuery, Peer, Scope};
use perunika_net::PeerAddr;

pub(super) fn all() -> Endpoint {
    let summary = "Known and connected peers, in order of their keys.";
    Endpoint::get("/v1/peers", summary, list).needs(Scope::Read).pages::<Peer>()
}

pub(super) fn new() -> Endpoint {
    let summary = "Remembers a peer and stays connected with it.";
    Endpoint::post("/v1/peers", summary, add).needs(Scope::Admin).takes::<AddPeer>().answers::<Peer>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Peer>>, ApiError> {
    page(api.peers.list(), &asked, |peer| peer.key.to_string()).map(Json)
}

async fn add(State(api): Shared, Sent { wish, .. }: Sent<AddPeer>) -> Result<Json<Peer>, ApiError> {
    let address: PeerAddr = wish.address.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
    Ok(Json(api.peers.add(address).await?))
}
