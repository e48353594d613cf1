//! Deposits that a reorganisation can still take away (0.3).

use super::Setting;
use crate::story::{ETH, quick_policy};
use crate::world::World;
use alloy_primitives::Address;
use perunika_core::chain::{Call, Phase};
use perunika_core::funding::Source;
use perunika_core::io::Command;

/// B does not deposit before A's deposit is final.
pub(super) fn deposit(setting: Setting<'_>) -> (World, Vec<String>) {
    let mut world = setting.world(&["alice", "bob"], &quick_policy());
    let peer = world.key(1);
    world.command(
        0,
        Command::OpenChannel {
            asset: Address::ZERO,
            from: Source::Wallet,
            peer,
            deposit: ETH,
            peer_deposit: ETH,
            lane: 0,
        },
    );
    let params = |w: &World| w.nodes[0].participant.as_ref().and_then(|p| p.ledgers().first().map(|l| l.params));
    let funded = |w: &World| params(w).is_some_and(|params| w.slot(&params).phase == Phase::Funding);
    let mut faults = Vec::new();
    if !world.run_until(10_000, funded) {
        faults.push("probe: A deposits nothing".to_owned());
    }
    world.run_for(300);
    if world.ground.queue.iter().any(|queued| matches!(queued.call, Call::Confirm { .. })) {
        faults.push("probe: 0.3: B deposits over a deposit that is not final".to_owned());
    }
    (world, faults)
}
