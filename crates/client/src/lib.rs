//! The HTTP API of a node under `/v1`: the [`types`] of its bodies, and a [`Client`] (feature `http`, on by default).
//!
//! `GET /openapi.json` of a node, also in `docs/openapi.json`, describes every call: who may make it, its body, its answers and its
//! refusals. It is generated from the types here and the node's endpoints.
//!
//! - Every call but `/v1/health` and `/openapi.json` carries `Authorization: Bearer <token>`: the contents of api.token, which
//!   allows everything, or a token made by `POST /v1/tokens`.
//! - Calls that move money need an `Idempotency-Key` header: the same key with the same body gives the same result, however often
//!   it is sent; with another body the status is 409. Keys are remembered for seven days.
//! - A call that was understood and allowed answers 200 with its `result`; refusals have a status of 400 and above and a
//!   [`types::ErrorBody`], whose [`types::ErrorCode`] is one of a closed list.
//! - Lists come in pages ([`types::Page`]); the client follows them by itself.
//! - `GET /v1/events` is what happened, numbered, durable, as a stream or in pages ([`types::Event`]).

#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod stream;
pub mod types;

#[cfg(feature = "http")]
pub use http::{Client, ClientError, NanoName, fresh_key};
