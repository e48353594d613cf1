//! `POST /v1/channels/{id}/pay` and `POST /v1/virtual/{id}/pay`

use super::error::ApiError;
use super::{Api, Shared, channel_id, money, read};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::Pay;
use perunika_core::B256;
use perunika_core::io::Command;
use std::sync::Arc;

pub(super) async fn channel(
    State(api): Shared,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let ch = channel_id(&id)?;
    let known = api.engine.query(move |participant| participant.ledger(ch).is_some()).await?;
    if !known {
        return Err(ApiError::not_found(format!("there is no ledger channel {ch} here")));
    }
    pay(api, ch, &headers, &body).await
}

pub(super) async fn virtual_channel(
    State(api): Shared,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let ch = channel_id(&id)?;
    let known = api.engine.query(move |participant| participant.virtual_channel(ch).is_some()).await?;
    if !known {
        return Err(ApiError::not_found(format!("there is no virtual channel {ch} here")));
    }
    pay(api, ch, &headers, &body).await
}

async fn pay(api: Arc<Api>, ch: B256, headers: &HeaderMap, body: &Bytes) -> Result<Response, ApiError> {
    let wish: Pay = read(body)?;
    let (wait, path) = (money::wait(wish.wait_s), format!("pay {ch}"));
    let command = Command::Pay { ch, amount: wish.amount.0, cosign: wish.countersign };
    money::run(api, money::Call { headers, path: &path, body, wait }, command).await
}
