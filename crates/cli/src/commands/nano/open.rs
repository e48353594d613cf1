//! `perunika nano open`

use super::file::{Code, named};
use super::name::channel;
use crate::assets::Unit;
use crate::commands::common::{MoneyArgs, Named, answered, channel_name, private_key, wait_connected};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units::{self, Money, Wei};
use alloy::primitives::{Address, B256, Bytes};
use perunika_apps::{App, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_client::Client;
use perunika_client::types::{Mover, OpenNano, Party, Role};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;

/// Propose a nanocontract to the other party of a channel, and open it if that agrees. No transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The channel, ledger or virtual, by its id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// coin-toss, tic-tac-toe, hash-lock, hash-chain, or a file: an artifact with `deployedBytecode`, or runtime bytecode in hexadecimal.
    #[arg(long, visible_alias = "code", value_name = "NAME")]
    app: String,
    /// What this node puts in. Of hash-lock and hash-chain: what it may pay with it.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    stake: Money,
    /// What the peer puts in; in games the same, else nothing.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    peer_stake: Option<Money>,
    /// Who moves first: me or peer. Payments and coins have their own order.
    #[arg(long, value_name = "WHO", default_value = "me", value_parser = mover)]
    first: Mover,
    /// coin-toss: how many tosses.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    tosses: u8,
    /// hash-lock: keccak256 of the secret that this node pays for.
    #[arg(long, value_name = "HASH")]
    hash: Option<B256>,
    /// hash-lock: how long the secret is paid for.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = units::seconds)]
    pays_for: u64,
    /// hash-lock: for how much of this time, at its end, the secret must have been published on the chain. At least the `m_safe` of every node that
    /// pays for it; by default half of the time.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    margin: Option<u64>,
    /// hash-chain: how many payments the stake is for.
    #[arg(long, value_name = "NUMBER")]
    payments: Option<u32>,
    /// hash-chain: a secret of 32 bytes for this chain alone, in hexadecimal; `nano hand` needs it for every payment.
    #[arg(long, value_name = "HEX", value_parser = private_key)]
    seed: Option<B256>,
    /// Own code: storage before the first step, in hexadecimal.
    #[arg(long, value_name = "HEX", default_value = "0x")]
    storage: Bytes,
    /// Own code: gas bound of one step.
    #[arg(long, value_name = "GAS")]
    gas: Option<u32>,
    /// Own code: most forced steps. hash-chain: how often the payee can turn payments into money.
    #[arg(long, value_name = "NUMBER")]
    steps: Option<u16>,
    /// How long the peer may take to answer.
    #[arg(long, value_name = "TIME", value_parser = units::seconds)]
    answer_within: Option<u64>,
    #[command(flatten)]
    money: MoneyArgs,
}

/// Where this node stands in a channel.
struct Place {
    me: Side,
    peer: Address,
    unit: Unit,
}

/// In the smallest unit of the channel's asset.
#[derive(Clone, Copy)]
struct Stakes {
    mine: Wei,
    peer: Option<Wei>,
}

/// Proposes it and waits until it is open.
pub(crate) async fn run(args: Args, client: &Client, output: Output) -> Result<()> {
    let id = channel(args.channel, client).await?;
    let place = place(client, id).await?;
    let code = named(&args.app)?;
    let stakes = Stakes {
        mine: place.unit.read(&args.stake)?,
        peer: args.peer_stake.as_ref().map(|stake| place.unit.read(stake)).transpose()?,
    };
    let body = match code {
        Code::App(app) => of_app(&args, stakes, app, id, (place.me, client.info().await?.chain_time))?,
        Code::Own(code) => own(&args, stakes, id, code)?,
    };
    wait_connected(client, &[place.peer], output).await?;
    let key = args.money.key();
    let done = answered(client.open_nano(&body, &key).await, &key)?;
    let nid = done.nid.ok_or_else(|| Error::other("the node did not name the nanocontract"))?;
    // A game may be over, or under way, as soon as it is open.
    let shown = client.nano(id, nid).await.ok();
    let value = match &shown {
        Some(nano) => crate::commands::common::json(nano)?,
        None => crate::commands::common::json(&done)?,
    };
    output.result(&value, || format!("{nid} is open, with {} of this node in it", place.unit.show(body.amount.0)));
    Ok(())
}

