//! The chain's clock: periods of a dispute are longer than a demonstration, so it jumps, but never past what a node has to do.

use super::town::{LIMIT, POLL, Town};
use crate::exit::{Error, Result};
use crate::ledger::Ledger;
use crate::quickstart::house::Resident;
use std::time::Instant;

/// How far at once, seconds: less than any period.
const JUMP_S: u64 = 15;
/// How close to something that a node has to do, seconds.
const DISTANCE_S: u64 = 25;
/// Most jumps; a dispute of nine steps takes fewer than a hundred.
const JUMPS: usize = 400;

/// What a wait has come to.
pub(super) struct Look {
    /// It is over.
    pub(super) done: bool,
    /// The next second at which a node must have acted.
    pub(super) deadline: Option<u64>,
}

/// The chain must let its clock be moved.
pub(super) async fn check_chain(ledger: &Ledger) -> Result<()> {
    ledger.chain_id().await?;
    let moved = ledger.warp(0).await;
    moved.map_err(|_| Error::user("a game needs a development chain: the clock of this one cannot be moved"))
}

/// Lets time pass until `look` is done; returns by how much the clock jumped, seconds.
pub(super) async fn pass(
    town: &Town,
    ledger: &Ledger,
    nodes: &[&Resident],
    otherwise: &str,
    mut look: impl AsyncFnMut() -> Result<Look>,
) -> Result<u64> {
    let (mut jumped, mut still) = (0, None);
    for _ in 0..JUMPS {
        town.check()?;
        let Look { done, deadline } = look().await?;
        if done {
            return Ok(jumped);
        }
        let now = ledger.time(ledger.head().await?).await?;
        let target = deadline.map_or(now + JUMP_S, |d| (now + JUMP_S).min(d.saturating_sub(DISTANCE_S)));
        if target > now {
            ledger.warp(target - now).await?;
            jumped += target - now;
            still = None;
            seen_by_all(town, ledger, nodes).await?;
            continue;
        }
        // A node has something to do, and is given the time.
        let since = *still.get_or_insert_with(Instant::now);
        while since.elapsed() < LIMIT {
            let next = look().await?;
            if next.done || next.deadline != deadline {
                break;
            }
            town.check()?;
            tokio::time::sleep(POLL).await;
        }
        if since.elapsed() >= LIMIT {
            break;
        }
    }
    Err(Error::chain(otherwise))
}

/// Every node has read the chain as far as it goes.
async fn seen_by_all(town: &Town, ledger: &Ledger, nodes: &[&Resident]) -> Result<()> {
    let time = ledger.time(ledger.head().await?).await?;
    for node in nodes {
        let read = async || Ok((node.client()?.info().await?.chain_time >= time).then_some(()));
        town.wait("a node does not read the chain any more", read).await?;
    }
    Ok(())
}
