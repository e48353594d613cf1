//! What happens, in order.

use super::Args;
use super::clock;
use super::leave::{self, Left};
use super::player::{Players, Wish};
use super::report::Report;
use super::town::{Town, WAIT_S, Who, order};
use crate::commands::common::id_of;
use crate::commands::deploy::deploy;
use crate::commands::nano::board::squares;
use crate::exit::{Error, Result};
use crate::ledger::{Accounts, Ledger, Sent};
use crate::quickstart::house::Resident;
use crate::quickstart::report::{ADJUDICATOR, Balances, Transaction};
use crate::units::{Amount, Wei};
use alloy::primitives::{Address, B256};
use perunika_apps::tic_tac_toe::{self, Board};
use perunika_chain::OwnerKey;
use perunika_client::NanoName;
use perunika_client::types::{AnswerNano, Close, Mover, OpenChannel, OpenNano, OpenVirtual, Source, StepNano};
use perunika_core::Domain;
use perunika_core::info::{LedgerStage, NanoStage, VirtualStage};
use perunika_core::params::Side;
use std::time::Instant;

/// What each node has at the start beyond its stakes, for deposits and gas.
const PURSE: Wei = 1_000_000_000_000_000_000;
/// What each party deposits in each of its ledger channels beyond the stake.
const MARGIN: Wei = 10_000_000_000_000_000;

/// Where the money is.
pub(super) struct Place {
    pub(super) ledger: Ledger,
    domain: Domain,
    accounts: Accounts,
    first_block: u64,
    before: Balances,
}

