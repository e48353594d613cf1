//! A running node: everything started in order, watched, and stopped in order.

use crate::api::{self, Api, Balance};
use crate::assets;
use crate::binding::ChannelBinding;
use crate::config::{Config, ConfigError, ShopSection};
use crate::engine::{Chain, Engine, EngineError, EngineHandle, EventSink, Stopped, TxCost, TxEnd};
use crate::folder::{Folder, FolderError, Identity};
use crate::keys::{KeyError, Keys};
use crate::keystore::{self, KeystoreError};
use crate::metrics::{Dropped, Metrics};
use crate::nano_offers;
use crate::owner::{self, Asked};
use crate::peers::{NetPeers, PeerBook};
use crate::shop::{Folders, Shop};
use crate::tasks::Tasks;
use crate::wire::{self, Received};
use futures::future::BoxFuture;
use perunika_chain::{ChainConfig, ChainHandle, ChainOutput, ConnectError, Estimate, EstimateError, Holding, OwnerKey};
use perunika_core::chain::{Call, TxKey, Watch};
use perunika_core::io::{Event, Input};
use perunika_core::params::{ChannelParams, Side};
use perunika_core::participant;
use perunika_core::signed::OpenAuth;
use perunika_core::{Address, B256};
use perunika_net::{Credit, Net, NetConfig, NetError, NetEvent, NetHandle, PeerKey, TransportSecret};
use perunika_store::{Store, StoreError};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

/// Application messages that may wait for the shop.
const APP_WAITING_MAX: usize = 256;
/// How long the end may take.
const CLOSE_MAX: Duration = Duration::from_secs(4);
const RELEASE_POLL: Duration = Duration::from_millis(1);

/// Why a node does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The config file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ConnectError),
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The API's address.
    #[error("the API cannot listen on {address}: {reason}")]
    Api {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// A defect.
    #[error("the node broke down: {0}")]
    Broken(String),
}

/// What takes precedence over the config file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the API listens.
    pub api: Option<SocketAddr>,
    /// Where peers connect.
    pub listen: Option<Vec<SocketAddr>>,
    /// The chain's JSON-RPC endpoint.
    pub rpc_url: Option<String>,
}

/// A running node. Dropping it leaves it running; see [`Node::shutdown`].
#[derive(Debug)]
pub struct Node {
    engine: EngineHandle,
    shop: Shop,
    peers: PeerBook,
    identity: Identity,
    api: SocketAddr,
    token: Hidden,
    outcome: watch::Receiver<Option<Result<(), String>>>,
}

/// Text that debug output does not show.
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Node {
    /// `http://host:port` of the API.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The API's bearer token.
    pub fn token(&self) -> &str {
        &self.token.0
    }

    /// The node's addresses.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The node as others write it, `0x<key>@host:port`, if it listens.
    pub fn peer_address(&self) -> Option<String> {
        self.peers.place().map(|place| format!("{}@{place}", self.identity.key))
    }

    /// For programs that hold the node in their own process.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// Files for sale, and downloads.
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// Waits until the node has stopped, by itself (the store failed) or because it was told to.
    pub async fn stopped(&self) -> Result<(), NodeError> {
        let mut outcome = self.outcome.clone();
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(Err(reason))) => Err(NodeError::Broken(reason)),
            Ok(_) => Ok(()),
            Err(_) => Err(NodeError::Broken("the node was torn down with its runtime".into())),
        }
    }

    /// Finishes what is under way, closes all connections and the store, and returns when the folder is free.
    pub async fn shutdown(self) -> Result<(), NodeError> {
        self.engine.stop().await;
        self.stopped().await
    }
}

