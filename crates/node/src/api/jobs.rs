//! `GET /v1/jobs` and `GET /v1/jobs/{id}`

use super::Shared;
use super::error::ApiError;
use axum::Json;
use axum::extract::{Path, State};
use perunika_client::types::Job;

pub(super) async fn list(State(api): Shared) -> Json<Vec<Job>> {
    Json(api.shop.jobs())
}

pub(super) async fn one(State(api): Shared, Path(id): Path<String>) -> Result<Json<Job>, ApiError> {
    let job = api.shop.job(&id);
    job.map(Json).ok_or_else(|| ApiError::not_found("there is no such job here"))
}
