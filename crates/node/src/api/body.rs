//! Requests are read to their end before they are answered: a refusal that comes earlier closes the connection under a caller
//! who is still sending, and is not heard.

use super::error::ApiError;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use perunika_client::types::ErrorCode;

/// Most that is read of a body that is refused, bytes.
const READ_MAX: usize = 1 << 20;

pub(super) async fn whole(request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, READ_MAX).await.map_err(|_| {
        let message = "the body did not arrive completely, or has more bytes than any call takes";
        ApiError::new(ErrorCode::TooLarge, message)
    })?;
    Ok(next.run(Request::from_parts(parts, Body::from(bytes))).await)
}
