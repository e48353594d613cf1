//! `GET /v1/jobs` and `GET /v1/jobs/{id}`

use super::Shared;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, Name, page};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Job, Page, PageQuery, Scope};

pub(super) fn all() -> Endpoint {
    Endpoint::get("/v1/jobs", "Downloads in order of their ids.", list).needs(Scope::Read).pages::<Job>()
}

pub(super) fn single() -> Endpoint {
    Endpoint::get("/v1/jobs/{id}", "A download.", one).needs(Scope::Read).named().answers::<Job>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Job>>, ApiError> {
    page(api.shop.jobs(), &asked, |job| job.id.clone()).map(Json)
}

async fn one(State(api): Shared, Name(id): Name) -> Result<Json<Job>, ApiError> {
    let job = api.shop.job(&id);
    job.map(Json).ok_or_else(|| ApiError::not_found("there is no such job here"))
}
