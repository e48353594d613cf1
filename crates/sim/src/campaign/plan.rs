//! What a story is drawn from: who is there, who has a channel with whom, which faults there are and which times make up for them.

use crate::rng::Rng;
use crate::token::{Manner, TOKENS};
use crate::world::Pen;
use alloy_primitives::Address;
use perunika_core::funding::Source;
use perunika_core::policy::{NanoPolicy, Policy, TokenPolicy};

/// What may go wrong, and for how long. The times of the protocol follow from it ([`Bounds::policy`]).
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Seconds between two blocks.
    pub(super) block_s: u64,
    /// Blocks above a block that is final; no reorganisation drops so many that a final one goes.
    pub(super) depth: u64,
    /// Longest time without any block, seconds.
    pub(super) dark_s: u64,
    /// Longest time for which one node's access to the chain is disturbed (stopped, old, partial, calls swallowed or not taken into
    /// full blocks), seconds.
    pub(super) slow_s: u64,
    /// Longest time for which a node is down, ms.
    pub(super) down_ms: u64,
}

impl Bounds {
    fn draw(rng: &mut Rng) -> Self {
        let kind = rng.below(100);
        let one = Self { block_s: 1, depth: 1, dark_s: 0, slow_s: 1, down_ms: 2_500 };
        match kind {
            0..50 => Self { depth: rng.between(1, 3), slow_s: rng.between(1, 3), ..one },
            50..85 => Self {
                block_s: rng.between(1, 3),
                depth: rng.between(1, 8),
                dark_s: rng.below(10),
                slow_s: rng.between(1, 8),
                down_ms: rng.between(1_000, 6_000),
            },
            85..96 => Self { depth: rng.between(9, 64), slow_s: rng.between(1, 8), ..one },
            // A rollup whose sequencer is down for hours: C and w contain that (protocol 2.3 times, L2).
            _ => Self {
                block_s: rng.between(2, 12),
                depth: rng.between(1, 4),
                dark_s: rng.between(3_600, 4 * 3_600),
                ..one
            },
        }
    }

    /// Finality, inclusion and a margin (protocol 2.3 times): everything that may delay an honest node's transaction once.
    ///
    /// An adversary who orders transactions holds each back for a third of it at most, hence the half on top.
    fn m_safe(&self) -> u64 {
        let finality = self.block_s * (self.depth + 3);
        let sum = finality + self.dark_s + self.slow_s + self.down_ms.div_ceil(1_000) + 3;
        sum + sum / 2
    }

    fn policy(&self, rng: &mut Rng) -> Policy {
        let m_safe = self.m_safe();
        let close_lead = 4 * m_safe;
        let period = |rng: &mut Rng| (2 * m_safe + rng.below(m_safe)) as u32;
        let (challenge, window) = (period(rng), period(rng));
        Policy {
            m_safe,
            challenge,
            window,
            challenge_max: (6 * m_safe) as u32,
            window_max: (6 * m_safe) as u32,
            k_max: 20,
            term: close_lead + m_safe * rng.between(4, 12),
            term_max: 60 * m_safe,
            close_lead,
            close_validity: 6 * m_safe,
            patience: 2 * m_safe.min(30),
            sponsored_from: Some(1),
            authorisation_validity: m_safe * rng.between(1, 8),
            tokens: TOKENS.iter().map(|(token, _)| (*token, in_token())).collect(),
            nano: NanoPolicy { answer: m_safe.clamp(5, 60), ..NanoPolicy::dev() },
            ..Policy::dev()
        }
    }
}

/// The same limits as in ETH.
fn in_token() -> TokenPolicy {
    TokenPolicy { sponsored_from: Some(1), ..Policy::dev().asset(Address::ZERO).unwrap_or_default() }
}

/// The setting of one story.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Number of nodes.
    pub(super) people: usize,
    /// Pairs of nodes with a ledger channel; the smaller index first.
    pub(super) edges: Vec<(usize, usize)>,
    pub(super) bounds: Bounds,
    /// Times, limits and prices of every node.
    pub(super) policy: Policy,
    /// Random actions before the world heals.
    pub(super) actions: u64,
    /// Nodes that the adversary takes over, and at which action.
    pub(super) corrupt: Vec<usize>,
    pub(super) strike_at: u64,
    /// Gas of a block: room for everything, or for one call at a time.
    pub(super) gas_limit: u64,
    /// Whether there are nanocontracts.
    pub(super) games: bool,
    /// Of the channels that everybody starts with; zero address for ETH.
    pub(super) asset: Address,
    /// Where each node's deposits come from that others ask for.
    pub(super) sources: Vec<Source>,
    /// How each owner signs.
    pub(super) pens: Vec<Pen>,
    /// Whose disk is copied, early in the story, to be started from later.
    pub(super) copied: Option<usize>,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let people = [2, 3, 3, 3, 3, 4, 4, 5, 6, 7][rng.below(10) as usize];
        let bounds = Bounds::draw(rng);
        let policy = bounds.policy(rng);
        let actions = rng.between(20, 40);
        let corrupt = corrupt(people, rng);
        Self {
            people,
            edges: edges(people, rng),
            bounds,
            policy,
            actions,
            corrupt,
            strike_at: rng.between(actions / 4, actions * 3 / 4),
            gas_limit: if rng.chance(100) { 16_200_000 } else { 60_000_000 },
            games: rng.chance(400),
            asset: asset(rng),
            sources: (0..people).map(|_| if rng.chance(300) { Source::Vault } else { Source::Wallet }).collect(),
            pens: (0..people).map(|_| pen(rng, bounds.m_safe())).collect(),
            copied: rng.chance(150).then(|| rng.below(people as u64) as usize),
        }
    }
}

/// A path through everybody or a tree, sometimes with one more channel across.
fn edges(people: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
    let path = rng.chance(600);
    let mut edges: Vec<(usize, usize)> =
        (1..people).map(|node| (if path { node - 1 } else { rng.below(node as u64) as usize }, node)).collect();
    if people > 3 && rng.chance(250) {
        let (a, b) = (rng.below(people as u64) as usize, rng.below(people as u64) as usize);
        let across = (a.min(b), a.max(b));
        if a != b && !edges.contains(&across) {
            edges.push(across);
        }
    }
    edges
}

/// ETH mostly; otherwise a token, also one that takes no payouts. (One that keeps a fee opens no channel.)
fn asset(rng: &mut Rng) -> Address {
    let tokens: Vec<Address> = TOKENS.iter().filter(|(_, m)| *m != Manner::Fee).map(|(token, _)| *token).collect();
    if rng.chance(600) { Address::ZERO } else { tokens[rng.below(tokens.len() as u64) as usize] }
}

fn pen(rng: &mut Rng, m_safe: u64) -> Pen {
    match rng.below(10) {
        0 => Pen { refuse: rng.below(1_000), ..Pen::default() },
        1 => Pen { useless: rng.below(1_000), ..Pen::default() },
        2 | 3 => Pen { slow_ms: rng.below(2 * m_safe * 1_000), ..Pen::default() },
        _ => Pen::default(),
    }
}

/// Nobody in most stories; otherwise any number up to all but one.
fn corrupt(people: usize, rng: &mut Rng) -> Vec<usize> {
    if !rng.chance(400) {
        return Vec::new();
    }
    let count = if rng.chance(250) { people - 1 } else { rng.between(1, people as u64 - 1) as usize };
    let mut all: Vec<usize> = (0..people).collect();
    while all.len() > count {
        all.remove(rng.below(all.len() as u64) as usize);
    }
    all
}
