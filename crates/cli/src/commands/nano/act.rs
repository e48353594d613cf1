//! `perunika nano answer`, `step`, `prepare`, `hand`, `close` and `reveal`.

use super::board::picture;
use super::name::{Which, name};
use super::say::Said;
use crate::commands::common::{MoneyArgs, answered, json, private_key};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units;
use alloy::primitives::{B256, Bytes};
use perunika_apps::hash_chain;
use perunika_client::types::{self, AnswerNano, CloseNano, Done, HandNano, Nano, PrepareNano, StepNano};
use perunika_client::{Client, ClientError};

/// Agree to a nanocontract that a peer proposes, or refuse it.
#[derive(Debug, clap::Args)]
pub(crate) struct Answer {
    #[command(flatten)]
    which: Which,
    /// Say no, and why.
    #[arg(long, value_name = "REASON")]
    refuse: Option<String>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Make this node's next step. Without an answer it stands: the peer may sign it later, or --force-after takes it to the chain.
#[derive(Debug, clap::Args)]
pub(crate) struct Step {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    said: Said,
    /// After so long without the peer's signature the step is forced on the chain, and the channel ends there.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    force_after: Option<u64>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Keep what is to be said in a dispute when it is this node's turn. Replaces what was kept before.
#[derive(Debug, clap::Args)]
pub(crate) struct Prepare {
    #[command(flatten)]
    which: Which,
    /// Inputs in hexadecimal, tried in this order, separated by commas; at most 16.
    #[arg(long, value_name = "HEX", value_delimiter = ',', required = true)]
    input: Vec<Bytes>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Hand the peer an input for its own next step: a payment, in a hash-chain.
#[derive(Debug, clap::Args)]
pub(crate) struct Hand {
    #[command(flatten)]
    which: Which,
    /// The input, in hexadecimal.
    #[arg(long, value_name = "HEX", required_unless_present = "paid")]
    input: Option<Bytes>,
    /// hash-chain: how many payments will have been made in all.
    #[arg(long, value_name = "NUMBER", requires = "seed", conflicts_with = "input")]
    paid: Option<u32>,
    /// hash-chain: the secret that the chain was opened with, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = private_key)]
    seed: Option<B256>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Close a nanocontract at what its newest version says. The peer agrees by itself if it is over, or if it is this node's turn.
#[derive(Debug, clap::Args)]
pub(crate) struct Close {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Publish a secret in the registry of the chain. A transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Reveal {
    /// 32 bytes in hexadecimal.
    #[arg(value_parser = private_key)]
    secret: B256,
    #[command(flatten)]
    money: MoneyArgs,
}

impl Answer {
    /// Answers, and after a yes waits until it is open.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (nano, key) = (self.which.find(client).await?, self.money.key());
        let agreed = self.refuse.is_none();
        let body = AnswerNano { refuse: self.refuse, wait_s: self.money.wait_s() };
        let done = answered(client.answer_nano(name(&nano), &body, &key).await, &key)?;
        let word = if agreed { "is open" } else { "is refused" };
        output.result(&json(&done)?, || format!("{} {word}", nano.nid));
        Ok(())
    }
}

impl Step {
    /// Makes it and waits until both have signed.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (nano, key) = (self.which.find(client).await?, self.money.key());
        let body =
            StepNano { input: self.said.bytes(&nano)?, force_after: self.force_after, wait_s: self.money.wait_s() };
        let state = async || {
            let shown = client.nano(nano.id.channel, nano.nid).await.ok()?;
            shown.refused.map(|reason| format!("the peer does not sign: {reason}"))
        };
        let done = answered(output.watch(client.step_nano(name(&nano), &body, &key), state).await, &key)?;
        let now = client.nano(nano.id.channel, nano.nid).await;
        output.result(&json(&done)?, || stepped(&done, now));
        Ok(())
    }
}

fn stepped(done: &Done, now: std::result::Result<Nano, ClientError>) -> String {
    let version = done.version.map(|version| format!(" as version {version}")).unwrap_or_default();
    match now {
        Ok(nano) => {
            let picture = picture(&nano).map(|picture| format!("\n{picture}")).unwrap_or_default();
            let turn = match (nano.steps_left, nano.my_turn) {
                (0, _) => "it is over",
                (_, true) => "this node is next",
                (_, false) => "the peer is next",
            };
            format!("stepped{version}; {turn}{picture}")
        }
        // What is over is closed by both at once.
        Err(_) => format!("stepped{version}; it is over and closed"),
    }
}

impl Prepare {
    /// Keeps them.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (nano, key) = (self.which.find(client).await?, self.money.key());
        let count = self.input.len();
        let body = PrepareNano { inputs: self.input };
        let done = answered(client.prepare_nano(name(&nano), &body, &key).await, &key)?;
        output.result(&json(&done)?, || format!("{count} kept for a dispute of {}", nano.nid));
        Ok(())
    }
}

impl Hand {
    /// Hands it over and waits until the peer has it.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (nano, key) = (self.which.find(client).await?, self.money.key());
        let input = match (self.input, self.paid, self.seed) {
            (None, Some(paid), Some(seed)) => payment(&nano, seed, paid)?,
            (input, ..) => input.unwrap_or_default(),
        };
        let body = HandNano { input, wait_s: self.money.wait_s() };
        let done = answered(client.hand_nano(name(&nano), &body, &key).await, &key)?;
        output.result(&json(&done)?, || "the peer has it".to_owned());
        Ok(())
    }
}

fn payment(nano: &Nano, seed: B256, paid: u32) -> Result<Bytes> {
    let chain = hash_chain::Chain::decode(&nano.storage).map_err(Error::user)?;
    let payer = hash_chain::Payer::new(seed, chain.length).ok_or_else(|| Error::user("the chain is too long"))?;
    if payer.pay(chain.index).is_none_or(|newest| newest[32..] != chain.anchor[..]) {
        return Err(Error::user("the chain was opened with another secret"));
    }
    payer.pay(paid).map(Bytes::from).ok_or_else(|| Error::user(format!("the chain has {} payments", chain.length)))
}

impl Close {
    /// Closes it and waits until it is out of the channel.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (nano, key) = (self.which.find(client).await?, self.money.key());
        let body = CloseNano { wait_s: self.money.wait_s() };
        let done = answered(client.close_nano(name(&nano), &body, &key).await, &key)?;
        output.result(&json(&done)?, || format!("{} is closed", nano.nid));
        Ok(())
    }
}

impl Reveal {
    /// Sends the transaction; its end shows among the events.
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let key = self.money.key();
        let done = answered(client.reveal(&types::Reveal { secret: self.secret }, &key).await, &key)?;
        output.result(&json(&done)?, || "the secret is on its way to the chain".to_owned());
        Ok(())
    }
}
