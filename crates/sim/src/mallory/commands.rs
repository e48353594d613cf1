//! What puppets want of their own accord, as an application would.

use super::money;
use super::speak::{link, object, vc_of};
use crate::rng::Rng;
use crate::story::ETH;
use crate::world::World;
use alloy_primitives::Address;
use perunika_core::funding::Source;
use perunika_core::io::Command;

/// A puppet wants something itself, as an application would.
pub(crate) fn command(world: &mut World, rng: &mut Rng, node: usize) {
    if world.nodes[node].participant.is_none() {
        return;
    }
    let Some(command) = some_command(world, rng, node) else { return };
    world.command(node, command);
}

fn some_command(world: &World, rng: &mut Rng, node: usize) -> Option<Command> {
    let (ch, _) = object(world, rng, node)?;
    if rng.chance(250) {
        return money::command(world, rng, node);
    }
    Some(match rng.below(13) {
        12 => {
            let to = rng.below(world.nodes.len() as u64) as usize;
            if to == node {
                return None;
            }
            let deposits = [0, ETH, 5 * ETH];
            let (deposit, peer_deposit) = (deposits[rng.below(3) as usize], deposits[rng.below(3) as usize]);
            Command::OpenChannel {
                asset: money::asset(rng),
                from: if rng.chance(500) { Source::Wallet } else { Source::Vault },
                peer: world.key(to),
                deposit,
                peer_deposit,
                lane: rng.below(4) as u16,
            }
        }
        0 if rng.chance(300) => {
            let to = rng.below(world.nodes.len() as u64) as usize;
            let (peer, asset, lane) = (world.key(to), money::asset(rng), rng.below(4) as u16);
            let peer_deposit = [0, ETH][rng.below(2) as usize];
            return (to != node).then_some(Command::AskOpening { peer, asset, deposit: ETH, peer_deposit, lane });
        }
        0..=5 => {
            let amount = [1, ETH / 1000, ETH / 50, ETH][rng.below(4) as usize];
            Command::Pay { ch, amount, cosign: rng.chance(400), reference: Vec::new() }
        }
        6 | 7 => {
            let mut path: Vec<Address> = world.strings.loot.virtuals.values().next_back()?.path.clone();
            if path.last() == Some(&world.key(node)) {
                path.reverse();
            }
            let at = path.iter().position(|k| *k == world.key(node))?;
            let path = path.split_off(at + 1);
            let (stake, peer_stake) = (u128::from(rng.between(1, 5)) * ETH, u128::from(rng.below(5)) * ETH);
            let term = Some(rng.between(37, 140));
            Command::OpenVirtual {
                asset: virtual_asset(world, node),
                path,
                stake,
                peer_stake,
                term,
                fee_max: u128::MAX,
                renew: rng.chance(100),
            }
        }
        8 => Command::CloseVirtual { vc: vc_of(world, rng, node)? },
        9 => Command::ForceVirtual { vc: vc_of(world, rng, node)? },
        10 => Command::CloseChannel { ch: link(world, rng, node)?.0, force: rng.chance(300) },
        _ => Command::RenewVirtual { vc: vc_of(world, rng, node)?, stakes: None, term: None, fee_max: u128::MAX },
    })
}

/// The asset of some link of a node.
fn virtual_asset(world: &World, node: usize) -> Address {
    let key = world.key(node);
    let mut mine = world.strings.loot.ledgers.values().map(|l| l.params).filter(|p| [p.a.key, p.b.key].contains(&key));
    mine.next().map_or(Address::ZERO, |params| params.asset)
}
