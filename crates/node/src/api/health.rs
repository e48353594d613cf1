//! `GET /v1/health`

use super::Shared;
use super::endpoint::Endpoint;
use axum::Json;
use axum::extract::State;
use perunika_client::types::Health;
use std::sync::atomic::Ordering;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::get("/v1/health", "Whether the node runs. Needs no token.", health).answers::<Health>()
}

async fn health(State(api): Shared) -> Json<Health> {
    let ok = api.engine.query(|_| ()).await.is_ok();
    Json(Health { ok, chain_online: api.chain_online.load(Ordering::Relaxed) })
}
