//! What a story is drawn from: who is there, who has a channel with whom, which times hold.

use crate::rng::Rng;
use crate::story::quick_policy;
use perunika_core::policy::Policy;

/// The setting of one story.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Number of nodes.
    pub(super) people: usize,
    /// Pairs of nodes with a ledger channel; the smaller index first.
    pub(super) edges: Vec<(usize, usize)>,
    /// Times, limits and prices of every node.
    pub(super) policy: Policy,
    /// Random actions before the world heals.
    pub(super) actions: u64,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let people = [2, 3, 3, 3, 4, 4, 5, 6, 7][rng.below(9) as usize];
        Self { people, edges: edges(people, rng), policy: quick_policy(), actions: rng.between(30, 60) }
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
