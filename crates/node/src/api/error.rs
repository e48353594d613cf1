//! Refusals.

use crate::engine::Stopped;
use crate::shop::ShopError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use perunika_client::types::{ErrorBody, ErrorCode, ErrorInfo};
use perunika_core::io::Fault;
use perunika_store::StoreError;

/// A refusal: code for programs, which also gives the status, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    message: String,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    pub(super) fn unauthorized() -> Self {
        let message =
            "this call needs the header `Authorization: Bearer` with a token, such as the contents of api.token";
        Self::new(ErrorCode::Unauthorized, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn body(&self) -> ErrorBody {
        ErrorBody { error: ErrorInfo { code: self.code, message: self.message.clone() } }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Caller(reason) => Self::new(ErrorCode::Refused, reason),
            Fault::Peer(reason) => Self::new(ErrorCode::Peer, reason),
            Fault::Limit(reason) => Self::new(ErrorCode::Limit, reason),
            Fault::Chain(reason) => Self::new(ErrorCode::Chain, reason),
        }
    }
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        Self::new(ErrorCode::Stopping, stopped.to_string())
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
            ShopError::Caller(reason) => Self::new(ErrorCode::Refused, reason),
            ShopError::Node(reason) => Self::internal(reason),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), axum::Json(self.body())).into_response()
    }
}