/// Starts the node in a folder: settings, keys, lock, chain, network, engine, API, in this order. What only reads comes first, so
/// that a mistake changes nothing in the folder.
pub async fn run(folder: &Folder, password: &str, options: Options) -> Result<Node, NodeError> {
    let config = with_options(Config::read(&folder.config())?, options);
    let keys = open_keys(folder, password).await?;
    let store = Store::open(folder.data())?;
    let token = folder.read_token()?;
    let (chain, chain_news) = perunika_chain::connect(chain_config(&config), owner_key(&keys)?).await?;
    let assets = assets::verify(&config, &folder.config(), &chain).await;
    let policy = assets.restrict(config.policy());
    let (net, net_news) = start_net(&config, &keys).await?;
    let identity = Identity { key: keys.node_address()?, owner: keys.owner_address()? };

    let metrics = Arc::new(Metrics::default());
    let tasks = Tasks::default();
    let announce = config.net.announce.clone();
    let peers = PeerBook::open(net.clone(), store.clone(), tasks.clone(), identity.key, announce, &config.net.peers);
    let peers = peers.await?;
    let (events, shop_events) = mpsc::unbounded_channel();
    let (app, shop_app) = mpsc::channel(APP_WAITING_MAX);
    let (ask_owner, owner_asked) = mpsc::channel(owner::WAITING_MAX);
    let (engine, handle) = Engine::new(
        store.clone(),
        participant::Config { domain: config.domain(), owner: identity.owner, policy: policy.clone() },
        Box::new(keys.channel_key()?),
        Box::new(NetPeers { book: peers.clone(), metrics: Arc::clone(&metrics) }),
        Box::new(DrivenChain { chain: chain.clone(), owner: ask_owner }),
        EventSink { events, app, metrics: Arc::clone(&metrics) },
    )?;
    let place = peers.place().unwrap_or_default();
    let home = std::fs::canonicalize(folder.path())
        .map_err(|error| FolderError::Unusable { path: folder.path().into(), reason: error.to_string() })?;
    let ShopSection { serve_from, download_to } = config.shop.clone();
    let folders = Folders { home, serve_from, download_to };
    let dial = Box::new(peers.clone());
    let shop = Shop::new(handle.clone(), store.clone(), identity.key, place, folders, dial, tasks.clone());
    let chain_online = Arc::new(AtomicBool::new(true));
    let api = Api::new(api::Parts {
        engine: handle.clone(),
        store,
        shop: shop.clone(),
        peers: peers.clone(),
        balance: Box::new(OwnerBalance(chain.clone())),
        domain: config.domain(),
        policy,
        assets,
        chain_online: Arc::clone(&chain_online),
        token: token.clone(),
        tasks: tasks.clone(),
        metrics: Arc::clone(&metrics),
        metrics_public: config.api.metrics_public,
    })?;
    let api = Arc::new(api);
    let released = Arc::downgrade(&api);
    tasks.spawn({
        let api = Arc::clone(&api);
        async move { api.forget_orphans().await }
    });
    // No call meets a shop that does not know its downloads yet.
    shop.reopen().map_err(|error| NodeError::Broken(error.to_string()))?;
    let address = start_api(config.api.listen, api, &tasks).await?;
    if let Some(place) = peers.place() {
        folder.write_peer_address(&format!("{}@{place}", identity.key))?;
    }
    folder.write_api_address(&address.to_string())?;

    let ears = Ears { net: net.clone(), engine: handle.clone(), peers: peers.clone(), metrics: Arc::clone(&metrics) };
    tasks.spawn(ears.clone().hear_partners());
    let offers = nano_offers::Settings { nano: config.nano.clone(), tokens: config.tokens.clone() };
    tasks.spawn(nano_offers::answer(handle.clone(), offers, tasks.clone()));
    tasks.spawn(owner::answer(chain.clone(), owner::ways(&config.tokens), owner_asked, handle.clone()));
    tasks.spawn(ears.hear_net(net_news, shop.clone()));
    tasks.spawn(peers.clone().sweep(handle.clone()));
    tasks.spawn(hear_chain(chain_news, handle.clone(), chain_online, metrics));
    let keeper = shop.clone();
    tasks.spawn(async move {
        if let Err(error) = keeper.run(shop_events, shop_app).await {
            tracing::error!(%error, "the shop stopped");
        }
    });
    let outcome = supervise(engine, net, tasks, released);
    tracing::info!(key = %identity.key, api = %address, "the node runs");
    Ok(Node { engine: handle, shop, peers, identity, api: address, token: Hidden(token), outcome })
}

async fn open_keys(folder: &Folder, password: &str) -> Result<Keys, NodeError> {
    let (path, password) = (folder.keystore(), zeroize::Zeroizing::new(password.to_string()));
    let opened = tokio::task::spawn_blocking(move || keystore::open(&path, &password)).await;
    Ok(opened.map_err(|error| NodeError::Broken(error.to_string()))??.keys()?)
}

