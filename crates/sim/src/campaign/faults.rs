//! What goes wrong. Everything that delays an honest node's access to the chain ends within the bound that the world's m_safe
//! contains, and one such delay is over before the next one begins: the protocol assumes no more (2.3 times).

use super::story::Story;
use crate::world::{CrashPoint, Fate, Network, Rpc};

/// What ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Healing {
    /// Nobody is cut from anybody.
    Cuts,
    /// The network is as it should be.
    Network,
    /// A node's access to the chain.
    Chain(usize),
    /// A node's disk.
    Disk(usize),
    /// Blocks have room.
    Full,
    /// Some time has passed after a delay.
    Pause,
}

impl Story {
    fn heal_in(&mut self, ms: u64, healing: Healing) {
        self.healings.push((self.world.now_ms + ms, healing));
    }

    pub(super) fn heal_due(&mut self) {
        let now = self.world.now_ms;
        let due: Vec<Healing> = self.healings.iter().filter(|(at, _)| *at <= now).map(|(_, what)| *what).collect();
        self.healings.retain(|(at, _)| *at > now);
        due.into_iter().for_each(|what| self.heal(what));
    }

    pub(super) fn heal(&mut self, what: Healing) {
        let world = &mut self.world;
        match what {
            Healing::Cuts => world.cuts.clear(),
            Healing::Network => world.network = Network::steady(20),
            Healing::Chain(node) => {
                let this = &mut world.nodes[node];
                (this.rpc, this.lag, this.chain_delay_ms) = (Rpc::default(), 0, 0);
            }
            Healing::Disk(node) => world.nodes[node].disk_ms = 0,
            Healing::Full => world.ground.full_s = 0,
            Healing::Pause => {}
        }
        world.note(|_| format!("--- over: {what:?}"));
    }

    /// One delay on the way to the chain at a time, and some time between two.
    fn chain_is_disturbed(&self) -> bool {
        let slow = |what: &Healing| matches!(what, Healing::Chain(_) | Healing::Full | Healing::Pause);
        self.healings.iter().any(|(_, what)| slow(what)) || self.world.now_ms < self.world.dark_until_ms
    }

    fn disturb(&mut self, ms: u64, healing: Healing) {
        self.heal_in(ms, healing);
        let rest = self.plan.policy.m_safe * 1_000;
        self.heal_in(ms + rest, Healing::Pause);
    }

    pub(super) fn crash(&mut self) {
        let node = self.some_node();
        let down = self.rng.between(300, self.plan.bounds.down_ms);
        let this = &mut self.world.nodes[node];
        // A node that is just back has not caught up yet; two outages in a row are one longer outage.
        if this.participant.is_none() || this.down_ms == u64::MAX || this.crash_at.is_some() {
            return;
        }
        this.down_ms = down;
        let soon = this.commits + self.rng.between(1, 6);
        match self.rng.below(5) {
            0 => this.crash_at = Some((soon, CrashPoint::BeforeCommit)),
            1 => this.crash_at = Some((soon, CrashPoint::AfterCommit)),
            2 => this.crash_at = Some((soon, CrashPoint::DiskFails)),
            3 => self.world.crash(node),
            _ => {
                self.world.crash(node);
                if self.rng.chance(500) {
                    // Everybody who shares the machine.
                    let other = self.some_node();
                    if self.world.nodes[other].participant.is_some() && self.world.nodes[other].down_ms < u64::MAX {
                        self.world.nodes[other].down_ms = down;
                        self.world.crash(other);
                    }
                }
            }
        }
    }

    pub(super) fn break_something(&mut self) {
        match self.rng.below(100) {
            0..30 => self.break_network(),
            30..42 => self.cut(),
            42..62 => self.reorg(),
            62..72 => self.slow_disk(),
            72..88 => self.disturb_endpoint(),
            88..93 => self.fill_blocks(),
            _ => self.darken(),
        }
    }

    fn break_network(&mut self) {
        self.world.network = match self.rng.below(4) {
            0 => Network::steady(self.rng.between(1, 150)),
            1 => Network { drop: 400, ..Network::rough() },
            2 => Network { delay_min_ms: 100, delay_max_ms: 2_500, drop: 20, double: 50, reorder: true },
            _ => Network::rough(),
        };
        let ms = self.rng.between(500, 10_000);
        self.heal_in(ms, Healing::Network);
    }

