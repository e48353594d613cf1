//! The chain behind JSON-RPC over HTTP.

mod error;
mod filters;
mod http;
mod journal;
mod methods;
mod node;
mod params;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::primitives::{Address, U256};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

pub use self::journal::StateError;
use self::{
    journal::{Journal, Loaded},
    node::Node,
};
use crate::{Chain, DEV_ACCOUNTS, DEV_BALANCE, Genesis, dev_address};

/// Says what time it is, in seconds since the epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How long [`ServerHandle::shutdown`] waits for answers under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// What a [`Server`] starts with.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one. `127.0.0.1:8545` by default.
    pub listen: SocketAddr,
    /// Allows an address of `listen` that other machines reach. There is no access control: whoever reaches the server
    /// commands the chain.
    pub allow_remote: bool,
    /// Chain id of EIP-155; 31337 by default.
    pub chain_id: u64,
    /// Mines a block this often, empty if need be; a second by default. None stops it.
    ///
    /// Each block is at least a second later than its parent, so more than one block a second, such as transactions
    /// bring with [`auto_mine`](Self::auto_mine), moves the chain's time ahead of the clock.
    pub block_time: Option<Duration>,
    /// Mines each transaction at once; on by default.
    pub auto_mine: bool,
    /// Accounts of the first block with their balance in wei, in the order of `eth_accounts`; by default, the
    /// [`DEV_ACCOUNTS`] development accounts with [`DEV_BALANCE`] each.
    pub accounts: Vec<(Address, U256)>,
    /// How many blocks behind the head `safe` and `finalized` point; 1 by default.
    pub finality_depth: u64,
    /// Time of the first block, in seconds since the epoch; what the clock says, if none is given.
    pub timestamp: Option<u64>,
    /// A file that keeps the chain; made if there is none. One that is there has the first block, and its accounts, in it.
    /// None by default.
    pub state: Option<PathBuf>,
    /// The largest request, in bytes; 2 MiB by default.
    pub max_body_bytes: usize,
    /// The clock; the system's by default.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            allow_remote: false,
            chain_id: 31_337,
            block_time: Some(Duration::from_secs(1)),
            auto_mine: true,
            accounts: (0..DEV_ACCOUNTS).map(|index| (dev_address(index), DEV_BALANCE)).collect(),
            finality_depth: 1,
            timestamp: None,
            state: None,
            max_body_bytes: 2 << 20,
            clock: Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can be reached from other machines, which was not allowed.
    #[error("{0} is not a loopback address, and remote access is not allowed")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The JSON-RPC server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Starts a chain and serves it until the handle is dropped or [`ServerHandle::shutdown`] is called.
    pub async fn start(config: Config) -> Result<ServerHandle, StartError> {
        let address = config.listen;
        if !address.ip().is_loopback() && !config.allow_remote {
            return Err(StartError::NotLoopback(address));
        }
        let listen_error = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;

        let (journal, Loaded { chain, accounts }) = open(&config)?;
        let (head, _) = watch::channel(chain.height());
        let mut node = Node::new(chain, Arc::clone(&config.clock), accounts, config.auto_mine, head.clone());
        node.journal = journal;
        let node = Arc::new(Shared(Mutex::new(node)));

        let (stop, stopped) = watch::channel(false);
        let router = http::router(Arc::clone(&node), config.max_body_bytes);
        let mut tasks = vec![tokio::spawn(http::serve(listener, router, stopped.clone()))];
        tasks
            .extend(config.block_time.map(|every| tokio::spawn(mine_every(Arc::clone(&node), every, stopped.clone()))));
        if config.state.is_some() {
            tasks.push(tokio::spawn(sync_every(Arc::clone(&node), stopped)));
        }
        tracing::info!(%address, chain_id = config.chain_id, "development chain is up");
        Ok(ServerHandle { address, node, head, stop, tasks })
    }
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    node: Arc<Shared>,
    head: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl ServerHandle {
    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The address of the JSON-RPC endpoint, `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of the last block, each time it changes.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Gives direct access to the chain. The server answers nobody meanwhile.
    pub fn with_chain<R>(&self, f: impl FnOnce(&mut Chain) -> R) -> R {
        let mut node = self.node.lock();
        let result = f(&mut node.chain);
        node.chain_changed();
        result
    }

    /// Stops the server: answers under way are finished, for at most a second.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        for mut task in std::mem::take(&mut self.tasks) {
            if timeout(SHUTDOWN_GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.node.lock().sync();
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            task.abort();
        }
    }
}

/// The node, for one request at a time.
#[derive(Debug)]
struct Shared(Mutex<Node>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Node> {
        // After a panic the chain may be in disorder; a development chain is still of more use up than down.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chain to start with: a new one, or that of the file.
fn open(config: &Config) -> Result<(Option<Journal>, Loaded), StateError> {
    if let Some(path) = &config.state
        && let Some((journal, loaded)) = Journal::open(path, config.chain_id)?
    {
        return Ok((Some(journal), loaded));
    }
    let mut genesis = Genesis::at(config.timestamp.unwrap_or_else(|| (config.clock)()));
    genesis.chain_id = config.chain_id;
    genesis.finality_depth = config.finality_depth;
    for (address, wei) in &config.accounts {
        genesis = genesis.fund(*address, *wei);
    }
    let loaded =
        Loaded { chain: Chain::new(genesis), accounts: config.accounts.iter().map(|(address, _)| *address).collect() };
    let journal = config.state.as_ref().map(|path| Journal::create(path, &loaded.chain, &loaded.accounts));
    Ok((journal.transpose()?, loaded))
}

/// How long what was written may wait for the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);

async fn sync_every(node: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(SYNC_EVERY);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => node.lock().sync(),
        }
    }
}

async fn mine_every(node: Arc<Shared>, every: Duration, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => node.lock().tick(),
        }
    }
}
