//! Whole stories, told so that they survive crashes and lost messages: what did not happen is asked for again, as a person would.

use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::funding::Source;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_core::io::Command;
use perunika_core::policy::Policy;

/// 10^18 wei.
pub const ETH: u128 = 1_000_000_000_000_000_000;
/// How often a person tries again.
const TRIES: usize = 12;
/// How long a person waits before, ms.
const WAIT_MS: u64 = 8_000;

/// Short times, so that a story that ends on chain takes few blocks.
pub fn quick_policy() -> Policy {
    Policy { m_safe: 5, challenge: 20, window: 20, close_lead: 20, patience: 10, term: 60, ..Policy::dev() }
}

/// A world with a path: two ends and the hubs between them.
#[derive(Debug)]
pub struct Path {
    /// The world.
    pub world: World,
    /// The ledger channels, from the left.
    pub links: Vec<B256>,
    /// Indices of the nodes, from the left.
    pub nodes: Vec<usize>,
}

impl Path {
    /// Nodes for a path with so many hubs, without channels.
    pub fn bare(seed: u64, hubs: usize, policy: &Policy) -> Self {
        let names: Vec<String> = std::iter::once("alice".into())
            .chain((1..=hubs).map(|h| format!("hub{h}")))
            .chain(["bob".into()])
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let world = World::with_policy(seed, &names, policy);
        Self { world, links: Vec::new(), nodes: (0..hubs + 2).collect() }
    }

    /// The same with open ledger channels, 100 ETH on each side.
    pub fn open(seed: u64, hubs: usize, policy: &Policy) -> Self {
        let mut this = Self::bare(seed, hubs, policy);
        for left in 0..=hubs {
            this.links.push(this.world.open_channel(left, left + 1, 100 * ETH, 100 * ETH));
        }
        this
    }

    /// Index of the last node.
    pub fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Opens the ledger channels, whatever it takes.
    pub fn insist_on_links(&mut self) {
        for left in 0..self.last() {
            let id = (0..TRIES).find_map(|_| self.try_link(left));
            self.links.push(id.unwrap_or_else(|| panic!("seed {}: no link {left}", self.world.seed())));
        }
    }

    fn try_link(&mut self, left: usize) -> Option<B256> {
        let peer = self.world.key(left + 1);
        let known = |w: &World, stage: LedgerStage| {
            let ledgers = w.nodes[left].participant.as_ref()?.ledgers();
            ledgers.into_iter().find(|l| l.peer == peer && l.stage == stage).map(|l| l.id)
        };
        let open = |w: &World| {
            let id = known(w, LedgerStage::Open)?;
            let there = w.ledger_of(left + 1, id).is_some_and(|l| l.stage == LedgerStage::Open);
            there.then_some(id)
        };
        let world = &mut self.world;
        world.run_until(WAIT_MS, |w| w.nodes[left].participant.is_some() && w.nodes[left + 1].participant.is_some());
        let started = [LedgerStage::Agreed, LedgerStage::Funding, LedgerStage::Open];
        if started.iter().all(|s| known(world, *s).is_none()) {
            let deposit = 100 * ETH;
            world.command(
                left,
                Command::OpenChannel {
                    asset: Address::ZERO,
                    from: Source::Wallet,
                    peer,
                    deposit,
                    peer_deposit: deposit,
                    lane: 0,
                },
            );
        }
        world.run_until(WAIT_MS, |w| open(w).is_some());
        open(world)
    }

    /// Opens a virtual channel over the path, whatever it takes.
    pub fn insist_on_virtual(&mut self, stake: u128, peer_stake: u128, term: u64) -> B256 {
        let id = (0..TRIES).find_map(|_| self.try_virtual(stake, peer_stake, term));
        id.unwrap_or_else(|| panic!("seed {}: no virtual channel", self.world.seed()))
    }

