//! Playing nanocontracts through the API of nodes.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use crate::support::{Running, World, until};
use perunika_apps::{App, Player};
use perunika_client::types::{Close, Done, Mover, Nano, OpenNano, Outcome, Party, PrepareNano, StepNano, Wei};
use perunika_client::{Client, ClientError, NanoName, fresh_key};
use perunika_core::B256;
use perunika_core::info::LedgerStage;
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;

/// How far the clock jumps between two looks, seconds: less than any window, and more than nodes keep from deadlines.
const JUMP_S: u64 = 15;
/// How close to a deadline of the node the clock jumps at most, seconds.
const DISTANCE_S: u64 = 25;
/// Most jumps and waits; a dispute with nine steps takes fewer than a hundred.
const LOOKS: usize = 400;

/// Two nodes and what they play.
pub struct Pair<'a> {
    pub channel: B256,
    pub nid: B256,
    pub nodes: [&'a Running; 2],
}

/// For config files: every offer that passes the checks is agreed to.
pub fn agrees_with_all(text: String) -> String {
    let changed = text.replace("#accept = []", "accept = [\"all\"]");
    assert_ne!(changed, text);
    changed
}

/// For config files: fair starts of the four are agreed to.
pub fn agrees_with_what_is_fair(text: String) -> String {
    let names = App::ALL.map(App::name);
    let changed = text.replace("#accept = []", &format!("accept = {names:?}"));
    let changed = changed.replace("#accept_max = \"0\"", "accept_max = \"1eth\"");
    assert!(changed.contains("\naccept = [") && changed.contains("\naccept_max = "), "{changed}");
    changed
}

/// Opens what the terms say, the node being `side`.
pub async fn try_offer(
    api: &Client,
    channel: B256,
    side: Side,
    terms: &NanoTerms,
    app: App,
) -> Result<Done, ClientError> {
    let (a, b) = (Wei(terms.da0), Wei(terms.total - terms.da0));
    let (amount, peer_amount) = if side == Side::A { (a, b) } else { (b, a) };
    let first = if usize::from(terms.mover0) == side.index() { Mover::Me } else { Mover::Peer };
    let body = OpenNano {
        channel,
        app: Some(app.name().into()),
        code: None,
        storage: terms.storage.clone().into(),
        amount,
        peer_amount,
        first,
        gas: None,
        steps: terms.k_max,
        answer_within: None,
        wait_s: Some(100),
    };
    api.open_nano(&body, &fresh_key()).await
}

pub async fn offer(node: &Running, channel: B256, side: Side, terms: &NanoTerms, app: App) -> B256 {
    let done = try_offer(&node.api, channel, side, terms, app).await.unwrap();
    assert_eq!(done.result, Outcome::Applied, "{done:?}");
    done.nid.unwrap()
}

pub async fn try_step(
    api: &Client,
    channel: B256,
    nid: B256,
    input: Vec<u8>,
    force_after: Option<u64>,
) -> Result<Done, ClientError> {
    let body = StepNano { input: input.into(), force_after, wait_s: Some(200) };
    api.step_nano(NanoName { channel, nid }, &body, &fresh_key()).await
}

pub async fn step(api: &Client, channel: B256, nid: B256, input: Vec<u8>, force_after: Option<u64>) {
    let done = try_step(api, channel, nid, input, force_after).await.unwrap();
    assert_eq!(done.result, Outcome::Applied, "{done:?}");
}

pub async fn prepare(node: &Running, channel: B256, nid: B256, inputs: Vec<Vec<u8>>) {
    let body = PrepareNano { inputs: inputs.into_iter().map(Into::into).collect() };
    node.api.prepare_nano(NanoName { channel, nid }, &body, &fresh_key()).await.unwrap();
}

/// Ends a ledger channel by the chain; the answer is not waited for.
pub async fn force(node: &Running, channel: B256) {
    let close = Close { force: true, wait_s: Some(0) };
    node.api.close_channel(channel, &close, &fresh_key()).await.unwrap();
}

pub fn side(nano: &Nano) -> Side {
    match nano.party {
        Party::A => Side::A,
        Party::B => Side::B,
    }
}

/// What a player says now, it being its turn.
pub async fn input(node: &Running, channel: B256, nid: B256, player: &dyn Player) -> Vec<u8> {
    let nano = node.api.nano(channel, nid).await.unwrap();
    assert!(nano.my_turn, "{nano:?}");
    player.input(side(&nano), &nano.storage).unwrap().unwrap()
}

/// Plays until it is over; the number of steps.
pub async fn play(pair: &Pair<'_>, players: [&dyn Player; 2]) -> usize {
    play_until(pair, players, usize::MAX).await
}

/// Plays at most so many steps; the number of those that were made.
pub async fn play_until(pair: &Pair<'_>, players: [&dyn Player; 2], most: usize) -> usize {
    let mut steps = 0;
    while steps < most {
        let before = steps;
        for (node, player) in pair.nodes.into_iter().zip(players) {
            if steps == most {
                return steps;
            }
            // What is over is closed by both nodes, and forgotten.
            let Ok(nano) = node.api.nano(pair.channel, pair.nid).await else { return steps };
            if nano.my_turn && !nano.outstanding {
                let Some(input) = player.input(side(&nano), &nano.storage).unwrap() else { return steps };
                step(&node.api, pair.channel, pair.nid, input, None).await;
                steps += 1;
            }
        }
        if steps == before {
            return steps;
        }
    }
    steps
}

impl Running {
    /// What the account holds and what it has spent on gas: only the contract changes that.
    pub async fn worth(&self, world: &World) -> i128 {
        let held = world.chain.balance(self.node.identity().owner).await;
        let fees: u128 = self.api.transactions().await.unwrap().iter().map(|t| t.fee_wei.0).sum();
        i128::try_from(held + fees).unwrap()
    }
}

/// Lets time pass on the chain until a ledger channel is closed there.
pub async fn pass_time(world: &World, node: &Running, channel: B256, play: impl AsyncFn()) {
    // The node moves first: the dispute has to be there before time makes it late.
    until(|| async { node.api.channel(channel).await.unwrap().stage == LedgerStage::Disputed }).await;
    for _ in 0..LOOKS {
        play().await;
        let (stage, deadline) = watched(node, channel).await;
        if stage == LedgerStage::Closed {
            return;
        }
        let now = node.api.info().await.unwrap().chain_time;
        // Never so close to what the node has to do that a slow machine makes it late.
        let target = deadline.map_or(now + JUMP_S, |deadline| (now + JUMP_S).min(deadline.saturating_sub(DISTANCE_S)));
        if target > now {
            let time = world.chain.warp(target - now).await;
            until(|| async { node.api.info().await.unwrap().chain_time >= time }).await;
        } else {
            until(|| async { watched(node, channel).await != (stage, deadline) }).await;
        }
    }
    panic!("the channel is not closed after {LOOKS} looks");
}

/// Stage of the channel, and until when the node has to do something about it or its nanocontracts.
async fn watched(node: &Running, channel: B256) -> (LedgerStage, Option<u64>) {
    let shown = node.api.channel(channel).await.unwrap();
    let nanos = node.api.nanos().await.unwrap();
    let of_nanos = nanos.into_iter().filter(|nano| nano.id.channel == channel).filter_map(|nano| nano.deadline);
    (shown.stage, of_nanos.chain(shown.deadline).min())
}
