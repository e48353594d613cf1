//! Errors in the form of JSON-RPC 2.0.

use std::borrow::Cow;

use alloy::primitives::Bytes;
use serde::Serialize;

use crate::{CallError, ChainError, Outcome, TxError};

#[derive(Clone, Debug, Serialize)]
pub(super) struct RpcError {
    code: i64,
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Bytes>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn parse(error: &serde_json::Error) -> Self {
        Self::new(-32_700, format!("parse error: {error}"))
    }

    pub(super) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_600, message)
    }

    pub(super) fn method_not_found(method: &str) -> Self {
        Self::new(-32_601, format!("the method {method} does not exist"))
    }

    pub(super) fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_602, message)
    }

    pub(super) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_603, message)
    }

    pub(super) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_001, message)
    }

    /// Something that is in order as a request but that the chain refuses.
    pub(super) fn refused(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32_000, message)
    }
}

impl From<TxError> for RpcError {
    fn from(error: TxError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::UnknownNumber(_) | ChainError::UnknownHash(_) => Self::not_found(error.to_string()),
            ChainError::TooManyLogs(_) => Self::new(-32_005, error.to_string()),
            ChainError::EmptyRange | ChainError::Timestamp { .. } => Self::invalid_params(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Chain(error) => error.into(),
            CallError::Failed(result) if result.outcome == Outcome::Revert => {
                Self { code: 3, message: result.failure().unwrap_or_default().into(), data: Some(result.output) }
            }
            other => Self::refused(other.to_string()),
        }
    }
}