fn with_options(mut config: Config, options: Options) -> Config {
    config.api.listen = options.api.unwrap_or(config.api.listen);
    config.net.listen = options.listen.unwrap_or(config.net.listen);
    config.chain.rpc_url = options.rpc_url.unwrap_or(config.chain.rpc_url);
    config
}

fn chain_config(config: &Config) -> ChainConfig {
    let section = &config.chain;
    ChainConfig {
        finality_depth: config.finality_depth(),
        poll_ms: section.poll_ms,
        max_fee_per_gas_wei: section.max_fee_per_gas,
        ..ChainConfig::new(section.rpc_url.clone(), section.chain_id, section.adjudicator)
    }
}

fn owner_key(keys: &Keys) -> Result<OwnerKey, KeyError> {
    OwnerKey::from_bytes(&B256::from(*keys.owner.expose())).ok_or(KeyError::Unlucky)
}

async fn start_net(config: &Config, keys: &Keys) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NodeError> {
    let binding = ChannelBinding::new(keys.channel_key()?, config.domain());
    let secret = TransportSecret::new(*keys.transport.expose());
    let mut net = NetConfig::new(secret, config.net.listen.clone());
    net.ways.quic = config.net.quic;
    net.announce = config.net.announce.iter().cloned().collect();
    Ok(Net::start(net, Arc::new(binding)).await?)
}

async fn start_api(address: SocketAddr, api: Arc<Api>, tasks: &Tasks) -> Result<SocketAddr, NodeError> {
    let fail = |error: std::io::Error| NodeError::Api { address, reason: error.to_string() };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    let router = api::router(api);
    let closing = tasks.closing();
    tasks.spawn_to_end(async move {
        let server = axum::serve(listener, router).with_graceful_shutdown(closing.cancelled_owned());
        if let Err(error) = server.await {
            tracing::error!(%error, "the API stopped");
        }
    });
    Ok(bound)
}

/// Runs the engine; when it ends, everything ends. `api` tells when the last connection has let go of the store.
fn supervise(
    engine: Engine,
    net: NetHandle,
    tasks: Tasks,
    api: Weak<Api>,
) -> watch::Receiver<Option<Result<(), String>>> {
    let (sender, outcome) = watch::channel(None);
    tokio::spawn(async move {
        let ended = match tokio::spawn(engine.run()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(error) => Err(format!("the engine broke down: {error}")),
        };
        if let Err(reason) = &ended {
            tracing::error!(reason, "the node stops");
        }
        net.shutdown().await;
        drop(net);
        let close = async {
            tasks.close().await;
            // The server reports its end a moment before its connections drop what they share.
            while api.strong_count() > 0 {
                tokio::time::sleep(RELEASE_POLL).await;
            }
        };
        if tokio::time::timeout(CLOSE_MAX, close).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        drop(tasks);
        sender.send_replace(Some(ended));
    });
    outcome
}

/// Everything that listens to the network needs.
#[derive(Clone)]
struct Ears {
    net: NetHandle,
    engine: EngineHandle,
    peers: PeerBook,
    metrics: Arc<Metrics>,
}

impl Ears {
    async fn hear_net(self, mut news: mpsc::Receiver<NetEvent>, shop: Shop) {
        while let Some(event) = news.recv().await {
            if self.hear(event, &shop).await.is_err() {
                return;
            }
        }
    }

    async fn hear(&self, event: NetEvent, shop: &Shop) -> Result<(), Stopped> {
        match event {
            NetEvent::Connected { peer, .. } => {
                self.engine.input(Input::Connected(peer.0.into())).await?;
                self.peers.arrived();
            }
            NetEvent::Disconnected { peer, reason } => {
                tracing::debug!(%peer, %reason, "disconnected");
                shop.lost(peer.0.into());
                self.peers.left(peer.0.into());
                self.engine.input(Input::Disconnected(peer.0.into())).await?;
            }
            NetEvent::Places { peer, places } => {
                self.peers.learn(peer.0.into(), places, &self.engine);
            }
            NetEvent::Message { peer, bytes, credit, .. } => return self.hear_message(peer, &bytes, credit).await,
            NetEvent::PeerMisbehaved { peer, reason } => {
                tracing::warn!(%peer, reason, "a peer broke the transport");
                self.metrics.misbehaved();
            }
            NetEvent::Refused { addr, reason } => tracing::debug!(addr, %reason, "no connection"),
            _ => {}
        }
        Ok(())
    }