async fn place(client: &Client, id: B256) -> Result<Place> {
    if let Ok(channel) = client.channel(id).await {
        let me = super::board::side(channel.party);
        return Ok(Place { me, peer: channel.peer, unit: Unit::from(&channel) });
    }
    let channel = client.virtual_channel(id).await?;
    let party = match channel.role {
        Role::EndA => Party::A,
        Role::EndB => Party::B,
        Role::Hub => return Err(Error::user("this node is a hub of that channel; only its ends open nanocontracts")),
    };
    let peer = channel.peer.ok_or_else(|| Error::other("the node does not name the other end"))?;
    Ok(Place { me: super::board::side(party), peer, unit: Unit::from(&channel) })
}

fn own(args: &Args, stakes: Stakes, channel: B256, code: Bytes) -> Result<OpenNano> {
    let missing = |name: &str| Error::user(format!("own code needs {name}; `perunika nano check` tells what it costs"));
    Ok(OpenNano {
        channel,
        app: None,
        code: Some(code),
        storage: args.storage.clone(),
        amount: stakes.mine.into(),
        peer_amount: stakes.peer.unwrap_or_default().into(),
        first: args.first,
        gas: Some(args.gas.ok_or_else(|| missing("--gas"))?),
        steps: args.steps.ok_or_else(|| missing("--steps"))?,
        answer_within: args.answer_within,
        wait_s: args.money.wait_s(),
    })
}

fn of_app(args: &Args, stakes: Stakes, app: App, channel: B256, (me, now): (Side, u64)) -> Result<OpenNano> {
    let terms = terms(args, stakes, app, me, now)?;
    let (a, b) = (terms.da0, terms.total - terms.da0);
    let (mine, theirs) = if me == Side::A { (a, b) } else { (b, a) };
    let first = if usize::from(terms.mover0) == me.index() { Mover::Me } else { Mover::Peer };
    Ok(OpenNano {
        channel,
        app: Some(app.name().to_owned()),
        code: None,
        storage: terms.storage.into(),
        amount: mine.into(),
        peer_amount: theirs.into(),
        first,
        gas: args.gas,
        steps: terms.k_max,
        answer_within: args.answer_within,
        wait_s: args.money.wait_s(),
    })
}

fn terms(args: &Args, stakes: Stakes, app: App, me: Side, now: u64) -> Result<NanoTerms> {
    let stake = stakes.mine;
    let made = match app {
        App::TicTacToe => {
            let (mine, theirs) = (stake, stakes.peer.unwrap_or(stake));
            let (a, b) = if me == Side::A { (mine, theirs) } else { (theirs, mine) };
            let first = if args.first == Mover::Me { me } else { me.other() };
            tic_tac_toe::terms(a, b, first)
        }
        App::CoinToss => {
            let tosses = Wei::from(args.tosses);
            if tosses == 0 || !stake.is_multiple_of(tosses) {
                return Err(Error::user("the stake must be a multiple of the number of tosses"));
            }
            coin_toss::terms(args.tosses, stake / tosses)
        }
        App::HashLock => {
            let hash = args.hash.ok_or_else(|| Error::user("hash-lock needs --hash, the hash of the secret"))?;
            hash_lock::terms(hash_lock::Lock { hash, amount: stake, payer: me, until: until(args, now)? })
        }
        App::HashChain => {
            let (Some(length), Some(seed)) = (args.payments, args.seed) else {
                return Err(Error::user("hash-chain needs --payments and --seed"));
            };
            if length == 0 || !stake.is_multiple_of(length.into()) {
                return Err(Error::user("the stake must be a multiple of the number of payments"));
            }
            let payer = hash_chain::Payer::new(seed, length).ok_or_else(|| Error::user("too many payments"))?;
            let steps = args.steps.unwrap_or_else(|| hash_chain::steps(length));
            hash_chain::terms(payer.anchor(), stake / Wei::from(length), length, me, steps)
        }
    };
    made.ok_or_else(|| Error::user("the stakes are zero or too large, or the steps are too few"))
}

fn until(args: &Args, now: u64) -> Result<hash_lock::Until> {
    let margin = args.margin.unwrap_or(args.pays_for / 2);
    let deadline = now.saturating_add(args.pays_for);
    let until = if margin < args.pays_for { hash_lock::Until::new(deadline, margin) } else { None };
    until.ok_or_else(|| {
        Error::user("--margin must be at least a second and shorter than --pays-for, and that not for ever")
    })
}

fn mover(text: &str) -> std::result::Result<Mover, String> {
    match text {
        "me" => Ok(Mover::Me),
        "peer" => Ok(Mover::Peer),
        _ => Err("me or peer is expected".into()),
    }
}