    /// One way, both ways, or the network falls into two parts.
    fn cut(&mut self) {
        let (a, b) = (self.some_node(), self.some_node());
        let people = self.plan.people;
        match self.rng.below(3) {
            0 => drop(self.world.cuts.insert((a, b))),
            1 => self.world.cuts.extend([(a, b), (b, a)]),
            _ => {
                let side = self.rng.next_u64();
                let apart = |x: usize, y: usize| (side >> x ^ side >> y) & 1 == 1;
                let pairs = (0..people).flat_map(|x| (0..people).map(move |y| (x, y)));
                self.world.cuts.extend(pairs.filter(|(x, y)| apart(*x, *y)));
            }
        }
        let ms = self.rng.between(500, 12_000);
        self.heal_in(ms, Healing::Cuts);
    }

    /// 1 to 64 blocks, never a final one: the finality depth is what the protocol takes for granted (conf).
    fn reorg(&mut self) {
        let height = self.world.ground.chain.height();
        let most = height.saturating_sub(self.final_height.max(height.saturating_sub(self.plan.bounds.depth))).min(64);
        if most == 0 {
            return;
        }
        let depth = if self.rng.chance(500) { self.rng.between(1, most) } else { most };
        let late_s = if self.chain_is_disturbed() { 0 } else { self.plan.bounds.slow_s };
        let fate = match self.rng.below(4) {
            0 => Fate::Lost,
            1 => Fate::Back,
            2 => Fate::Shuffled,
            _ => Fate::Some { late_s },
        };
        self.world.note(|_| format!("--- reorganisation of {depth} block(s), {fate:?}"));
        self.world.reorg_with(depth, fate);
    }

    fn slow_disk(&mut self) {
        let node = self.some_node();
        self.world.nodes[node].disk_ms = self.rng.between(5, 800);
        let ms = self.rng.between(500, 10_000);
        self.heal_in(ms, Healing::Disk(node));
    }

    fn disturb_endpoint(&mut self) {
        if self.chain_is_disturbed() {
            return;
        }
        let node = self.some_node();
        let longest = self.plan.bounds.slow_s * 1_000;
        let blocks = self.plan.bounds.slow_s / self.plan.bounds.block_s;
        let ms = self.rng.between(longest / 2, longest);
        let this = &mut self.world.nodes[node];
        match self.rng.below(6) {
            0 => this.rpc.stopped = true,
            1 => this.lag = blocks,
            2 => this.rpc.jitter = blocks,
            3 => (this.rpc.withhold, this.rpc.eventless) = (500, 300),
            4 => this.rpc.swallow_ms = longest,
            _ => (this.rpc.refuse, this.rpc.tell_ms) = (500, longest),
        }
        let rpc = this.rpc;
        self.world.note(|w| format!("--- endpoint of {}: {rpc:?}", w.nodes[node].name));
        self.disturb(ms, Healing::Chain(node));
    }

    /// Blocks are full and fees rise: calls wait until their driver has outbid the others, differently long.
    fn fill_blocks(&mut self) {
        if self.chain_is_disturbed() {
            return;
        }
        self.world.ground.full_s = self.plan.bounds.slow_s;
        self.disturb(self.plan.bounds.slow_s * 1_000, Healing::Full);
    }

    fn darken(&mut self) {
        let longest = self.plan.bounds.dark_s;
        if longest == 0 || self.chain_is_disturbed() {
            return;
        }
        let ms = self.rng.between(longest * 500, longest * 1_000);
        self.world.dark_until_ms = self.world.now_ms + ms;
        self.disturb(ms, Healing::Pause);
        self.world.note(|_| format!("--- no block for {ms} ms"));
        if ms > 60_000 {
            // Nothing new happens in most of it.
            self.world.tick_ms = ms / 40;
            self.pass(ms);
            self.world.tick_ms = 1_000;
        }
    }

    /// What docs/operations.md forbids: a node starts from an old copy of its disk. Its own money is at risk, nobody else's.
    pub(super) fn old_backup(&mut self, number: u64) {
        let Some(node) = self.plan.copied else { return };
        let this = &self.world.nodes[node];
        if this.participant.is_none() || !this.honest {
            return;
        }
        let others = (0..self.plan.people).any(|n| n != node && !self.plan.corrupt.contains(&n));
        if this.backup.is_none() && number < self.plan.actions / 2 {
            self.world.back_up(node);
        } else if others && number > self.plan.actions / 2 && self.rng.chance(200) {
            self.world.note(|w| format!("--- {} starts from an old backup", w.nodes[node].name));
            self.world.restore_backup(node);
        }
    }

    /// Nothing is wrong any more.
    pub(super) fn heal_all(&mut self) {
        self.healings.clear();
        self.world.network = Network::steady(20);
        self.world.cuts.clear();
        self.world.ground.full_s = 0;
        self.world.dark_until_ms = 0;
        for node in &mut self.world.nodes {
            (node.rpc, node.lag, node.chain_delay_ms) = (Rpc::default(), 0, 0);
            (node.crash_at, node.disk_ms, node.backup) = (None, 0, None);
        }
    }
}
