//! Corrupt nodes that run on: production code whose messages and calls pass through the adversary's hands.

use super::loot::Loot;
use super::{garble, plays};
use crate::rng::Rng;
use crate::world::World;
use perunika_core::chain::Call;
use perunika_core::io::Write;
use perunika_core::message::Message;
use std::collections::{BTreeMap, BTreeSet};

/// How a puppet is played; chances per mille.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) drop: u64,
    pub(crate) double: u64,
    pub(crate) delay: u64,
    pub(crate) garble: u64,
    /// Another content goes out beside the true one.
    pub(crate) equivocate: u64,
    /// Kinds of messages that never leave.
    pub(crate) mute: BTreeSet<&'static str>,
    /// Kinds that are kept until she lets them go.
    pub(crate) keep: BTreeSet<&'static str>,
    /// A payment overtakes the answer to what the victim has asked for.
    pub(crate) overtake: u64,
    /// Activation secrets that are none.
    pub(crate) junk_secrets: u64,
    /// A signed Adjust is kept for a better moment.
    pub(crate) hold_adjusts: u64,
    pub(crate) hold_calls: u64,
    pub(crate) drop_calls: u64,
}

/// What stands between the adversary and the world.
#[derive(Debug)]
pub(crate) struct Strings {
    /// Nodes of which everything is remembered.
    pub(crate) spied: BTreeSet<usize>,
    pub(crate) manners: BTreeMap<usize, Manner>,
    pub(crate) loot: Loot,
    pub(crate) rng: Rng,
    /// Kept messages: from, to.
    pub(crate) kept: Vec<(usize, usize, Message)>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
    messages: Vec<(usize, usize, bool, Message)>,
}

impl Strings {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            spied: BTreeSet::new(),
            manners: BTreeMap::new(),
            loot: Loot::default(),
            rng: Rng::new(seed ^ 0x3a11_0271),
            kept: Vec::new(),
            records: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// What a node stores.
    pub(crate) fn read(&mut self, node: usize, writes: &[Write]) {
        if self.spied.contains(&node) {
            let news = writes.iter().filter_map(|w| Some((w.key.clone(), w.value.clone()?)));
            self.records.extend(news.filter(|(key, _)| matches!(key.first(), Some(b'l' | b'v' | b'n' | b'c'))));
        }
    }

    /// What a node is told.
    pub(crate) fn hear(&mut self, from: usize, to: usize, message: &Message) {
        if self.spied.contains(&to) {
            self.messages.push((from, to, false, message.clone()));
        }
    }

    /// What a node says.
    pub(crate) fn say(&mut self, from: usize, to: usize, message: &Message) {
        if self.spied.contains(&from) {
            self.messages.push((from, to, true, message.clone()));
        }
    }
}

impl World {
    /// Makes knowledge of all that the adversary's nodes stored, said and heard since.
    pub(crate) fn digest(&mut self) {
        let domain = self.ground.domain;
        let mut strings = std::mem::replace(&mut self.strings, Strings::new(0));
        for (key, value) in std::mem::take(&mut strings.records) {
            strings.loot.record(&key, &value, &domain);
        }
        for (from, to, own, message) in std::mem::take(&mut strings.messages) {
            strings.loot.message(self.nodes[from].key, &message, &domain);
            if own {
                strings.loot.said.push((from, to, message));
            } else {
                strings.loot.heard.push((to, from, message));
            }
        }
        strings.loot.tidy();
        self.strings = strings;
    }

    /// What becomes of a message of a puppet: when, to whom, what.
    pub(crate) fn puppet_speaks(&mut self, node: usize, to: usize, message: Message) -> Vec<(u64, usize, Message)> {
        let Some(manner) = self.strings.manners.get(&node).cloned() else { return vec![(0, to, message)] };
        let (kind, rng) = (kind(&message), &mut self.strings.rng);
        if manner.mute.contains(kind) || rng.chance(manner.drop) {
            return Vec::new();
        }
        if manner.keep.contains(kind) {
            self.strings.kept.push((node, to, message));
            return Vec::new();
        }
        if kind == "Activate" && rng.chance(manner.junk_secrets) {
            return garble::change(self, node, &message).map(|junk| (0, to, junk)).into_iter().collect();
        }
        if let Message::Accept { ch, ver, .. } | Message::Presign { ch, ver, .. } = message
            && rng.chance(manner.overtake)
        {
            let late = self.strings.rng.between(30, 600);
            let item = plays::overtake(self, node, ch, ver);
            return item.map(|item| (0, to, item)).into_iter().chain([(late, to, message)]).collect();
        }
        let delay = if rng.chance(manner.delay) { rng.between(20, 4_000) } else { 0 };
        let again = rng.chance(manner.double).then(|| rng.between(1, 3_000));
        let (garbled, beside) = (rng.chance(manner.garble), rng.chance(manner.equivocate));
        let other = if garbled || beside { garble::change(self, node, &message) } else { None };
        let mut out = Vec::new();
        match other {
            Some(other) if garbled => out.push((delay, to, other)),
            Some(other) => out.extend([(delay, to, message.clone()), (self.strings.rng.below(1_500), to, other)]),
            None => out.push((delay, to, message.clone())),
        }
        out.extend(again.map(|ms| (ms, to, message)));
        out
    }

    /// How long a call of a puppet is kept back, ms; `None`: for ever.
    pub(crate) fn puppet_calls(&mut self, node: usize, call: &Call) -> Option<u64> {
        let Some(manner) = self.strings.manners.get(&node).cloned() else { return Some(0) };
        let rng = &mut self.strings.rng;
        let kept = matches!(call, Call::Adjust { .. }) && rng.chance(manner.hold_adjusts);
        if kept || rng.chance(manner.drop_calls) {
            return None;
        }
        Some(if rng.chance(manner.hold_calls) { rng.between(500, 20_000) } else { 0 })
    }

    /// Lets all kept messages go.
    pub(crate) fn let_go(&mut self) {
        for (from, to, message) in std::mem::take(&mut self.strings.kept) {
            self.whisper(0, from, to, message);
        }
    }
}

macro_rules! kinds {
    ($($name:ident),* $(,)?) => {
        /// All kinds of messages.
        pub(crate) const KINDS: &[&str] = &[$(stringify!($name)),*];

        /// The kind of a message.
        pub(crate) fn kind(message: &Message) -> &'static str {
            match message {
                $(Message::$name { .. } => stringify!($name)),*
            }
        }
    };
}

kinds!(
    ChannelOffer,
    ChannelAsk,
    ChannelInfo,
    ChannelAgreed,
    ChannelConsent,
    Item,
    PaymentReceipt,
    ReceiptAsk,
    Ack,
    Accept,
    Refuse,
    Presign,
    Propose,
    CloseAsk,
    CloseSig,
    AdjustAsk,
    AdjustSig,
    QuoteAsk,
    Quote,
    QuoteRefused,
    VcOpen,
    Activate,
    Abort,
    Start,
    Receipt,
    VcCloseAsk,
    FinalSigs,
    NanoOffer,
    NanoAgree,
    NanoDecline,
    NanoStep,
    NanoAccept,
    NanoRefuse,
    NanoHand,
    NanoTaken,
    App,
);
