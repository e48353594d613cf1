//! Who comes first in the next block. An honest call waits at most a third of the safety margin longer than it must.

use super::calls;
use crate::rng::Rng;
use crate::world::World;
use perunika_core::chain::Call;

/// Looks at the waiting calls and does something about them.
pub(crate) fn order(world: &mut World, rng: &mut Rng, nodes: &[usize]) {
    let longest = longest(world);
    let mine: Vec<_> = nodes.iter().map(|n| world.nodes[*n].owner).collect();
    let queue = &mut world.ground.queue;
    match rng.below(5) {
        0 => {
            for last in (1..queue.len()).rev() {
                queue.swap(last, rng.below(last as u64 + 1) as usize);
            }
        }
        1 | 2 => {
            for call in queue.iter_mut().filter(|q| !mine.contains(&q.from)) {
                call.hold_until = call.hold_until.max(call.since + longest);
            }
        }
        3 => queue.sort_by_key(|q| !mine.contains(&q.from)),
        _ => front_run(world, rng, nodes),
    }
}

/// Longest that she holds back an honest call, seconds.
fn longest(world: &World) -> u64 {
    world.nodes.iter().map(|n| n.policy.m_safe / 3).min().unwrap_or_default()
}

/// The same call, or one that spoils it, right before an honest one.
fn front_run(world: &mut World, rng: &mut Rng, nodes: &[usize]) {
    let owners: Vec<_> = nodes.iter().map(|n| world.nodes[*n].owner).collect();
    let victims: Vec<Call> =
        world.ground.queue.iter().filter(|q| !owners.contains(&q.from)).map(|q| q.call.clone()).collect();
    let Some(victim) = super::craft::pick(rng, &victims) else { return };
    let Some(owner) = super::craft::pick(rng, &owners).copied() else { return };
    if rng.chance(500) {
        let _ = world.ground.submit_blind(owner, victim);
    } else {
        calls::call(world, rng, nodes);
    }
    world.ground.queue.sort_by_key(|q| !owners.contains(&q.from));
}
