//! The HTTP API of a node under `/v1`: the [`types`] of its bodies, and a [`Client`] (feature `http`, on by default).
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /v1/health` (no token) | | [`types::Health`] |
//! | `GET /v1/info` | | [`types::Info`] |
//! | `GET /v1/peers` | | list of [`types::Peer`] |
//! | `POST /v1/peers` | [`types::AddPeer`] | [`types::Peer`] |
//! | `GET /v1/channels`, `GET /v1/channels/{id}` | | [`types::Channel`], one or a list |
//! | `POST /v1/channels` * | [`types::OpenChannel`] | [`types::Done`] |
//! | `POST /v1/channels/{id}/pay` * | [`types::Pay`] | [`types::Done`] |
//! | `POST /v1/channels/{id}/close` * | [`types::Close`] | [`types::Done`] |
//! | `GET /v1/virtual`, `GET /v1/virtual/{id}` | | [`types::Virtual`], one or a list |
//! | `GET /v1/virtual/{id}/evidence` | | [`types::Evidence`] |
//! | `POST /v1/quotes` | [`types::QuoteWish`] | [`types::Quote`] |
//! | `POST /v1/virtual` * | [`types::OpenVirtual`] | [`types::Done`] |
//! | `POST /v1/virtual/{id}/pay` * | [`types::Pay`] | [`types::Done`] |
//! | `POST /v1/virtual/{id}/close` * | [`types::Close`] | [`types::Done`] |
//! | `POST /v1/serve` | [`types::Serve`] | [`types::Offer`] |
//! | `GET /v1/offers` | | list of [`types::Offer`] |
//! | `POST /v1/fetch` * | [`types::Fetch`] | [`types::Job`] |
//! | `GET /v1/jobs`, `GET /v1/jobs/{id}` | | [`types::Job`], one or a list |
//! | `GET /v1/transactions` | | list of [`types::Transaction`] |
//!
//! Every call but `health` carries `Authorization: Bearer <contents of api.token>`. `{id}` is the 32-byte channel id. The calls
//! marked * move money and need an `Idempotency-Key` header: the same key with the same body gives the same result, however
//! often it is sent; with another body the status is 409.
//!
//! A call that was understood and allowed answers 200 with its `result`; refusals have a status of 400 and above and a
//! [`types::ErrorBody`].

#[cfg(feature = "http")]
mod http;
pub mod types;

#[cfg(feature = "http")]
pub use http::{Client, ClientError, fresh_key};
