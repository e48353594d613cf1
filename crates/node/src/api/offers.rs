//! `GET /v1/offers`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, page};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Offer, Page, PageQuery, Scope};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::get("/v1/offers", "Files on offer, in order of their roots.", list).needs(Scope::Read).pages::<Offer>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Offer>>, ApiError> {
    page(api.shop.offers(), &asked, |offer| offer.root.to_string()).map(Json)
}
