//! Who calls, and what they may do.

use super::Api;
use super::error::ApiError;
use crate::shop::Reach;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use perunika_client::types::{ErrorCode, Scope};
use perunika_core::B256;
use std::sync::Arc;

/// The holder of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// Id of the token; none of the root token.
    pub(super) token: Option<String>,
    /// What this caller spends is counted here; none: without a limit.
    pub(super) budget: Option<B256>,
    /// Whether it is the owner, or somebody with the scope `admin`.
    pub(super) admin: bool,
}

impl Caller {
    /// Which files it may sell, and where its downloads may go.
    pub(super) fn reach(&self) -> Reach {
        if self.admin { Reach::Everything } else { Reach::Named }
    }
}

/// Lets a request through whose token has the scope; the caller goes along.
pub(super) async fn authorize(
    State((api, scope)): State<(Arc<Api>, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = header.strip_prefix("Bearer ").unwrap_or_default().trim();
    let (caller, scopes) = api.tokens.find(token).ok_or_else(ApiError::unauthorized)?;
    if !scopes.iter().any(|held| held.covers(scope)) {
        let message = format!("this token lacks the scope `{scope}`");
        return Err(ApiError::new(ErrorCode::Forbidden, message));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}
