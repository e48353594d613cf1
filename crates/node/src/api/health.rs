//! `GET /v1/health`

use super::Shared;
use axum::Json;
use axum::extract::State;
use perunika_client::types::Health;
use std::sync::atomic::Ordering;

pub(super) async fn health(State(api): Shared) -> Json<Health> {
    let ok = api.engine.query(|_| ()).await.is_ok();
    Json(Health { ok, chain_online: api.chain_online.load(Ordering::Relaxed) })
}
