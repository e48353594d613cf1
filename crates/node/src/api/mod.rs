//! The HTTP API under `/v1`: one file per endpoint. The bodies are those of `perunika-client`.
//!
//! An [`Endpoint`] says everything about a call once: the router and the OpenAPI document are both made from it.

mod assets;
mod auth;
mod body;
mod channels;
mod close;
mod deposits;
mod endpoint;
mod error;
mod estimates;
mod events;
mod evidence;
mod extract;
mod fetch;
mod funds;
mod health;
mod idempotency;
mod info;
mod jobs;
mod metrics;
mod money;
mod nanos;
mod offers;
mod open_channel;
mod open_virtual;
mod openapi;
mod pay;
mod peers;
mod quotes;
mod ready;
mod renew;
mod serve;
#[cfg(test)]
mod tests;
mod token_book;
mod tokens;
mod transactions;
mod virtuals;

use crate::assets::Assets;
use crate::engine::EngineHandle;
use crate::metrics::Metrics;
use crate::peers::PeerBook;
use crate::shop::Shop;
use crate::tasks::Tasks;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::{from_fn, from_fn_with_state};
use endpoint::Endpoint;
use error::ApiError;
use idempotency::Idempotency;
use perunika_chain::{Estimate, EstimateError, Holding};
use perunika_client::types::{ChannelId, ErrorCode};
use perunika_core::chain::Call;
use perunika_core::policy::Policy;
use perunika_core::{Address, B256, Domain};
use perunika_store::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use token_book::Tokens;
use tokio_util::sync::CancellationToken;

/// Largest body of a request, bytes.
const BODY_MAX: usize = 64 << 10;
/// The same where code, storage or inputs of a nanocontract travel in hexadecimal.
const LARGE_BODY_MAX: usize = 128 << 10;

/// What the endpoints work with.
pub(crate) struct Api {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) peers: PeerBook,
    pub(crate) balance: Box<dyn Balance>,
    pub(crate) domain: Domain,
    pub(crate) policy: Policy,
    pub(crate) assets: Assets,
    pub(crate) chain_online: Arc<AtomicBool>,
    tokens: Tokens,
    pub(crate) metrics: Arc<Metrics>,
    metrics_public: bool,
    idempotency: Idempotency,
    /// The document of the API.
    document: Bytes,
    closing: CancellationToken,
}

/// Asks the chain what the owner holds, and what things cost.
pub(crate) trait Balance: Send + Sync {
    /// Wei, or `None` if the chain does not answer.
    fn balance(&self) -> futures::future::BoxFuture<'_, Option<u128>>;
    /// What a unit of gas costs at present, wei.
    fn gas_price(&self) -> futures::future::BoxFuture<'_, Option<u128>>;
    /// What the owner holds of each of these, or `None` if the chain does not answer.
    fn holdings<'a>(&'a self, assets: &'a [Address]) -> futures::future::BoxFuture<'a, Option<Vec<Holding>>>;
    /// Runs a call without sending it.
    fn estimate<'a>(&'a self, call: &'a Call) -> futures::future::BoxFuture<'a, Result<Estimate, EstimateError>>;
}

/// What [`Api::new`] is made of.
pub(crate) struct Parts {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) peers: PeerBook,
    pub(crate) balance: Box<dyn Balance>,
    pub(crate) domain: Domain,
    pub(crate) policy: Policy,
    pub(crate) assets: Assets,
    pub(crate) chain_online: Arc<AtomicBool>,
    pub(crate) token: String,
    pub(crate) tasks: Tasks,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) metrics_public: bool,
}

type Shared = State<Arc<Api>>;

impl Api {
    pub(crate) fn new(parts: Parts) -> Result<Self, StoreError> {
        let Parts { engine, store, shop, peers, balance, domain, policy, chain_online, token, tasks, .. } = parts;
        let closing = tasks.closing();
        let idempotency = Idempotency::new(store.clone(), tasks);
        let tokens = Tokens::open(&store, token)?;
        let document = openapi::document(&endpoints()).to_string().into();
        Ok(Self {
            engine,
            store,
            shop,
            peers,
            balance,
            domain,
            policy,
            assets: parts.assets,
            chain_online,
            tokens,
            metrics: parts.metrics,
            metrics_public: parts.metrics_public,
            idempotency,
            document,
            closing,
        })
    }

    /// Ends the budgets of tokens that do not exist: an end between two steps of making one or revoking one may leave some.
    pub(crate) async fn forget_orphans(&self) {
        if let Err(error) = tokens::forget_orphans(self).await {
            tracing::warn!(?error, "budgets of revoked tokens could not be removed");
        }
    }

    /// Asset of a channel of this node; zero address for ETH.
    async fn asset_of(&self, channel: B256) -> Address {
        self.engine.query(move |participant| participant.asset_of(channel)).await.ok().flatten().unwrap_or_default()
    }

    /// The full name of a channel.
    fn id(&self, channel: B256, asset: Address) -> ChannelId {
        ChannelId { chain: self.domain.chain_id, adjudicator: self.domain.adjudicator, asset, channel }
    }
}

/// All calls. What is not here has neither a route nor a place in the document.
fn endpoints() -> Vec<Endpoint> {
    others().into_iter().chain(nanos::endpoints()).collect()
}

fn others() -> Vec<Endpoint> {
    vec![
        health::endpoint(),
        ready::endpoint(),
        openapi::endpoint(),
        info::endpoint(),
        peers::all(),
        peers::new(),
        channels::all(),
        channels::single(),
        open_channel::endpoint(),
        deposits::deposit(),
        deposits::withdraw(),
        assets::all(),
        assets::approve(),
        assets::vault(),
        assets::fund_vault(),
        assets::withdraw_vault(),
        estimates::endpoint(),
        pay::through_channel(),
        close::of_channel(),
        virtuals::all(),
        virtuals::single(),
        evidence::endpoint(),
        open_virtual::endpoint(),
        quotes::endpoint(),
        pay::through_virtual(),
        close::of_virtual(),
        renew::endpoint(),
        serve::endpoint(),
        offers::endpoint(),
        fetch::endpoint(),
        jobs::all(),
        jobs::single(),
        transactions::endpoint(),
        events::read(),
        events::acknowledge(),
        tokens::make(),
        tokens::all(),
        tokens::revoke(),
    ]
}

/// The routes of all endpoints.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let routes = endpoints().into_iter().map(|endpoint| endpoint.route(&api));
    routes
        .fold(Router::new(), |router, (path, route)| router.route(path, route))
        .merge(metrics::route(&api))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&api), metrics::measure))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(body::whole))
        .with_state(api)
}

async fn nothing_here() -> ApiError {
    ApiError::not_found("there is no such call; /openapi.json lists them all")
}

async fn wrong_method() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this call exists, but not with this method")
}