/// Plays it; the result is what was measured.
pub(super) async fn tell(args: &Args, town: &Town) -> Result<Report> {
    let start = Instant::now();
    let rpc = chain(args, town).await?;
    let place = place(args, town, &rpc).await?;
    town.start_nodes(&rpc, place.domain).await?;
    town.say("four nodes run: alice and bob, who play, and the hubs ingrid and jana");
    open_links(args, town).await?;
    let vc = open_virtual(args, town).await?;
    let name = open_game(args, town, vc).await?;
    let fees = fees(town, vc).await?;
    let transactions_before = count(&place).await?.1.len();
    let played = play(args, town, name).await?;
    let transactions_played = count(&place).await?.1.len() - transactions_before;
    let jumped = match &played.left {
        Some(left) => leave::collect(town, &place, name, left).await?,
        None => close(town, vc).await?,
    };
    town.check()?;
    let (after, transactions) = count(&place).await?;
    Ok(Report {
        before: place.before,
        after,
        transactions,
        stake: args.stake,
        fees,
        steps: played.steps,
        transactions_played,
        board: squares(&played.board),
        ending: played.board.ending(Side::A),
        left: played.left.map(|left| left.who),
        jumped,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The URL of a chain on which everybody has money.
async fn chain(args: &Args, town: &Town) -> Result<String> {
    let purse = PURSE.saturating_add(args.stake.saturating_mul(4));
    let (Some(url), Some(key)) = (&args.rpc, args.funder_key) else {
        let url = town.start_chain(purse).await?;
        town.say(&format!("a chain runs at {url}"));
        return Ok(url);
    };
    let ledger = Ledger::new(url)?;
    clock::check_chain(&ledger).await?;
    for resident in &town.path {
        ledger.give(key, resident.owner, purse).await?;
    }
    Ok(url.clone())
}

/// Deploys the contract and counts what everybody has before it.
async fn place(args: &Args, town: &Town, rpc: &str) -> Result<Place> {
    let ledger = Ledger::new(rpc)?;
    let key = args.funder_key.filter(|_| args.rpc.is_some()).unwrap_or_else(|| perunika_devnet::dev_key(0));
    let deployer = OwnerKey::from_bytes(&key).ok_or_else(|| Error::user("the funder's key is not a private key"))?;
    let mut accounts = Accounts::from([(deployer.address(), "deployer".to_owned())]);
    accounts.extend(town.path.iter().map(|resident| (resident.owner, resident.name.to_owned())));
    let first_block = ledger.head().await? + 1;
    let mut before = ledger.balances(&accounts).await?;
    before.insert(ADJUDICATOR.to_owned(), 0);
    let deployed = deploy(rpc, key).await?;
    town.say(&format!("the Adjudicator is at {}", deployed.address));
    accounts.insert(deployed.address, ADJUDICATOR.to_owned());
    let domain = Domain { chain_id: ledger.chain_id().await?, adjudicator: deployed.address };
    Ok(Place { ledger, domain, accounts, first_block, before })
}

/// Ledger channels alice–ingrid–jana–bob.
async fn open_links(args: &Args, town: &Town) -> Result<()> {
    let deposit = args.stake.saturating_add(MARGIN);
    let open = async |one: &Resident, other: &Resident| {
        let (amount, peer_amount) = (deposit.into(), deposit.into());
        let body = OpenChannel {
            peer: other.key,
            asset: Address::ZERO,
            amount,
            peer_amount,
            lane: 0,
            from: Some(Source::Wallet),
            peer_sends: false,
            wait_s: Some(WAIT_S),
        };
        order(one, "opening a ledger channel", async |client, key| client.open_channel(&body, key).await).await
    };
    let [alice, ingrid, jana, bob] = &town.path;
    tokio::try_join!(open(alice, ingrid), open(ingrid, jana), open(jana, bob))?;
    // The opener has seen it on the chain; its peer may be a moment behind.
    for (who, count) in [(alice, 1), (ingrid, 2), (jana, 2), (bob, 1)] {
        let fine = |all: &[perunika_client::types::Channel]| {
            all.iter().filter(|channel| channel.stage == LedgerStage::Open).count() == count
        };
        town.wait_channels(who, "not all ledger channels were opened in time", fine).await?;
    }
    town.say(&format!("ledger channels alice-ingrid-jana-bob are open, {} in each", Amount(2 * deposit)));
    Ok(())
}

async fn open_virtual(args: &Args, town: &Town) -> Result<B256> {
    let [alice, ingrid, jana, bob] = &town.path;
    let body = OpenVirtual {
        hubs: vec![ingrid.key, jana.key],
        peer: bob.key,
        amount: args.stake.into(),
        peer_amount: args.stake.into(),
        asset: Address::ZERO,
        term: None,
        fee_max: MARGIN.into(),
        renew: false,
        wait_s: Some(WAIT_S),
    };
    let open = async |client: perunika_client::Client, key: &str| client.open_virtual(&body, key).await;
    let vc = id_of(&order(alice, "opening the virtual channel", open).await?)?.channel;
    let active = async || {
        let shown = bob.client()?.virtual_channel(vc).await;
        Ok(shown.ok().filter(|shown| shown.stage == VirtualStage::Active).map(drop))
    };
    town.wait("the virtual channel did not open at bob's", active).await?;
    town.say("a virtual channel alice-bob is open over both hubs, without a transaction");
    Ok(vc)
}

/// What each hub was promised, in path order.
async fn fees(town: &Town, vc: B256) -> Result<Vec<Wei>> {
    let shown = town.path[0].client()?.virtual_channel(vc).await?;
    Ok(shown.fees.iter().map(|fee| fee.0).collect())
}

/// Alice proposes the game, bob agrees.
async fn open_game(args: &Args, town: &Town, vc: B256) -> Result<NanoName> {
    let (alice, bob) = (town.player(Who::Alice), town.player(Who::Bob));
    let terms = tic_tac_toe::terms(args.stake, args.stake, Side::A)
        .ok_or_else(|| Error::user("there is nothing to win, or too much"))?;
    let body = OpenNano {
        channel: vc,
        app: Some("tic-tac-toe".to_owned()),
        code: None,
        storage: terms.storage.into(),
        amount: args.stake.into(),
        peer_amount: args.stake.into(),
        first: Mover::Me,
        gas: None,
        steps: terms.k_max,
        answer_within: None,
        wait_s: Some(WAIT_S),
    };
    let opened = order(alice, "opening the game", async |client, key| client.open_nano(&body, key).await);
    let agreed = async {
        let offered = async || {
            let all = bob.client()?.nanos().await?;
            Ok(all.into_iter().find(|nano| nano.stage == NanoStage::Offered).map(|nano| nano.nid))
        };
        let nid = town.wait("bob heard of no game", offered).await?;
        let (name, body) = (NanoName { channel: vc, nid }, AnswerNano { refuse: None, wait_s: Some(WAIT_S) });
        order(bob, "agreeing to the game", async |client, key| client.answer_nano(name, &body, key).await).await?;
        Ok(name)
    };
    let (_, name) = tokio::try_join!(opened, agreed)?;
    town.say(&format!("they play tic-tac-toe for {} each; still no transaction", Amount(args.stake)));
    Ok(name)
}

/// How the game went.
struct Played {
    steps: usize,
    board: Board,
    left: Option<Left>,
}

/// Steps that both sign, until the end or until somebody leaves.
async fn play(args: &Args, town: &Town, name: NanoName) -> Result<Played> {
    let mut players = Players::new(args);
    let mut board = Board { stake_a: args.stake, a: 0, b: 0 };
    let (mut who, mut steps) = (Who::Alice, 0);
    while board.ending(Side::A).is_none() {
        let input = match players.ask(who, &board, steps).await? {
            Wish::Square(input) => input,
            Wish::Leave(leaver) => {
                return Ok(Played { steps, board, left: Some(Left { who: leaver, mover: who, board }) });
            }
        };
        let body = StepNano { input: input.clone().into(), force_after: None, wait_s: Some(WAIT_S) };
        let mover = town.player(who);
        order(mover, "a step", async |client, key| client.step_nano(name, &body, key).await).await?;
        let (side, square) = (if who == Who::Alice { Side::A } else { Side::B }, input[0]);
        board = board.with(side, square);
        steps += 1;
        town.say(&format!("{} takes square {square}", mover.name));
        who = who.other();
    }
    town.say(&format!("the game is over\n{}", squares(&board)));
    Ok(Played { steps, board, left: None })
}

/// Everybody agrees: no dispute, and no time passes.
async fn close(town: &Town, vc: B256) -> Result<u64> {
    let alice = town.player(Who::Alice);
    let gone = async || Ok(alice.client()?.nanos().await?.is_empty().then_some(()));
    town.wait("the finished game was not closed", gone).await?;
    let body = Close { force: false, wait_s: Some(WAIT_S) };
    order(alice, "closing the virtual channel", async |client, key| client.close_virtual(vc, &body, key).await).await?;
    let unlocked = |all: &[perunika_client::types::Channel]| all.iter().all(|channel| channel.locks == 0);
    for who in &town.path {
        town.wait_channels(who, "the outcome did not reach all ledger channels", unlocked).await?;
    }
    for (one, other) in [(0, 1), (1, 2), (2, 3)] {
        leave::close_link(&town.path[one], &town.path[other]).await?;
    }
    town.say("the virtual channel and all ledger channels are closed");
    Ok(0)
}

/// What everybody has now, and every transaction of these accounts since the beginning.
async fn count(place: &Place) -> Result<(Balances, Vec<Transaction>)> {
    let head = place.ledger.head().await?;
    let sent = place.ledger.sent(&place.accounts, place.first_block, head).await?;
    let after = place.ledger.balances(&place.accounts).await?;
    let named = |sent: Sent| Transaction {
        sender: place.accounts.get(&sent.from).cloned().unwrap_or_default(),
        name: sent.name,
        gas: sent.gas,
        gas_price: sent.gas_price,
        succeeded: sent.succeeded,
    };
    Ok((after, sent.into_iter().map(named).collect()))
}

impl Place {
    /// What the contract holds, wei.
    pub(super) async fn held(&self) -> Result<Wei> {
        self.ledger.balance(self.domain.adjudicator).await
    }
}
