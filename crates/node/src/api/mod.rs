//! The HTTP API under `/v1`: one file per endpoint. The bodies are those of `perunika-client`.

mod channels;
mod close;
mod error;
mod evidence;
mod fetch;
mod health;
mod idempotency;
mod info;
mod jobs;
mod money;
mod offers;
mod open_channel;
mod open_virtual;
mod pay;
mod peers;
mod quotes;
mod serve;
mod transactions;
mod virtuals;

use crate::engine::EngineHandle;
use crate::peers::PeerBook;
use crate::shop::Shop;
use crate::tasks::Tasks;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use error::ApiError;
use idempotency::Idempotency;
use perunika_client::types::ChannelId;
use perunika_core::{Address, B256, Domain};
use perunika_store::Store;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use subtle::ConstantTimeEq as _;

/// Largest body of a request, bytes.
const BODY_MAX: usize = 64 << 10;

/// What the endpoints work with.
pub(crate) struct Api {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) peers: PeerBook,
    pub(crate) balance: Box<dyn Balance>,
    pub(crate) domain: Domain,
    pub(crate) hub: bool,
    pub(crate) chain_online: Arc<AtomicBool>,
    pub(crate) token: String,
    idempotency: Idempotency,
}

/// Asks the chain what the owner holds.
pub(crate) trait Balance: Send + Sync {
    /// Wei, or `None` if the chain does not answer.
    fn balance(&self) -> futures::future::BoxFuture<'_, Option<u128>>;
}

/// What [`Api::new`] is made of.
pub(crate) struct Parts {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) peers: PeerBook,
    pub(crate) balance: Box<dyn Balance>,
    pub(crate) domain: Domain,
    pub(crate) hub: bool,
    pub(crate) chain_online: Arc<AtomicBool>,
    pub(crate) token: String,
    pub(crate) tasks: Tasks,
}

type Shared = State<Arc<Api>>;

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { engine, store, shop, peers, balance, domain, hub, chain_online, token, tasks } = parts;
        let idempotency = Idempotency::new(store.clone(), tasks);
        Self { engine, store, shop, peers, balance, domain, hub, chain_online, token, idempotency }
    }

    /// The full name of a channel.
    fn id(&self, channel: B256, asset: Address) -> ChannelId {
        ChannelId { chain: self.domain.chain_id, adjudicator: self.domain.adjudicator, asset, channel }
    }
}

/// All endpoints.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let closed = Router::new()
        .route("/v1/info", get(info::info))
        .route("/v1/peers", get(peers::list).post(peers::add))
        .route("/v1/channels", get(channels::list).post(open_channel::open))
        .route("/v1/channels/{id}", get(channels::one))
        .route("/v1/channels/{id}/pay", post(pay::channel))
        .route("/v1/channels/{id}/close", post(close::channel))
        .route("/v1/virtual", get(virtuals::list).post(open_virtual::open))
        .route("/v1/virtual/{id}", get(virtuals::one))
        .route("/v1/virtual/{id}/evidence", get(evidence::evidence))
        .route("/v1/virtual/{id}/pay", post(pay::virtual_channel))
        .route("/v1/virtual/{id}/close", post(close::virtual_channel))
        .route("/v1/quotes", post(quotes::ask))
        .route("/v1/serve", post(serve::serve))
        .route("/v1/offers", get(offers::list))
        .route("/v1/fetch", post(fetch::fetch))
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::one))
        .route("/v1/transactions", get(transactions::list))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&api), authorize));
    Router::new()
        .route("/v1/health", get(health::health))
        .merge(closed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api)
}

async fn authorize(State(api): Shared, request: Request, next: Next) -> Result<Response, ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = header.strip_prefix("Bearer ").unwrap_or_default().trim();
    if bool::from(token.as_bytes().ct_eq(api.token.as_bytes())) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::unauthorized())
    }
}

async fn nothing_here() -> ApiError {
    ApiError::not_found("there is no such call; see the documentation of /v1")
}

async fn wrong_method() -> ApiError {
    ApiError::bad_request("this call exists, but not with this method")
}

/// Reads a body; what is wrong with it is said in one sentence.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))
}

/// The channel id in a path.
fn channel_id(Path(text): &Path<String>) -> Result<B256, ApiError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bytes = hex::decode(digits).ok().and_then(|bytes| B256::try_from(bytes.as_slice()).ok());
    bytes.ok_or_else(|| ApiError::bad_request(format!("`{text}` is not a channel id of 32 bytes in hexadecimal")))
}
