//! The processes of the story, and the way to talk to them.

use super::phase::Phase;
use super::process::{Process, Seat};
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
use perunika_node::keys::{Keys, Phrase};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

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
    chain: Seat,
    chain_listen: SocketAddr,
    /// The buyer.
    pub(crate) alice: Resident,
    /// The hub.
    pub(crate) ingrid: Resident,
    /// The seller.
    pub(crate) bob: Resident,
    /// Nodes are killed at any moment, and calls are repeated until they are through.
    pub(crate) restless: bool,
    phase: watch::Sender<Phase>,
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
    seat: Seat,
    /// The way to its newest API.
    line: Mutex<Option<Client>>,
}

impl House {
    /// Draws the keys; starts nothing yet.
    pub(crate) fn new(dir: PathBuf, output: Output, restless: bool) -> Result<Self> {
        let [a, i, b, chain_listen] = free_ports()?;
        let alice = Resident::new("alice", dir.join("alice"), a)?;
        let ingrid = Resident::new("ingrid", dir.join("ingrid"), i)?;
        let bob = Resident::new("bob", dir.join("bob"), b)?;
        let (chain, phase) = (Seat::default(), watch::Sender::default());
        Ok(Self { dir, output, chain, chain_listen, alice, ingrid, bob, restless, phase })
    }

    /// A place beside the nodes' folders: nothing inside those is sold or downloaded.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Tells people what happens.
    pub(crate) fn say(&self, text: &str) {
        self.output.say(text);
    }

    /// The next part of the story begins.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Tells which part of the story is being told.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The nodes.
    pub(crate) fn residents(&self) -> [&Resident; 3] {
        [&self.alice, &self.ingrid, &self.bob]
    }

    /// Starts the embedded chain with some money for everybody; returns its URL.
    pub(crate) async fn start_chain(&self, each: Wei) -> Result<String> {
        let mut args = vec!["devnet".to_owned(), "--listen".into(), self.chain_listen.to_string()];
        args.push("--until-stdin-closes".into());
        if self.restless {
            // It may be killed, too.
            args.extend(["--state".into(), self.dir.join("chain.state").display().to_string()]);
        }
        for resident in self.residents() {
            args.extend(["--fund".into(), format!("{}={each}wei", resident.owner)]);
        }
        let log = self.dir.join("chain.log");
        self.chain.fill(|| Process::spawn("the chain", &args, &[], &log))?;
        let url = format!("http://{}", self.chain_listen);
        let ledger = Ledger::new(&url)?;
        let answers = async || ledger.chain_id().await.ok();
        self.chain.wait_until(("the chain", "start"), START_LIMIT, answers).await?;
        Ok(url)
    }

    /// Kills the embedded chain and waits until it is back with everything that it had answered for; false if there is none.
    pub(crate) async fn kill_chain(&self) -> Result<bool> {
        // What it starts with comes from its file.
        let there = self.restless && self.chain.is_taken();
        if there {
            self.start_chain(0).await?;
        }
        Ok(there)
    }

    /// Sets the nodes up, each knowing the one before it in the path, and starts them.
    pub(crate) async fn start_nodes(&self, rpc: &str, domain: Domain) -> Result<()> {
        let (hub, seller) = (self.ingrid.address()?, self.bob.address()?);
        self.ingrid.init(rpc, domain, (true, vec![]))?;
        self.bob.init(rpc, domain, (false, vec![hub.clone()]))?;
        self.alice.init(rpc, domain, (false, vec![hub, seller]))?;
        for resident in self.residents() {
            resident.start()?;
        }
        for resident in self.residents() {
            resident.wait_ready().await?;
        }
        Ok(())
    }

    /// Waits until alice and bob are connected with each other and with ingrid.
    pub(crate) async fn wait_connected(&self) -> Result<()> {
        let (alice, ingrid, bob) = (self.alice.key, self.ingrid.key, self.bob.key);
        self.alice.wait_connected(&[ingrid, bob]).await?;
        self.bob.wait_connected(&[ingrid, alice]).await
    }

    /// Nobody may have died unnoticed.
    pub(crate) fn check(&self) -> Result<()> {
        self.seats().into_iter().try_for_each(Seat::check)
    }

    /// The ends of all logs.
    pub(crate) fn log_tails(&self) -> String {
        self.seats().into_iter().filter_map(Seat::log_tail).collect()
    }

    fn seats(&self) -> [&Seat; 4] {
        [&self.chain, &self.alice.seat, &self.ingrid.seat, &self.bob.seat]
    }
}

