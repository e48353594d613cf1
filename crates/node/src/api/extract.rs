//! What handlers take out of a request. Every refusal is JSON, those of the HTTP library too.

use super::Api;
use super::error::ApiError;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use perunika_client::types::{ErrorCode, PAGE_DEFAULT, PAGE_MAX, Page, PageQuery};
use perunika_core::B256;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Longest name in a path, bytes.
const NAME_MAX: usize = 128;

/// The JSON body of a request, and its bytes. No body is the same as `{}`.
pub(super) struct Sent<T> {
    pub(super) wish: T,
    pub(super) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<Api>) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status().as_u16() == ErrorCode::TooLarge.status() {
                ApiError::new(ErrorCode::TooLarge, "the body has more bytes than this call takes")
            } else {
                ApiError::bad_request("the body did not arrive completely")
            }
        })?;
        if !json && !bytes.is_empty() {
            let message = "the body must come with the header `Content-Type: application/json`";
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
        }
        Ok(Self { wish: read(if bytes.is_empty() { b"{}" } else { &bytes })?, bytes })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Reads JSON; what is wrong with it is said in one sentence.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))
}

/// The channel id in a path.
pub(super) struct ChannelKey(pub(super) B256);

impl FromRequestParts<Arc<Api>> for ChannelKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        hash(&text).map(Self)
    }
}

/// 32 bytes in hexadecimal.
pub(super) fn hash(text: &str) -> Result<B256, ApiError> {
    let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
    let hash = bytes.and_then(|bytes| B256::try_from(bytes.as_slice()).ok());
    hash.ok_or_else(|| ApiError::bad_request("a channel id has 32 bytes in hexadecimal"))
}

/// The name in a path.
pub(super) struct Name(pub(super) String);

impl FromRequestParts<Arc<Api>> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Api>) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let path = path.map_err(|_| ApiError::bad_request("the path is not valid UTF-8"))?.0;
        if path.len() > NAME_MAX {
            return Err(ApiError::bad_request(format!("the id has more than {NAME_MAX} bytes")));
        }
        Ok(Self(path))
    }
}

/// The query string.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

/// How many elements a caller wants.
pub(super) fn limit(wished: Option<u16>) -> Result<usize, ApiError> {
    let limit = wished.map_or(PAGE_DEFAULT, usize::from);
    if (1..=PAGE_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(ApiError::bad_request(format!("`limit` is between 1 and {PAGE_MAX}")))
    }
}

/// A page of a list that is held in order; `id` names an element.
pub(super) fn page<T>(all: Vec<T>, asked: &PageQuery, id: impl Fn(&T) -> String) -> Result<Page<T>, ApiError> {
    let limit = limit(asked.limit)?;
    let start = match &asked.after {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|element| id(element) == *after);
            at.map(|at| at + 1).ok_or_else(|| ApiError::bad_request("`after` names no element of this list"))?
        }
    };
    let more = all.len() > start + limit;
    let items: Vec<T> = all.into_iter().skip(start).take(limit).collect();
    let next = items.last().filter(|_| more).map(id);
    Ok(Page { items, next })
}

/// A page of channels in order of their ids, of which one more than wanted was asked for.
pub(super) fn cut<T>(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> B256) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| id(last).to_string());
    Page { items, next }
}

/// Limit and start of a page of channels.
pub(super) fn channels_after(asked: &PageQuery) -> Result<(Option<B256>, usize), ApiError> {
    Ok((asked.after.as_deref().map(hash).transpose()?, limit(asked.limit)?))
}
