//! One player is gone. The node of the other one goes to the chain by itself, and the hubs clean up behind it.

use super::clock::{self, Look};
use super::game::Place;
use super::player::scripted;
use super::town::{Town, WAIT_S, Who, order};
use crate::exit::{Error, Result};
use crate::quickstart::house::Resident;
use alloy::primitives::B256;
use perunika_apps::tic_tac_toe::Board;
use perunika_client::types::{Channel, Close, Outcome, StepNano};
use perunika_client::{NanoName, fresh_key};
use perunika_core::info::{LedgerStage, VirtualStage};

/// After this many seconds without an answer a step goes to the chain.
const PATIENCE_S: u64 = 1;

/// Who left, and how the game stood.
pub(super) struct Left {
    /// Who is gone.
    pub(super) who: Who,
    /// Whose turn it was.
    pub(super) mover: Who,
    /// The board then.
    pub(super) board: Board,
}

/// Kills the node of the one, and lets the other collect. Returns by how much the chain's clock jumped, seconds.
pub(super) async fn collect(town: &Town, place: &Place, name: NanoName, left: &Left) -> Result<u64> {
    let (gone, stays) = (town.player(left.who), left.who.other());
    let player = town.player(stays);
    gone.kill();
    town.say(&format!("{} is gone: the process of that node is killed", gone.name));
    if left.mover == stays {
        step(player, name, scripted(stays, &left.board)?).await?;
        town.say(&format!("{} plays on; nobody signs, so the step goes to the chain", player.name));
    } else {
        let body = Close { force: true, wait_s: Some(0) };
        started(player.client()?.close_virtual(name.channel, &body, &fresh_key()).await)?;
        town.say(&format!("{} goes to the chain with the newest state", player.name));
    }
    let hubs = [town.hub_of(stays), town.hub_of(left.who)];
    let alive = [player, hubs[0], hubs[1]];
    let otherwise = "the dispute was not decided in time";
    let decided = async || virtual_look(player, name).await;
    let first = clock::pass(town, &place.ledger, &alive, otherwise, decided).await?;
    town.say(&format!("the chain has decided, after its clock jumped {first} s"));
    let second = close_links(town, place, (gone, &alive), name.channel).await?;
    Ok(first + second)
}

async fn step(player: &Resident, name: NanoName, input: Vec<u8>) -> Result<()> {
    let body = StepNano { input: input.into(), force_after: Some(PATIENCE_S), wait_s: Some(0) };
    started(player.client()?.step_nano(name, &body, &fresh_key()).await)
}

/// It is under way; its end shows on the chain.
fn started(answer: std::result::Result<perunika_client::types::Done, perunika_client::ClientError>) -> Result<()> {
    let done = answer?;
    match done.result {
        Outcome::Rejected => Err(Error::peer(done.reason.unwrap_or_default())),
        Outcome::Applied | Outcome::Unknown => Ok(()),
    }
}

/// Whether the virtual channel is over, and what its end has to do for that.
async fn virtual_look(player: &Resident, name: NanoName) -> Result<Look> {
    let client = player.client()?;
    let shown = client.virtual_channel(name.channel).await?;
    let nano = client.nano(name.channel, name.nid).await.ok();
    let deadline = nano.and_then(|nano| nano.deadline).into_iter().chain(shown.deadline).min();
    // Its outcome is fixed; what is left to do is done in the links.
    let done = shown.stage == VirtualStage::Done || shown.out_a.is_some();
    Ok(Look { done, deadline })
}

/// With the one who is gone by force; then, among those who are there, with one transaction each.
async fn close_links(town: &Town, place: &Place, (gone, alive): (&Resident, &[&Resident; 3]), vc: B256) -> Result<u64> {
    let [player, near, far] = *alive;
    let link = channel_with(far, gone).await?.id.channel;
    let body = Close { force: true, wait_s: Some(0) };
    started(far.client()?.close_channel(link, &body, &fresh_key()).await)?;
    let over = async || {
        let client = far.client()?;
        let (shown, virt) = (client.channel(link).await?, client.virtual_channel(vc).await?);
        let done = shown.stage == LedgerStage::Closed && virt.stage == VirtualStage::Done;
        Ok(Look { done, deadline: shown.deadline })
    };
    let otherwise = "the channel with who is gone was not closed in time";
    let jumped = clock::pass(town, &place.ledger, alive, otherwise, over).await?;
    for (who, peer) in [(player, near), (near, far)] {
        // One may be a message behind the other.
        for (one, other) in [(who, peer), (peer, who)] {
            let unlocked = |all: &[Channel]| all.iter().filter(|c| c.peer == other.key).all(|c| c.locks == 0);
            town.wait_channels(one, "the outcome did not reach a ledger channel", unlocked).await?;
        }
        close_link(who, peer).await?;
    }
    let empty = async || Ok((place.held().await? == 0).then_some(()));
    town.wait("the contract was not emptied", empty).await?;
    town.say(&format!("all ledger channels are closed, that with {} by force; the contract is empty", gone.name));
    Ok(jumped)
}

/// Ends the ledger channel of two that are both there.
pub(super) async fn close_link(one: &Resident, other: &Resident) -> Result<()> {
    let link = channel_with(one, other).await?.id.channel;
    let body = Close { force: false, wait_s: Some(WAIT_S) };
    order(one, "closing a ledger channel", async |client, key| client.close_channel(link, &body, key).await)
        .await
        .map(drop)
}

async fn channel_with(one: &Resident, other: &Resident) -> Result<Channel> {
    let all = one.client()?.channels().await?;
    let found = all.into_iter().find(|channel| channel.peer == other.key);
    found.ok_or_else(|| Error::other(format!("{} has no channel with {}", one.name, other.name)))
}
