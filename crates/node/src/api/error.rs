//! Refusals.

use crate::engine::Stopped;
use crate::shop::ShopError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use perunika_client::types::{ErrorBody, ErrorInfo};
use perunika_core::io::Fault;
use perunika_store::StoreError;

/// A refusal: status, code for programs, sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn unauthorized() -> Self {
        let message = "this call needs the header `Authorization: Bearer` with the contents of api.token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unknown", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    pub(super) fn body(&self) -> ErrorBody {
        ErrorBody { error: ErrorInfo { code: self.code.into(), message: self.message.clone() } }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Caller(reason) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", reason),
            Fault::Peer(reason) => Self::new(StatusCode::BAD_GATEWAY, "peer", reason),
            Fault::Chain(reason) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "chain", reason),
        }
    }
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", stopped.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<ShopError> for ApiError {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::Caller(reason) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", reason),
            ShopError::Node(reason) => Self::internal(reason),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.body())).into_response()
    }
}
