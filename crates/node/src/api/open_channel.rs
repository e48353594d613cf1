//! `POST /v1/channels`

use super::error::ApiError;
use super::{Shared, money, read};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::OpenChannel;
use perunika_core::io::Command;

pub(super) async fn open(State(api): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let wish: OpenChannel = read(&body)?;
    let wait = money::wait(wish.wait_s);
    let command = Command::OpenChannel {
        peer: wish.peer,
        deposit: wish.amount.0,
        peer_deposit: wish.peer_amount.0,
        lane: wish.lane,
    };
    money::run(api, money::Call { headers: &headers, path: "/v1/channels", body: &body, wait }, command).await
}
