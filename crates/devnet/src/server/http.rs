//! JSON-RPC 2.0 over HTTP: requests, batches, notifications.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use tokio::{net::TcpListener, sync::watch};

use super::{Shared, error::RpcError, methods, params::Params};

/// The most requests in one batch.
const MAX_BATCH: usize = 1_000;

#[derive(Deserialize)]
struct Request {
    jsonrpc: Option<String>,
    method: String,
    params: Option<Value>,
    /// Absent in a notification, which is not answered. A null id counts as absent.
    id: Option<Value>,
}

#[derive(Serialize)]
struct Reply {
    jsonrpc: &'static str,
    id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RpcError>,
}

impl Reply {
    fn new(id: Value, outcome: Result<Box<RawValue>, RpcError>) -> Self {
        let (result, error) = match outcome {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        Self { jsonrpc: "2.0", id, result, error }
    }
}

pub(super) fn router(node: Arc<Shared>, max_body_bytes: usize) -> Router {
    Router::new().route("/", post(handle)).layer(DefaultBodyLimit::max(max_body_bytes)).with_state(node)
}

pub(super) async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the server ended");
    }
}

async fn handle(State(node): State<Arc<Shared>>, body: Bytes) -> Response {
    let reply = match serde_json::from_slice(&body) {
        Err(error) => serde_json::to_vec(&Reply::new(Value::Null, Err(RpcError::parse(&error)))),
        Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > MAX_BATCH => {
            let error = RpcError::invalid_request(format!("a batch holds 1 to {MAX_BATCH} requests"));
            serde_json::to_vec(&Reply::new(Value::Null, Err(error)))
        }
        Ok(Value::Array(batch)) => {
            let replies: Vec<_> = batch.into_iter().filter_map(|request| answer(&node, request)).collect();
            if replies.is_empty() {
                return StatusCode::NO_CONTENT.into_response();
            }
            serde_json::to_vec(&replies)
        }
        Ok(request) => match answer(&node, request) {
            Some(reply) => serde_json::to_vec(&reply),
            None => return StatusCode::NO_CONTENT.into_response(),
        },
    };
    match reply {
        Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(node: &Shared, request: Value) -> Option<Reply> {
    let id = request.get("id").cloned();
    let request: Request = match serde_json::from_value(request) {
        Ok(request) => request,
        Err(error) => {
            let error = RpcError::invalid_request(format!("not a request: {error}"));
            return Some(Reply::new(id.unwrap_or_default(), Err(error)));
        }
    };
    if request.jsonrpc.as_deref() != Some("2.0") {
        let error = RpcError::invalid_request("jsonrpc must be \"2.0\"");
        return Some(Reply::new(request.id.unwrap_or_default(), Err(error)));
    }
    let outcome = Params::new(request.params)
        .and_then(|mut params| methods::dispatch(&mut node.lock(), &request.method, &mut params));
    if let Err(error) = &outcome {
        tracing::debug!(method = request.method, ?error, "request refused");
    }
    request.id.map(|id| Reply::new(id, outcome))
}
