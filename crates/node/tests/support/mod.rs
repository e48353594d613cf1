//! A chain, nodes on it, and what tests wait for.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

mod chain;
pub mod shop;

use chain::Chain;
use perunika_chain::OwnerKey;
use perunika_client::types::{Done, OpenChannel, OpenVirtual, Outcome, Source, Wei};
use perunika_client::{Client, fresh_key};
use perunika_core::info::LedgerStage;
use perunika_core::sig::MemoryKey;
use perunika_core::{Address, B256, Domain};
use perunika_devnet::dev_key;
use perunika_node::config::Template;
use perunika_node::daemon::{self, Node, Options};
use perunika_node::folder::Folder;
use perunika_node::keys::Phrase;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// No word of any log.
pub const PASSWORD: &str = "lipa-7-strom";
pub const ETH: u128 = 1_000_000_000_000_000_000;
/// Nothing here takes longer, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A development chain with the contract.
pub struct World {
    pub chain: Chain,
    pub domain: Domain,
    phrases: Vec<Phrase>,
}

/// A node that runs, with its folder.
pub struct Running {
    pub node: Node,
    pub api: Client,
    pub folder: TempDir,
    /// A place for its files, outside the node's folder.
    pub files: TempDir,
}

impl World {
    /// With accounts for `nodes` nodes.
    pub async fn new(nodes: usize) -> Self {
        let phrases: Vec<Phrase> = (0..nodes).map(|_| Phrase::generate().unwrap()).collect();
        let owners: Vec<Address> =
            phrases.iter().map(|phrase| phrase.keys().unwrap().owner_address().unwrap()).collect();
        let mut chain = Chain::start(&owners).await;
        let deployer = OwnerKey::from_bytes(&dev_key(0)).unwrap();
        let adjudicator = perunika_chain::deploy(&chain.url(), &deployer).await.unwrap().address;
        chain.trouble().await;
        let chain_id = 31_337;
        Self { chain, domain: Domain { chain_id, adjudicator }, phrases }
    }

    /// Another contract on the same chain.
    pub async fn another_contract(&self) -> Domain {
        let deployer = OwnerKey::from_bytes(&dev_key(0)).unwrap();
        let adjudicator = perunika_chain::deploy(&self.chain.url(), &deployer).await.unwrap().address;
        Domain { adjudicator, ..self.domain }
    }

    /// Starts node number `index` with a contract of its own choice.
    pub async fn start_under(&self, domain: Domain, index: usize) -> Running {
        let (ours, theirs) = (self.domain.adjudicator.to_string(), domain.adjudicator.to_string());
        self.start_with(index, |text| text.replace(&ours, &theirs)).await
    }

    /// The words of node number `index`.
    pub fn phrase(&self, index: usize) -> String {
        self.phrases[index].words().to_string()
    }

    /// Starts node number `index`.
    pub async fn start(&self, index: usize, hub: bool) -> Running {
        Running::start(self.folder(index, hub)).await
    }

    /// The same with another config file.
    pub async fn start_with(&self, index: usize, change: impl Fn(String) -> String) -> Running {
        let folder = self.folder(index, false);
        let config = Folder::new(folder.path()).config();
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, change(text)).unwrap();
        Running::start(folder).await
    }

    /// The folder of node number `index`, before its first start.
    pub fn folder(&self, index: usize, hub: bool) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let finality_depth = self.chain.finality_depth();
        let template =
            Template { hub, listen: any, api: any, finality_depth, ..Template::new(self.chain.url(), self.domain) };
        Folder::new(folder.path()).init(&template, &self.phrases[index], PASSWORD).unwrap();
        folder
    }
}

impl World {
    /// The channel key of node number `index`.
    pub fn channel_key(&self, index: usize) -> MemoryKey {
        self.phrases[index].keys().unwrap().channel_key().unwrap()
    }
}

impl Running {
    pub async fn start(folder: TempDir) -> Self {
        Self::start_beside(folder, tempfile::tempdir().unwrap()).await
    }

