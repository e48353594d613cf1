//! Where a probe plays: one link whose one party is corrupt.

use super::Setting;
use crate::rng::Rng;
use crate::story::{ETH, quick_policy};
use crate::world::World;
use alloy_primitives::B256;
use perunika_core::body::{Body, Change};
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::Amount;

/// A link between node 0 (A) and node 1 (B), one of them corrupt.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) rng: Rng,
    /// The honest one.
    pub(super) honest: usize,
    /// The corrupt one.
    pub(super) corrupt: usize,
    pub(super) ch: B256,
    pub(super) channel: ChannelParams,
    /// What was taken that must not be, in words.
    pub(super) faults: Vec<String>,
    heard: usize,
}

/// Long enough for a message and its answer, ms.
pub(super) const TALK_MS: u64 = 60;

impl Scene {
    /// Some payments in both directions; the last one by the honest party. Then `corrupt` falls silent and says only what the
    /// probe says.
    pub(super) fn link(setting: Setting<'_>, corrupt: usize) -> Self {
        let mut scene = Self::open(setting, corrupt);
        scene.strike();
        scene
    }

    /// The same while both are honest, though all that the one of them stores is known.
    pub(super) fn open(setting: Setting<'_>, corrupt: usize) -> Self {
        let seed = setting.seed;
        let mut world = setting.world(&["alice", "bob"], &quick_policy());
        world.strings.spied.insert(corrupt);
        let ch = world.open_channel(0, 1, 100 * ETH, 100 * ETH);
        let channel = world.ledger_of(0, ch).expect("it is open").params;
        let honest = 1 - corrupt;
        let mut scene =
            Self { world, rng: Rng::new(seed ^ 0x9e0b), honest, corrupt, ch, channel, faults: Vec::new(), heard: 0 };
        for node in [honest, corrupt, honest] {
            let amount = ETH * u128::from(scene.rng.between(1, 5));
            scene.world.pay(node, ch, amount);
        }
        scene
    }

    /// From now on the probe speaks for the corrupt node.
    pub(super) fn strike(&mut self) {
        self.world.run_for(1_000);
        self.world.digest();
        self.world.corrupt(self.corrupt);
    }

    pub(super) fn side(&self) -> Side {
        if self.corrupt == 0 { Side::A } else { Side::B }
    }

    /// The newest version that the honest node accepted.
    pub(super) fn cur(&mut self) -> Body {
        self.world.digest();
        let info = self.world.ledger_of(self.honest, self.ch).expect("it is open");
        let known = self.world.strings.loot.versions(self.ch, info.accepted);
        // Others may have been said under that version, and refused.
        let same = |body: &&Body| body.deposits() == info.deposits && body.share(info.me) == info.mine;
        known.iter().rfind(same).or(known.last()).cloned().expect("what an honest node accepted is known")
    }

    /// `cur` under the corrupt party's next version, with so much more for the honest one (less, if negative).
    pub(super) fn paid(&mut self, amount: i128) -> Body {
        let cur = self.cur();
        let ver = self.side().next_version(cur.ver);
        self.split(&cur, ver, amount)
    }

    /// Another version of `base`, with so much more for the honest party; whatever that gives.
    pub(super) fn split(&self, base: &Body, ver: u64, amount: i128) -> Body {
        let to_a = if self.honest == 0 { amount } else { -amount };
        let def_a = Amount::try_from(base.def_a as i128 + to_a).unwrap_or_default();
        base.with(ver, &Change::Split(def_a)).unwrap_or_else(|_| Body { ver, def_a, ..base.clone() })
    }

    /// The corrupt key's signature.
    pub(super) fn sign(&self, body: &Body) -> Signature {
        self.world.raw_key(self.corrupt).sign(body.digest(&self.world.ground.domain))
    }

    /// An item that leads to `next`.
    pub(super) fn item(&self, next: &Body, base: u64, sig: Signature, cosign: bool) -> Message {
        Message::Item { ch: next.ch, ver: next.ver, base, def_a: next.def_a, sig, cosign, note: None }
    }

    /// A right item.
    pub(super) fn pays(&mut self, next: &Body, cosign: bool) -> Message {
        let (base, sig) = (self.cur().ver, self.sign(next));
        self.world.strings.loot.content(next.clone());
        self.item(next, base, sig, cosign)
    }

    /// Says it, and lets the honest node answer.
    pub(super) fn say(&mut self, message: Message) {
        self.heard = self.inbox().len();
        self.world.inject(self.corrupt, self.honest, message);
        self.world.run_for(TALK_MS);
    }

    fn inbox(&self) -> &[(alloy_primitives::Address, Message)] {
        &self.world.nodes[self.corrupt].inbox
    }

    /// What the honest node said since the last [`Scene::say`].
    pub(super) fn answers(&self) -> impl Iterator<Item = &Message> {
        self.inbox()[self.heard.min(self.inbox().len())..].iter().map(|(_, message)| message)
    }

    /// From here on [`Scene::answers`] counts.
    pub(super) fn listen(&mut self) {
        self.heard = self.inbox().len();
    }

    pub(super) fn accepted(&self) -> u64 {
        self.world.ledger_of(self.honest, self.ch).map_or(0, |l| l.accepted)
    }

    /// Nothing of this may be accepted, answered or signed under version `ver`.
    pub(super) fn must_refuse(&mut self, what: &str, ver: u64, message: Message) {
        let before = self.accepted();
        self.say(message);
        let taken = self.answers().any(|m| match m {
            Message::Ack { ver: v, .. } | Message::Accept { ver: v, .. } | Message::Presign { ver: v, .. } => *v == ver,
            _ => false,
        });
        if taken || self.accepted() != before {
            self.fault(format!("{what} was accepted"));
        }
    }

    /// What is right must be taken, or the probe proves nothing.
    pub(super) fn must_take(&mut self, what: &str, ver: u64, message: Message) {
        self.say(message);
        if self.accepted() != ver {
            self.fault(format!("{what} was not accepted"));
        }
    }

    pub(super) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.fault(what.to_owned());
        }
    }

    pub(super) fn fault(&mut self, text: String) {
        self.faults.push(format!("probe: {text}"));
    }

    /// A command of the honest node's application.
    pub(super) fn command(&mut self, command: Command) -> u64 {
        let tag = self.world.command(self.honest, command);
        self.world.run_for(TALK_MS);
        tag
    }

    pub(super) fn pay(&mut self, amount: Amount, cosign: bool) -> u64 {
        self.command(Command::Pay { ch: self.ch, amount, cosign, reference: Vec::new() })
    }
}

impl Scene {
    /// Signatures of A and B on a State of the link, if both are known.
    pub(super) fn both(&self, body: &Body) -> Option<[Option<Signature>; 2]> {
        let digest = body.digest(&self.world.ground.domain);
        let mut sigs = [None, None];
        sigs[self.corrupt] = Some(self.sign(body));
        let theirs = self.world.strings.loot.sigs.get(&(digest, self.world.key(self.honest)));
        sigs[self.honest] = Some(*theirs?);
        Some(sigs)
    }
}