    fn try_virtual(&mut self, stake: u128, peer_stake: u128, term: u64) -> Option<B256> {
        let last = self.last();
        let usable = move |w: &World| {
            let all = w.nodes[0].participant.as_ref()?.virtuals();
            let mut open = all.into_iter().filter(|v| v.stage == VirtualStage::Active && v.version > 0);
            open.find(|v| w.virtual_of(last, v.id).is_some_and(|f| f.accepted > 0)).map(|v| v.id)
        };
        let world = &mut self.world;
        world.run_until(WAIT_MS, |w| w.nodes.iter().all(|n| n.participant.is_some()));
        let going_on = |w: &World| {
            let all = w.nodes[0].participant.as_ref().map(|p| p.virtuals()).unwrap_or_default();
            all.iter().any(|v| matches!(v.stage, VirtualStage::Locking | VirtualStage::Active))
        };
        if !going_on(world) {
            let path = self.nodes[1..].iter().map(|n| world.key(*n)).collect();
            let command = Command::OpenVirtual {
                asset: Address::ZERO,
                path,
                stake,
                peer_stake,
                term: Some(term),
                fee_max: u128::MAX,
                renew: false,
            };
            world.command(0, command);
        }
        world.run_until(2 * WAIT_MS, |w| usable(w).is_some());
        usable(world)
    }

    /// Pays until `node` owns `target` in the channel as both see it.
    pub fn insist_on_share(&mut self, ch: B256, node: usize, peer: usize, target: u128, cosign: bool) {
        for _ in 0..TRIES {
            let world = &mut self.world;
            world.run_until(WAIT_MS, |w| w.nodes[node].participant.is_some() && w.nodes[peer].participant.is_some());
            let mine = world.share(node, ch);
            let amount = mine.unwrap_or_default().saturating_sub(target);
            if amount > 0 {
                world.command(node, Command::Pay { ch, amount, cosign, reference: Vec::new() });
            }
            let theirs = move |w: &World| w.peer_share(peer, ch);
            if world.run_until(WAIT_MS, |w| w.share(node, ch) == Some(target) && theirs(w) == Some(target)) {
                return;
            }
        }
        let world = &self.world;
        let seen = (world.share(node, ch), world.peer_share(peer, ch));
        panic!("seed {}: node {node} should own {target} in the channel, seen {seen:?}", world.seed());
    }

    /// Closes a virtual channel, whatever it takes.
    pub fn insist_on_closing(&mut self, vc: B256) {
        for _ in 0..TRIES {
            let world = &mut self.world;
            world.run_until(WAIT_MS, |w| w.nodes.iter().all(|n| n.participant.is_some()));
            world.command(0, Command::CloseVirtual { vc });
            if world.run_until(WAIT_MS, Self::all_done(vc, self.nodes.len())) {
                return;
            }
        }
        panic!("seed {}: not closed: {:?}", self.world.seed(), self.world.virtual_everywhere(vc));
    }

    fn all_done(vc: B256, people: usize) -> impl Fn(&World) -> bool {
        move |w| {
            let all = w.virtual_everywhere(vc);
            all.len() == people && all.iter().all(|v| v.stage == VirtualStage::Done)
        }
    }
}

impl World {
    /// Ids of all virtual channels that the first node knows.
    pub fn virtual_ids(&self) -> Vec<B256> {
        let all = self.nodes[0].participant.as_ref().map(|p| p.virtuals()).unwrap_or_default();
        all.iter().map(|v| v.id).collect()
    }

    /// What a node owns in a channel by its own newest signature.
    pub fn share(&self, node: usize, ch: B256) -> Option<u128> {
        self.ledger_of(node, ch).map(|l| l.mine).or_else(|| self.virtual_of(node, ch)?.mine)
    }

    /// What its peer owns in a channel, as a node sees it.
    pub fn peer_share(&self, node: usize, ch: B256) -> Option<u128> {
        self.ledger_of(node, ch).map(|l| l.theirs).or_else(|| self.virtual_of(node, ch)?.theirs)
    }
}
