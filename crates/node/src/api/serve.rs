//! `POST /v1/serve`

use super::error::ApiError;
use super::{Shared, read};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use perunika_client::types::{Offer, Serve};

pub(super) async fn serve(State(api): Shared, body: Bytes) -> Result<Json<Offer>, ApiError> {
    let wish: Serve = read(&body)?;
    Ok(Json(api.shop.serve(wish.path.into(), wish.price.0, wish.chunk_bytes).await?))
}
