//! Alice cheats: with her node switched off she registers the first state of the virtual channel, in which nothing was paid.
//! Bob's node sees it and answers with the newest one, unasked.

use super::calls::ask;
use super::house::House;
use super::story::Place;
use crate::exit::{Error, Result};
use crate::ledger::{Ledger, Sent};
use alloy::primitives::B256;
use perunika_client::types::Evidence;
use perunika_core::chain::Call;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);
/// For what a node does by itself, as soon as it sees a reason.
const LIMIT: Duration = Duration::from_secs(60);
/// The state that the ends sign when the channel opens: everything is where it was.
const FIRST_VERSION: u64 = 1;
/// Blocks that make the refutation final for every node of the story.
const FINAL_BLOCKS: u64 = 3;

/// What happened on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dispute {
    /// Name of the account whose transaction refuted the old state.
    pub(crate) refuted_by: String,
}

/// The old state, as the chain takes it.
#[derive(Debug)]
pub(crate) struct OldState {
    call: Call,
    vc: B256,
    /// Refutation period, seconds.
    challenge: u64,
}

/// The chain must let its clock be moved: the refutation period is longer than a demonstration.
pub(crate) async fn check_chain(ledger: &Ledger) -> Result<()> {
    ledger.chain_id().await?;
    let moved = ledger.warp(0).await;
    moved.map_err(|_| Error::user("--dispute needs a development chain: the clock of this one cannot be moved"))
}

/// Takes the first state out of alice's own evidence, for later.
pub(crate) async fn keep_old_state(house: &House, vc: B256) -> Result<OldState> {
    let start = Instant::now();
    loop {
        let evidence: Evidence = ask(house, &house.alice, async |alice| alice.evidence(vc).await).await?;
        if let Some(call) = evidence.register(FIRST_VERSION) {
            return Ok(OldState { call, vc, challenge: evidence.params.challenge.into() });
        }
        if start.elapsed() > LIMIT {
            return Err(Error::peer("the first state of the virtual channel was not signed by both ends in time"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Registers the old state, watches it being refuted, and lets the time pass that the contract wants to pass.
pub(crate) async fn tell(house: &House, place: &Place, old: &OldState) -> Result<Dispute> {
    let (alice, ledger) = (&house.alice, &place.ledger);
    // Her own node is honest: it would refute her.
    alice.kill();
    let sent = perunika_contracts::encode_call(&old.call, &place.domain, alice.owner).map_err(Error::other)?;
    let key = B256::from(*alice.keys()?.owner.expose());
    let block = ledger.call(key, place.domain.adjudicator, sent.data, sent.value).await?;
    let registered = ledger.time(block).await?;
    house.say("alice switches her node off and registers a state in which she has paid nothing");

    let refutes = |sent: &Sent| sent.name.starts_with("registerVirtual") || sent.name == "refuteVirtual";
    let refutation = wait_for(house, place, block, refutes, "nobody refuted the old state in time").await?;
    let refuted_by = place.accounts.get(&refutation.from).cloned().unwrap_or_default();
    house.say(&format!("{refuted_by}'s node refutes it with the newest state"));

    // What a reorganisation could still undo is not relied upon.
    for _ in 0..FINAL_BLOCKS {
        ledger.warp(1).await?;
    }
    let now = ledger.time(ledger.head().await?).await?;
    let wait = (registered + old.challenge + 1).saturating_sub(now);
    ledger.warp(wait).await?;
    house.say(&format!("the chain's clock jumps {wait} s, to the end of the refutation period"));
    let concludes = |sent: &Sent| sent.name == "concludeVirtual";
    wait_for(house, place, block, concludes, "nobody concluded the dispute in time").await?;

    alice.start()?;
    alice.wait_ready().await?;
    house.wait_connected().await?;
    let shown = ask(house, alice, async |client| client.virtual_channel(old.vc).await).await?;
    house.say(&format!("the dispute is concluded; alice gets {} of her stake back", amount(shown.out_a)));
    Ok(Dispute { refuted_by })
}

fn amount(wei: Option<perunika_client::types::Wei>) -> String {
    wei.map_or_else(|| "an unknown part".to_owned(), |wei| crate::units::Amount(wei.0).to_string())
}

/// Waits for a transaction that does something, in the blocks above `from`.
async fn wait_for(
    house: &House,
    place: &Place,
    from: u64,
    does: impl Fn(&Sent) -> bool,
    otherwise: &str,
) -> Result<Sent> {
    let start = Instant::now();
    let mut next = from + 1;
    while start.elapsed() < LIMIT {
        house.check()?;
        let head = place.ledger.head().await?;
        let found = place.ledger.sent(&place.accounts, next, head).await?;
        if let Some(found) = found.into_iter().find(|sent| sent.succeeded && does(sent)) {
            return Ok(found);
        }
        next = head + 1;
        tokio::time::sleep(POLL).await;
    }
    Err(Error::peer(otherwise))
}