    async fn start_beside(folder: TempDir, files: TempDir) -> Self {
        let node = daemon::run(&Folder::new(folder.path()), PASSWORD, Options::default()).await.unwrap();
        let api = Client::new(&node.api_url(), node.token());
        // Before it has read the chain it signs nothing.
        until(|| async { api.info().await.unwrap().head > 0 }).await;
        Self { node, api, folder, files }
    }

    /// Stops and starts again from what is on the disk.
    pub async fn restart(self) -> Self {
        self.node.shutdown().await.unwrap();
        Self::start_beside(self.folder, self.files).await
    }

    /// From now on, and after restarts, the node listens where it does now.
    pub fn pin_port(&self) {
        let config = Folder::new(self.folder.path()).config();
        let text = std::fs::read_to_string(&config).unwrap();
        let address = self.node.peer_address().unwrap();
        let (_, place) = address.split_once('@').unwrap();
        std::fs::write(&config, text.replacen("listen = [\"127.0.0.1:0\"]", &format!("listen = [\"{place}\"]"), 1))
            .unwrap();
    }

    pub fn key(&self) -> Address {
        self.node.identity().key
    }

    /// Connects to another node and waits until that stands on both sides.
    pub async fn connect(&self, other: &Self) {
        self.api.add_peer(&other.node.peer_address().unwrap()).await.unwrap();
        let (me, you) = (self.key(), other.key());
        until(|| async { self.api.info().await.unwrap().connected.contains(&you) }).await;
        until(|| async { other.api.info().await.unwrap().connected.contains(&me) }).await;
    }

    pub async fn open_channel(&self, peer: Address, amount: u128, peer_amount: u128) -> B256 {
        let body = OpenChannel {
            peer,
            asset: Address::ZERO,
            amount: Wei(amount),
            peer_amount: Wei(peer_amount),
            lane: 0,
            from: Some(Source::Wallet),
            peer_sends: false,
            wait_s: Some(100),
        };
        applied(self.api.open_channel(&body, &fresh_key()).await.unwrap())
    }

    pub async fn open_virtual(&self, hub: Address, peer: Address, amount: u128) -> B256 {
        let body = OpenVirtual {
            hubs: vec![hub],
            peer,
            amount: Wei(amount),
            peer_amount: Wei(0),
            asset: Address::ZERO,
            term: None,
            fee_max: Wei(ETH),
            renew: false,
            wait_s: Some(100),
        };
        applied(self.api.open_virtual(&body, &fresh_key()).await.unwrap())
    }
}

/// Alice and Bob, each with a channel to the hub.
pub async fn triangle(world: &World) -> [Running; 3] {
    let (alice, hub, bob) = (world.start(0, false).await, world.start(1, true).await, world.start(2, false).await);
    alice.connect(&hub).await;
    bob.connect(&hub).await;
    alice.connect(&bob).await;
    alice.open_channel(hub.key(), 10 * ETH, 10 * ETH).await;
    bob.open_channel(hub.key(), 10 * ETH, 10 * ETH).await;
    // Each sees the chain for itself, the hub perhaps later than those who opened.
    until(|| async { open_channels(&hub).await == 2 }).await;
    [alice, hub, bob]
}

pub async fn open_channels(node: &Running) -> usize {
    let channels = node.api.channels().await.unwrap();
    channels.iter().filter(|channel| channel.stage == LedgerStage::Open).count()
}

/// The channel of a call that was applied.
pub fn applied(done: Done) -> B256 {
    assert_eq!(done.result, Outcome::Applied, "{done:?}");
    done.id.expect("an applied call names its channel").channel
}

/// A plain call without the client: status and body.
pub async fn http_get(url: &str, path: &str, token: Option<&str>) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = url.strip_prefix("http://").unwrap();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{token}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
}

/// Waits until something holds; what there is to wait for has no event of its own.
pub async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let wait = async {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            turn.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it never held");
}
