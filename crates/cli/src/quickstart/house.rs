//! The processes of the story, and the way to talk to them.

use super::process::Process;
use crate::commands::common::client;
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use crate::units::Wei;
use alloy::primitives::Address;
use perunika_client::Client;
use perunika_core::Domain;
use perunika_net::PeerAddr;
use perunika_node::config::Template;
use perunika_node::folder::Folder;
use perunika_node::keys::Phrase;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(30);
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Everybody, and where their files are.
#[derive(Debug)]
pub(crate) struct House {
    dir: PathBuf,
    output: Output,
    /// The embedded chain, if it is used.
    chain: Option<Process>,
    /// The buyer.
    pub(crate) alice: Resident,
    /// The hub.
    pub(crate) ingrid: Resident,
    /// The seller.
    pub(crate) bob: Resident,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Resident {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its name among peers.
    pub(crate) key: Address,
    /// Its account.
    pub(crate) owner: Address,
    dir: PathBuf,
    phrase: Phrase,
    password: String,
    listen: SocketAddr,
    process: Option<Process>,
}

impl House {
    /// Draws the keys; starts nothing yet.
    pub(crate) fn new(dir: PathBuf, output: Output) -> Result<Self> {
        let [a, i, b] = free_ports()?;
        let alice = Resident::new("alice", dir.join("alice"), a)?;
        let ingrid = Resident::new("ingrid", dir.join("ingrid"), i)?;
        let bob = Resident::new("bob", dir.join("bob"), b)?;
        Ok(Self { dir, output, chain: None, alice, ingrid, bob })
    }

    /// Tells people what happens.
    pub(crate) fn say(&self, text: &str) {
        self.output.say(text);
    }

    /// The nodes.
    pub(crate) fn residents(&mut self) -> [&mut Resident; 3] {
        [&mut self.alice, &mut self.ingrid, &mut self.bob]
    }

    /// Starts the embedded chain with some money for everybody; returns its URL.
    pub(crate) async fn start_chain(&mut self, each: Wei) -> Result<String> {
        let record = self.dir.join("chain.url");
        // Of an earlier story in this folder.
        let _ = std::fs::remove_file(&record);
        let mut args = vec!["devnet".to_owned(), "--listen".into(), "127.0.0.1:0".into()];
        args.extend(["--record".into(), record.display().to_string(), "--until-stdin-closes".into()]);
        for resident in self.residents() {
            args.extend(["--fund".into(), format!("{}={each}wei", resident.owner)]);
        }
        let log = self.dir.join("chain.log");
        let chain = self.chain.insert(Process::spawn("the chain", &args, &[], &log)?);
        let url = chain.wait_until("start", START_LIMIT, async || std::fs::read_to_string(&record).ok()).await?;
        Ledger::new(&url)?.chain_id().await?;
        Ok(url)
    }

    /// Sets the nodes up, each knowing the one before it in the path, and starts them.
    pub(crate) async fn start_nodes(&mut self, rpc: &str, domain: Domain) -> Result<()> {
        let (hub, seller) = (self.ingrid.address()?, self.bob.address()?);
        self.ingrid.init(rpc, domain, vec![])?;
        self.bob.init(rpc, domain, vec![hub.clone()])?;
        self.alice.init(rpc, domain, vec![hub, seller])?;
        for resident in self.residents() {
            resident.start()?;
        }
        for resident in self.residents() {
            resident.wait_ready().await?;
        }
        Ok(())
    }

    /// Waits until alice and bob are connected with each other and with ingrid.
    pub(crate) async fn wait_connected(&mut self) -> Result<()> {
        let (alice, ingrid, bob) = (self.alice.key, self.ingrid.key, self.bob.key);
        self.alice.wait_connected(&[ingrid, bob]).await?;
        self.bob.wait_connected(&[ingrid, alice]).await
    }

    /// Nobody may have died unnoticed.
    pub(crate) fn check(&mut self) -> Result<()> {
        let residents = [&mut self.alice, &mut self.ingrid, &mut self.bob];
        let nodes = residents.into_iter().filter_map(|resident| resident.process.as_mut());
        nodes.chain(&mut self.chain).try_for_each(Process::check)
    }

