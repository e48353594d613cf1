//! `GET /v1/offers`

use super::Shared;
use axum::Json;
use axum::extract::State;
use perunika_client::types::Offer;

pub(super) async fn list(State(api): Shared) -> Json<Vec<Offer>> {
    Json(api.shop.offers())
}
