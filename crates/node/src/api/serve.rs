//! `POST /v1/serve`

use super::Shared;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::Sent;
use axum::extract::State;
use axum::{Extension, Json};
use perunika_client::types::{ErrorCode, Offer, Scope, Serve};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post("/v1/serve", "Offers a file.", serve)
        .needs(Scope::Serve)
        .takes::<Serve>()
        .answers::<Offer>()
        .may(&[ErrorCode::Refused])
}

async fn serve(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    Sent { wish, .. }: Sent<Serve>,
) -> Result<Json<Offer>, ApiError> {
    if api.assets.get(wish.asset).is_none() {
        let message = format!("the config file names no token at {}", wish.asset);
        return Err(ApiError::new(ErrorCode::Refused, message));
    }
    Ok(Json(api.shop.serve(wish.path.into(), wish.asset, wish.price.0, wish.chunk_bytes, caller.reach()).await?))
}
