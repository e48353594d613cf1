//! `GET /v1/ready`

use super::Shared;
use super::endpoint::Endpoint;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use perunika_client::types::Ready;
use std::time::Duration;

/// An engine that takes longer to answer is behind.
const ENGINE_MAX: Duration = Duration::from_secs(2);

pub(super) fn endpoint() -> Endpoint {
    let summary = "Whether the node can pay and answer, with status 200, or why not, with status 503. Needs no token.";
    Endpoint::get("/v1/ready", summary, ready).answers::<Ready>()
}

async fn ready(State(api): Shared) -> Response {
    let mut reasons = Vec::new();
    let figures = api.engine.query(|participant| participant.figures());
    match tokio::time::timeout(ENGINE_MAX, figures).await {
        Ok(Ok(figures)) if !figures.sees_chain => {
            reasons.push("no newer block was heard of for m_safe, so nothing is signed".to_string());
        }
        Ok(Ok(_)) => {}
        Ok(Err(stopped)) => reasons.push(stopped.to_string()),
        Err(_) => reasons.push("the engine is behind: it did not answer within two seconds".to_string()),
    }
    if !api.peers.is_running() {
        reasons.push("the network has stopped".to_string());
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, reasons })).into_response()
}
