//! `GET /v1/info`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Info, Scope, Wei};
use std::sync::atomic::Ordering;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::get("/v1/info", "About the node.", info).needs(Scope::Read).answers::<Info>()
}

async fn info(State(api): Shared) -> Result<Json<Info>, ApiError> {
    let overview = api.engine.query(|participant| participant.overview()).await?;
    Ok(Json(Info {
        version: env!("CARGO_PKG_VERSION").into(),
        key: overview.key,
        owner: overview.owner,
        chain: api.domain.chain_id,
        adjudicator: api.domain.adjudicator,
        chain_online: api.chain_online.load(Ordering::Relaxed),
        head: overview.head,
        chain_time: overview.chain_time,
        balance: api.balance.balance().await.map(Wei),
        listen: api.peers.listen(),
        address: api.peers.place().map(|place| format!("{}@{place}", overview.key)),
        connected: overview.connected,
        hub: api.policy.hub,
    }))
}