impl Resident {
    /// Draws its keys and makes its folder.
    pub(crate) fn new(name: &'static str, dir: PathBuf, listen: SocketAddr) -> Result<Self> {
        if dir.exists() {
            return Err(Error::user(format!("{} exists; the story needs a folder of its own", dir.display())));
        }
        std::fs::create_dir_all(&dir).map_err(|e| Error::user(format!("{} cannot be made: {e}", dir.display())))?;
        let phrase = Phrase::generate().map_err(Error::other)?;
        let keys = phrase.keys().map_err(Error::other)?;
        let key = keys.node_address().map_err(Error::other)?;
        let owner = keys.owner_address().map_err(Error::other)?;
        let password = perunika_client::fresh_key();
        Ok(Self { name, key, owner, dir, phrase, password, listen, seat: Seat::default(), line: Mutex::default() })
    }

    /// As others write it.
    pub(crate) fn address(&self) -> Result<PeerAddr> {
        format!("{}@{}", self.key, self.listen).parse().map_err(Error::other)
    }

    /// Sets it up, as a hub or not.
    pub(crate) fn init(&self, rpc: &str, domain: Domain, (hub, peers): (bool, Vec<PeerAddr>)) -> Result<()> {
        let template = Template { listen: self.listen, api: ANY_PORT, hub, peers, ..Template::new(rpc, domain) };
        let made = Folder::new(&self.dir).init(&template, &self.phrase, &self.password);
        made.map(drop).map_err(|e| Error::other(format!("{} cannot be set up: {e}", self.name)))
    }

    /// Starts its process; one that runs is killed without a warning (SIGKILL).
    pub(crate) fn start(&self) -> Result<()> {
        let dir = self.dir.display().to_string();
        let args = ["--dir", &dir, "node", "--until-stdin-closes"].map(str::to_owned);
        let log = self.dir.join("node.log");
        let envs = [("PERUNIKA_PASSWORD", self.password.as_str())];
        self.seat.fill(|| Process::spawn(self.name, &args, &envs, &log))
    }

    /// Whether its process runs.
    pub(crate) fn is_up(&self) -> bool {
        self.seat.is_taken()
    }

    /// Waits until its API answers.
    pub(crate) async fn wait_ready(&self) -> Result<()> {
        // A file of an earlier process may name a port that another node has by now.
        let answers = async || client(&self.dir).ok()?.info().await.ok().filter(|info| info.key == self.key);
        self.seat.wait_until((self.name, "answer"), START_LIMIT, answers).await?;
        self.hang_up();
        Ok(())
    }

    /// Waits until it is connected with all of them.
    pub(crate) async fn wait_connected(&self, peers: &[Address]) -> Result<()> {
        let connected = async || {
            let info = self.client().ok()?.info().await.inspect_err(|_| self.hang_up()).ok()?;
            peers.iter().all(|peer| info.connected.contains(peer)).then_some(())
        };
        self.seat.wait_until((self.name, "reach its peers"), CONNECT_LIMIT, connected).await
    }

    /// Where its process lives.
    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Kills its process without a warning (SIGKILL).
    pub(crate) fn kill(&self) {
        self.seat.empty();
    }

    /// Its API.
    pub(crate) fn client(&self) -> Result<Client> {
        let mut line = self.line();
        match &*line {
            Some(client) => Ok(client.clone()),
            None => Ok(line.insert(client(&self.dir)?).clone()),
        }
    }

    /// Its API moves with every process; the next call looks where it is.
    pub(crate) fn hang_up(&self) {
        self.line().take();
    }

    fn line(&self) -> MutexGuard<'_, Option<Client>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its secrets: whoever runs a node has them.
    pub(crate) fn keys(&self) -> Result<Keys> {
        self.phrase.keys().map_err(Error::other)
    }
}

/// So many free ports, one for each process. They lie below the range from which systems take ports for outgoing connections, so that
/// nobody takes a node's while it is dead; each is held until all are known, so they differ.
pub(crate) fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    // Stories that begin at the same time have neighbouring process ids; their ports do not overlap.
    let start = (u64::from(std::process::id()) * N as u64 % u64::from(PORTS)) as u16;
    let around = (0..PORTS).map(|step| FIRST_PORT + (start + step) % PORTS);
    let held = around.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).take(N);
    let ports: Vec<SocketAddr> = held.collect::<Vec<_>>().iter().filter_map(|held| held.local_addr().ok()).collect();
    ports.try_into().map_err(|_| Error::other(format!("there are no {N} free ports on this machine")))
}
