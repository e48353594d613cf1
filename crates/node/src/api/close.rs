//! `POST /v1/channels/{id}/close` and `POST /v1/virtual/{id}/close`

use super::error::ApiError;
use super::{Shared, channel_id, money, read};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::Close;
use perunika_core::io::Command;

pub(super) async fn channel(
    State(api): Shared,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (ch, wish) = (channel_id(&id)?, wish(&body)?);
    let known = api.engine.query(move |participant| participant.ledger(ch).is_some()).await?;
    if !known {
        return Err(ApiError::not_found(format!("there is no ledger channel {ch} here")));
    }
    let (wait, path) = (money::wait(wish.wait_s), format!("close {ch}"));
    let command = Command::CloseChannel { ch, force: wish.force };
    money::run(api, money::Call { headers: &headers, path: &path, body: &body, wait }, command).await
}

pub(super) async fn virtual_channel(
    State(api): Shared,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (vc, wish) = (channel_id(&id)?, wish(&body)?);
    if wish.force {
        return Err(ApiError::bad_request("a virtual channel is forced by closing a ledger channel, or by its term"));
    }
    let known = api.engine.query(move |participant| participant.virtual_channel(vc).is_some()).await?;
    if !known {
        return Err(ApiError::not_found(format!("there is no virtual channel {vc} here")));
    }
    let (wait, path) = (money::wait(wish.wait_s), format!("close {vc}"));
    let command = Command::CloseVirtual { vc };
    money::run(api, money::Call { headers: &headers, path: &path, body: &body, wait }, command).await
}

/// No body means the defaults.
fn wish(body: &[u8]) -> Result<Close, ApiError> {
    if body.is_empty() { Ok(Close::default()) } else { read(body) }
}