    async fn hear_message(&self, peer: PeerKey, bytes: &[u8], credit: Credit) -> Result<(), Stopped> {
        let from = peer.0.into();
        match wire::receive(bytes) {
            Ok(Received::Message(message, places)) => {
                self.peers.told(from, &message, places);
                return self.engine.message(Input::Message { from, message }, credit).await;
            }
            Ok(Received::WhereIs(keys)) => self.peers.asked(from, &keys),
            Ok(Received::Places(places)) => self.peers.answered(from, places),
            Err(error) => {
                tracing::warn!(%peer, %error, "a message was not understood");
                self.metrics.dropped(Dropped::Malformed);
                self.net.drop_connection(peer, error.to_string());
            }
        }
        Ok(())
    }

    /// Whoever shares a channel with this node is called again from now on.
    async fn hear_partners(self) {
        let mut events = self.engine.events();
        loop {
            let channel = match events.recv().await {
                Ok(Event::ChannelOpen(channel)) => channel,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let peer = self.engine.query(move |participant| participant.ledger(channel).map(|ledger| ledger.peer));
            match peer.await {
                Ok(Some(peer)) => self.peers.partner(peer).await,
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }
}

async fn hear_chain(
    mut news: mpsc::Receiver<ChainOutput>,
    engine: EngineHandle,
    online: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
) {
    while let Some(output) = news.recv().await {
        let told = match output {
            ChainOutput::Update(update) => {
                metrics.chain(update.head, update.settled);
                engine.input(Input::Chain(update)).await
            }
            ChainOutput::Transaction { key, name, outcome, cost } => {
                let cost =
                    cost.map(|cost| TxCost { hash: cost.hash, block: cost.block, gas: cost.gas, fee: cost.fee_wei() });
                engine.transaction(TxEnd { key, name: name.to_string(), outcome, cost }).await
            }
            ChainOutput::Removed { hash } => engine.removed(hash).await,
            ChainOutput::Offline { reason } => {
                online.store(false, Ordering::Relaxed);
                tracing::warn!(reason, "the chain does not answer; the node goes on without it");
                Ok(())
            }
            ChainOutput::Online => {
                online.store(true, Ordering::Relaxed);
                tracing::info!("the chain answers again");
                Ok(())
            }
            ChainOutput::FinalityBroken { lost } => {
                tracing::error!(
                    block = lost.number,
                    "a final block is gone: the finality depth is too low for this chain, or its node lies; money may be lost"
                );
                Ok(())
            }
        };
        if told.is_err() {
            return;
        }
    }
}

struct DrivenChain {
    chain: ChainHandle,
    owner: mpsc::Sender<Asked>,
}

impl Chain for DrivenChain {
    fn submit(&self, key: TxKey, call: Call, deadline: Option<u64>) {
        tracing::info!(call = call.name(), "sends a transaction");
        self.chain.submit(key, call, deadline);
    }

    fn authorise(&self, params: ChannelParams, side: Side, terms: OpenAuth) {
        if self.owner.try_send(Asked { params, side, terms }).is_err() {
            tracing::debug!(id = %terms.id, "too many openings wait for the owner's signature");
        }
    }

    fn watch(&self, watch: Watch) {
        self.chain.watch(watch);
    }

    fn unwatch(&self, watch: Watch) {
        self.chain.unwatch(watch);
    }
}

struct OwnerBalance(ChainHandle);

impl Balance for OwnerBalance {
    fn balance(&self) -> BoxFuture<'_, Option<u128>> {
        Box::pin(async {
            let owner: Address = self.0.owner();
            let balance = self.0.balance(owner).await.ok()?;
            u128::try_from(balance).ok()
        })
    }

    fn gas_price(&self) -> BoxFuture<'_, Option<u128>> {
        Box::pin(async { self.0.gas_price().await.ok() })
    }

    fn holdings<'a>(&'a self, assets: &'a [Address]) -> BoxFuture<'a, Option<Vec<Holding>>> {
        Box::pin(async { self.0.holdings(assets).await.ok() })
    }

    fn estimate<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Estimate, EstimateError>> {
        Box::pin(self.0.estimate(call))
    }
}
