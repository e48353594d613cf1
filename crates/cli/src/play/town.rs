//! The processes: a chain, two players, and two hubs between them.

use crate::commands::common::applied;
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::output::Output;
use crate::quickstart::house::{Resident, free_ports};
use crate::quickstart::process::{Process, Seat};
use crate::units::Wei;
use perunika_client::types::{Channel, Done};
use perunika_client::{Client, ClientError, fresh_key};
use perunika_core::Domain;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);
/// For what a node does by itself, as soon as it sees a reason.
pub(super) const LIMIT: Duration = Duration::from_secs(120);
pub(super) const POLL: Duration = Duration::from_millis(50);
/// A call that waits for peers and blocks is done long before, seconds.
pub(super) const WAIT_S: u64 = 120;

/// A player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Party A, with the crosses.
    Alice,
    /// Party B, with the noughts.
    Bob,
}

impl Who {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }
}

/// Everybody, in the order of the path.
#[derive(Debug)]
pub(super) struct Town {
    dir: PathBuf,
    output: Output,
    chain: Seat,
    chain_listen: SocketAddr,
    /// alice, ingrid, jana, bob.
    pub(super) path: [Resident; 4],
}

impl Town {
    /// Draws the keys; starts nothing yet.
    pub(super) fn new(dir: PathBuf, output: Output) -> Result<Self> {
        let [a, i, j, b, chain_listen] = free_ports()?;
        let made = |name, port| Resident::new(name, dir.join(name), port);
        let path = [made("alice", a)?, made("ingrid", i)?, made("jana", j)?, made("bob", b)?];
        Ok(Self { dir, output, chain: Seat::default(), chain_listen, path })
    }

    /// Tells people what happens.
    pub(super) fn say(&self, text: &str) {
        self.output.say(text);
    }

    pub(super) fn player(&self, who: Who) -> &Resident {
        match who {
            Who::Alice => &self.path[0],
            Who::Bob => &self.path[3],
        }
    }

    /// The hub at which a player has its channel.
    pub(super) fn hub_of(&self, who: Who) -> &Resident {
        match who {
            Who::Alice => &self.path[1],
            Who::Bob => &self.path[2],
        }
    }

    /// Starts the embedded chain with some money for everybody; returns its URL.
    pub(super) async fn start_chain(&self, each: Wei) -> Result<String> {
        let listen = self.chain_listen.to_string();
        let mut args = vec!["devnet".to_owned(), "--listen".into(), listen, "--until-stdin-closes".into()];
        for resident in &self.path {
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

    /// Sets the nodes up, each knowing its neighbours and the players each other, and starts them.
    pub(super) async fn start_nodes(&self, rpc: &str, domain: Domain) -> Result<()> {
        let [alice, ingrid, jana, bob] = &self.path;
        ingrid.init(rpc, domain, (true, vec![]))?;
        jana.init(rpc, domain, (true, vec![ingrid.address()?]))?;
        bob.init(rpc, domain, (false, vec![jana.address()?, ingrid.address()?]))?;
        alice.init(rpc, domain, (false, vec![ingrid.address()?, jana.address()?, bob.address()?]))?;
        for resident in &self.path {
            resident.start()?;
        }
        for resident in &self.path {
            resident.wait_ready().await?;
        }
        alice.wait_connected(&[ingrid.key, jana.key, bob.key]).await?;
        bob.wait_connected(&[ingrid.key, jana.key, alice.key]).await?;
        jana.wait_connected(&[ingrid.key]).await
    }

    /// Nobody may have died unnoticed.
    pub(super) fn check(&self) -> Result<()> {
        self.seats().try_for_each(Seat::check)
    }

    /// The ends of all logs.
    pub(super) fn log_tails(&self) -> String {
        self.seats().filter_map(Seat::log_tail).collect()
    }

    fn seats(&self) -> impl Iterator<Item = &Seat> {
        [&self.chain].into_iter().chain(self.path.iter().map(Resident::seat))
    }

    /// Asks again and again until there is an answer.
    pub(super) async fn wait<T>(
        &self,
        otherwise: &str,
        mut ready: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(answer) = ready().await? {
                return Ok(answer);
            }
            self.check()?;
            if start.elapsed() > LIMIT {
                return Err(Error::peer(otherwise));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the ledger channels of a node are as they should be.
    pub(super) async fn wait_channels(
        &self,
        who: &Resident,
        otherwise: &str,
        fine: impl Fn(&[Channel]) -> bool,
    ) -> Result<()> {
        self.wait(otherwise, async || Ok(fine(&who.client()?.channels().await?).then_some(()))).await
    }
}

/// Gives an order that moves money and waits for its end.
pub(super) async fn order(
    who: &Resident,
    what: &str,
    call: impl AsyncFnOnce(Client, &str) -> std::result::Result<Done, ClientError>,
) -> Result<Done> {
    let key = fresh_key();
    let done = call(who.client()?, &key).await.map_err(Error::from);
    done.and_then(|done| applied(done, &key)).map_err(|error| error.while_doing(what))
}
