//! What the stories of renewal share.

use alloy_primitives::B256;
use perunika_core::info::VirtualStage;
use perunika_core::io::{Command, Event, Reply};
use perunika_core::policy::Policy;
use perunika_sim::{Tap, World, quick_policy};

/// Terms that leave room for several renewals within a few hundred blocks.
pub(super) fn kept_policy() -> Policy {
    Policy { term: 150, ..quick_policy() }
}

pub(super) fn wish(vc: B256, stakes: Option<[u128; 2]>) -> Command {
    Command::RenewVirtual { vc, stakes, term: Some(600), fee_max: u128::MAX }
}

/// Renews and waits until both ends can use the successor.
pub(super) fn renew(world: &mut World, ends: [usize; 2], vc: B256, stakes: Option<[u128; 2]>) -> B256 {
    let tag = world.command(ends[0], wish(vc, stakes));
    world.wait_reply(ends[0], tag);
    let Some(Reply::Opened(next)) = world.reply(ends[0], tag).cloned() else {
        panic!("not renewed: {:?}", world.reply(ends[0], tag));
    };
    assert!(world.run_until(10_000, |w| w.virtual_of(ends[1], next).is_some_and(|v| v.accepted > 0)));
    next
}

/// The virtual channel that `node` can use now.
pub(super) fn active(world: &World, node: usize) -> Option<B256> {
    let all = world.nodes[node].participant.as_ref()?.virtuals();
    all.iter().find(|v| v.stage == VirtualStage::Active && v.accepted > 0).map(|v| v.id)
}

/// How often a node was told of a successor.
pub(super) fn renewals(world: &World, node: usize) -> usize {
    world.nodes[node].events.iter().filter(|e| matches!(e, Event::VirtualRenewed { .. })).count()
}

/// Calls about records of virtual channels: none, as long as everybody cooperates.
pub(super) fn disputes(world: &World) -> usize {
    let calls = world.taps.iter().filter_map(|(_, tap)| match tap {
        Tap::Called { call, .. } => Some(call.name()),
        _ => None,
    });
    calls.filter(|name| name.contains("irtual") || name.contains("inalise")).count()
}