    /// The ends of all logs.
    pub(crate) fn log_tails(&self) -> String {
        let residents = [&self.alice, &self.ingrid, &self.bob].map(|resident| resident.process.as_ref());
        let all = [self.chain.as_ref()].into_iter().chain(residents).flatten();
        all.map(|process| format!("--- {}\n{}\n", process.name(), process.log_tail())).collect()
    }
}

impl Resident {
    fn new(name: &'static str, dir: PathBuf, listen: SocketAddr) -> Result<Self> {
        if dir.exists() {
            return Err(Error::user(format!("{} exists; the story needs a folder of its own", dir.display())));
        }
        std::fs::create_dir_all(&dir).map_err(|e| Error::user(format!("{} cannot be made: {e}", dir.display())))?;
        let phrase = Phrase::generate().map_err(Error::other)?;
        let keys = phrase.keys().map_err(Error::other)?;
        let key = keys.node_address().map_err(Error::other)?;
        let owner = keys.owner_address().map_err(Error::other)?;
        let password = perunika_client::fresh_key();
        Ok(Self { name, key, owner, dir, phrase, password, listen, process: None })
    }

    fn address(&self) -> Result<PeerAddr> {
        format!("{}@{}", self.key, self.listen).parse().map_err(Error::other)
    }

    fn init(&self, rpc: &str, domain: Domain, peers: Vec<PeerAddr>) -> Result<()> {
        let hub = self.name == "ingrid";
        let template = Template { listen: self.listen, api: ANY_PORT, hub, peers, ..Template::new(rpc, domain) };
        let made = Folder::new(&self.dir).init(&template, &self.phrase, &self.password);
        made.map(drop).map_err(|e| Error::other(format!("{} cannot be set up: {e}", self.name)))
    }

    /// Starts its process, again if it was killed.
    pub(crate) fn start(&mut self) -> Result<()> {
        let dir = self.dir.display().to_string();
        let args = ["--dir", &dir, "node", "--until-stdin-closes"].map(str::to_owned);
        let log = self.dir.join("node.log");
        let envs = [("PERUNIKA_PASSWORD", self.password.as_str())];
        self.process = Some(Process::spawn(self.name, &args, &envs, &log)?);
        Ok(())
    }

    /// Waits until its API answers.
    pub(crate) async fn wait_ready(&mut self) -> Result<()> {
        let dir = self.dir.clone();
        let answers = async || client(&dir).ok()?.health().await.ok();
        self.process()?.wait_until("answer", START_LIMIT, answers).await?;
        Ok(())
    }

    async fn wait_connected(&mut self, peers: &[Address]) -> Result<()> {
        let client = self.client()?;
        let connected = async || {
            let info = client.info().await.ok()?;
            peers.iter().all(|peer| info.connected.contains(peer)).then_some(())
        };
        self.process()?.wait_until("reach its peers", CONNECT_LIMIT, connected).await
    }

    /// Kills its process without a warning (SIGKILL).
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Its API.
    pub(crate) fn client(&self) -> Result<Client> {
        client(&self.dir)
    }

    /// A place in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn process(&mut self) -> Result<&mut Process> {
        let name = self.name;
        self.process.as_mut().ok_or_else(|| Error::other(format!("{name} is not running")))
    }
}

/// A free port for each node. They lie below the range from which systems take ports for outgoing connections, so that
/// nobody takes the hub's while it is dead; each is held until all are known, so they differ.
fn free_ports() -> Result<[SocketAddr; 3]> {
    // Stories that begin at the same time have neighbouring process ids; their ports do not overlap.
    let start = (u64::from(std::process::id()) * 3 % u64::from(PORTS)) as u16;
    let around = (0..PORTS).map(|step| FIRST_PORT + (start + step) % PORTS);
    let held = around.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).take(3);
    let ports: Vec<SocketAddr> = held.collect::<Vec<_>>().iter().filter_map(|held| held.local_addr().ok()).collect();
    ports.try_into().map_err(|_| Error::other("there are no three free ports on this machine"))
}
