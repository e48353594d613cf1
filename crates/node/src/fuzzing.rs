//! For fuzzing only: a node without sockets, keys on disk and a chain.

use crate::api::{self, Api, Balance};
use crate::assets::Assets;
use crate::config::TokenSections;
use crate::engine::{Chain, Engine, EngineHandle, EventSink, Peers};
use crate::metrics::Metrics;
use crate::peers::PeerBook;
use crate::shop::{self, Folders, Shop};
use crate::tasks::Tasks;
use axum::Router;
use futures::future::BoxFuture;
use perunika_chain::{Estimate, EstimateError, Holding};
use perunika_core::chain::{Call, TxKey, Watch};
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::participant;
use perunika_core::sig::RawKey;
use perunika_core::signed::OpenAuth;
use perunika_core::{Address, B256, io::Event};
use perunika_net::NetHandle;
use perunika_store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A node that nobody can reach but by its API.
pub struct Rig {
    /// The API.
    pub router: Router,
    engine: EngineHandle,
    tasks: Tasks,
    running: JoinHandle<()>,
    shop: Shop,
    // Held so that nothing that the engine tells is an error.
    _heard: (mpsc::UnboundedReceiver<Event>, mpsc::Receiver<(Address, Vec<u8>)>),
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rig").finish_non_exhaustive()
    }
}

struct Nowhere;

impl Peers for Nowhere {
    fn send(&self, _: Address, _: &Message) {}
    fn drop_connection(&self, _: Address, _: &str) {}
}

impl Chain for Nowhere {
    fn submit(&self, _: TxKey, _: Call, _: Option<u64>) {}
    fn authorise(&self, _: ChannelParams, _: Side, _: OpenAuth) {}
    fn watch(&self, _: Watch) {}
    fn unwatch(&self, _: Watch) {}
}

impl Balance for Nowhere {
    fn balance(&self) -> BoxFuture<'_, Option<u128>> {
        Box::pin(async { Some(1) })
    }
    fn gas_price(&self) -> BoxFuture<'_, Option<u128>> {
        Box::pin(async { Some(1) })
    }
    fn holdings<'a>(&'a self, assets: &'a [Address]) -> BoxFuture<'a, Option<Vec<Holding>>> {
        Box::pin(async { Some(assets.iter().map(|_| Holding::default()).collect()) })
    }
    fn estimate<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Estimate, EstimateError>> {
        Box::pin(async { Err(EstimateError::Fails("there is no chain".into())) })
    }
}

/// Opens everything that the store holds, as a node that starts, and runs it.
pub async fn rig(
    store: Store,
    net: NetHandle,
    config: participant::Config,
    key: Box<dyn RawKey + Send>,
    token: &str,
    home: PathBuf,
) -> Result<Rig, String> {
    let (me, domain, policy) = (key.address(), config.domain, config.policy.clone());
    let (tasks, metrics) = (Tasks::default(), Arc::new(Metrics::default()));
    let peers = PeerBook::open(net, store.clone(), tasks.clone(), me, None, &[]).await.map_err(text)?;
    let (events, heard) = mpsc::unbounded_channel();
    let (app, heard_app) = mpsc::channel(16);
    let sink = EventSink { events, app, metrics: Arc::clone(&metrics) };
    let (engine, handle) =
        Engine::new(store.clone(), config, key, Box::new(Nowhere), Box::new(Nowhere), sink).map_err(text)?;
    let folders = Folders { home, serve_from: Vec::new(), download_to: Vec::new() };
    let dial = Box::new(peers.clone());
    let shop = Shop::new(handle.clone(), store.clone(), me, "h:1".into(), folders, dial, tasks.clone());
    let parts = api::Parts {
        engine: handle.clone(),
        store,
        shop: shop.clone(),
        peers,
        balance: Box::new(Nowhere),
        domain,
        policy,
        assets: Assets::new(&TokenSections::new()),
        chain_online: Arc::new(AtomicBool::new(true)),
        token: token.into(),
        tasks: tasks.clone(),
        metrics,
        metrics_public: true,
    };
    let api = Arc::new(Api::new(parts).map_err(text)?);
    tasks.spawn({
        let api = Arc::clone(&api);
        async move { api.forget_orphans().await }
    });
    let running = tokio::spawn(async move {
        // Nothing here can fail but the store, which is in memory.
        let _ = engine.run().await;
    });
    Ok(Rig { router: api::router(api), engine: handle, tasks, running, shop, _heard: (heard, heard_app) })
}

impl Rig {
    /// Stops it; panics if it broke down.
    pub async fn stop(self) {
        drop(self.router);
        self.engine.stop().await;
        let ended = self.running.await;
        self.tasks.close().await;
        assert!(ended.is_ok(), "the engine broke down: {ended:?}");
        drop(self.shop);
    }
}

/// What a shop hears: whether it is something, which is then written as the same thing.
pub fn shop_message(bytes: &[u8]) -> bool {
    let Some(mut say) = shop::Say::decode(bytes) else { return false };
    if let shop::Say::Refused { reason, .. } = &mut say {
        // A longer one is taken than is ever sent.
        *reason = reason.chars().take(100).collect();
    }
    assert_eq!(shop::Say::decode(&say.clone().encode()).as_ref(), Some(&say), "it is written as something else");
    true
}

/// One message of each kind, with a name.
pub fn shop_messages() -> Vec<(String, Vec<u8>)> {
    use crate::shop::Say;
    let (root, vc) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let all = [
        ("start", Say::Start { root, vc }),
        ("started", Say::Started { root, vc, base: 5, owed: Some(0) }),
        ("want", Say::Want { root, vc, index: 7 }),
        ("chunk", Say::Chunk { root, index: 1, data: vec![3; 40], proof: vec![vc, root] }),
        ("refused", Say::Refused { root, reason: "no".into(), later: true }),
    ];
    all.into_iter().map(|(name, say)| (name.into(), say.encode())).collect()
}

/// A keystore that opens with this password and costs next to nothing.
pub fn cheap_keystore(password: &str) -> Vec<u8> {
    crate::keystore::cheap(password).unwrap_or_default().into_bytes()
}

/// A shop's records of offers and of downloads.
pub fn shop_record(bytes: &[u8]) -> bool {
    shop::readable(bytes)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
