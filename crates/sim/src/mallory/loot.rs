//! What the adversary has: every record that her nodes ever stored, every message that they sent or heard, and what follows from it.

use super::records;
use crate::adversary::Position;
use crate::signing::verifies;
use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::body::{Body, Change};
use perunika_core::message::{Consent, LinkOp, Message, NanoTerms, Removal};
use perunika_core::params::{ChannelParams, Side, VirtualParams, secret_hash};
use perunika_core::sig::Signature;
use perunika_core::signed::{Adjust, Amount, Close, Eip712, Entry, Final};
use std::collections::{BTreeMap, BTreeSet};

/// Most messages that are remembered.
const MOST: usize = 2_000;

/// A ledger channel of a corrupt node.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) params: ChannelParams,
    pub(crate) nonce: u64,
}

/// A nanocontract of a corrupt node.
#[derive(Clone, Debug)]
pub(crate) struct Game {
    pub(crate) terms: NanoTerms,
    pub(crate) entry: Option<Entry>,
    pub(crate) versions: Vec<Position>,
    pub(crate) inputs: Vec<Vec<u8>>,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Loot {
    pub(crate) ledgers: BTreeMap<B256, Channel>,
    pub(crate) virtuals: BTreeMap<B256, VirtualParams>,
    /// Contents of every State that somebody signed or meant to, by object and version.
    pub(crate) bodies: BTreeMap<B256, BTreeMap<u64, Vec<Body>>>,
    pub(crate) games: BTreeMap<(B256, B256), Game>,
    pub(crate) codes: BTreeMap<B256, Vec<u8>>,
    /// By digest and key.
    pub(crate) sigs: BTreeMap<(B256, Address), Signature>,
    /// Splits for which somebody signed a Final.
    pub(crate) finals: BTreeMap<B256, BTreeSet<Amount>>,
    pub(crate) closes: Vec<Close>,
    /// Every Adjust that somebody signed.
    pub(crate) adjusts: Vec<Adjust>,
    /// Channels that were offered, with the deposits; and what owners signed for them.
    pub(crate) offers: BTreeMap<B256, (ChannelParams, [Amount; 2])>,
    pub(crate) consents: Vec<(B256, Side, Consent)>,
    /// Activation secrets by their hash.
    pub(crate) secrets: BTreeMap<B256, B256>,
    /// What was heard: receiver, sender, message.
    pub(crate) heard: Vec<(usize, usize, Message)>,
    /// What was said: sender, receiver, message.
    pub(crate) said: Vec<(usize, usize, Message)>,
}

impl Loot {
    /// A record as a node stores it.
    pub(crate) fn record(&mut self, key: &[u8], value: &[u8], domain: &Domain) {
        match key.first() {
            Some(b'l') => {
                let Some(ledger) = records::ledger(value) else { return };
                let channel = Channel { params: ledger.params, nonce: ledger.nonce };
                let keys = [channel.params.a.key, channel.params.b.key];
                self.ledgers.insert(ledger.id, channel);
                ledger.signed.into_iter().for_each(|(body, sigs)| self.state(body, keys, sigs, domain));
            }
            Some(b'v') => {
                let Some(virt) = records::virtual_channel(value) else { return };
                let keys = [virt.params.path[0], virt.params.path[virt.params.path.len() - 1]];
                self.virtuals.insert(virt.id, virt.params);
                virt.secrets.into_iter().flatten().for_each(|secret| self.secret(secret));
                virt.signed.into_iter().for_each(|(body, sigs)| self.state(body, keys, sigs, domain));
            }
            Some(b'n') => {
                let Some((ch, nid, game)) = records::game(value) else { return };
                self.game(ch, nid, game);
            }
            Some(b'c') => drop(self.codes.insert(B256::from_slice(&key[1..]), value.to_vec())),
            _ => {}
        }
    }

    fn game(&mut self, ch: B256, nid: B256, news: Game) {
        let old = self.games.entry((ch, nid)).or_insert_with(|| news.clone());
        old.entry = old.entry.or(news.entry);
        for version in news.versions {
            if !old.versions.contains(&version) {
                old.versions.push(version);
            }
        }
        for input in news.inputs {
            if !old.inputs.contains(&input) && old.inputs.len() < 64 {
                old.inputs.push(input);
            }
        }
    }

    /// A State with the signatures that are known.
    pub(crate) fn state(&mut self, body: Body, keys: [Address; 2], sigs: [Option<Signature>; 2], domain: &Domain) {
        if sigs.iter().any(Option::is_some) {
            let digest = body.digest(domain);
            for (key, sig) in keys.into_iter().zip(sigs) {
                if let Some(sig) = sig {
                    self.sigs.insert((digest, key), sig);
                }
            }
        }
        self.content(body);
    }

    pub(crate) fn content(&mut self, body: Body) {
        let all = self.bodies.entry(body.ch).or_default().entry(body.ver).or_default();
        if !all.contains(&body) {
            all.push(body);
        }
    }

    pub(crate) fn secret(&mut self, secret: B256) {
        self.secrets.insert(secret_hash(secret), secret);
    }

    /// A message that one of her nodes sent or heard.
    pub(crate) fn message(&mut self, by: Address, message: &Message, domain: &Domain) {
        match message {
            Message::VcOpen { params, .. } => drop(self.virtuals.insert(params.id(domain), params.clone())),
            Message::Activate { secret, .. } => self.secret(secret.0),
            Message::Receipt { secrets, .. } => secrets.iter().for_each(|secret| self.secret(secret.0)),
            Message::FinalSigs { vc, out_a, sigs } => {
                let Some(params) = self.virtuals.get(vc) else { return };
                let digest = domain.digest(Final { vc: *vc, out_a: *out_a }.struct_hash());
                let keyed: Vec<(Address, Signature)> =
                    sigs.iter().filter_map(|(i, sig)| Some((*params.path.get(usize::from(*i))?, *sig))).collect();
                self.finals.entry(*vc).or_default().insert(*out_a);
                for (key, sig) in keyed.into_iter().filter(|(key, sig)| verifies(sig, digest, *key)) {
                    self.sigs.insert((digest, key), sig);
                }
            }
            Message::CloseSig { close, sig } => {
                self.sigs.insert((domain.digest(close.struct_hash()), by), *sig);
                if !self.closes.contains(close) {
                    self.closes.push(*close);
                }
            }
            Message::AdjustSig { adjust, sig } => {
                self.sigs.insert((domain.digest(adjust.struct_hash()), by), *sig);
                if !self.adjusts.contains(adjust) {
                    self.adjusts.push(*adjust);
                }
            }
            Message::ChannelOffer { params, nonce, dep_a, dep_b } => {
                self.offers.insert(params.id(domain, *nonce), (*params, [*dep_a, *dep_b]));
            }
            Message::ChannelAgreed { id, consent: Some(consent) } => self.consent(*id, Side::B, consent),
            Message::ChannelConsent { id, consent } => self.consent(*id, Side::A, consent),
            Message::NanoOffer { ch, nid, terms, code, .. } => {
                self.codes.insert(terms.code_hash, code.clone());
                let game = Game { terms: terms.clone(), entry: None, versions: Vec::new(), inputs: Vec::new() };
                self.game(*ch, *nid, game);
            }
            Message::NanoStep { ch, nid, input, .. } | Message::NanoHand { ch, nid, input, .. } => {
                if let Some(game) = self.games.get_mut(&(*ch, *nid))
                    && !game.inputs.contains(input)
                {
                    game.inputs.push(input.clone());
                }
            }
            _ => self.signed(by, message, domain),
        }
    }

    fn consent(&mut self, id: B256, side: Side, consent: &Consent) {
        if self.consents.iter().all(|(_, _, known)| known != consent) {
            self.consents.push((id, side, consent.clone()));
        }
    }

    /// A signature over a State: its content is worked out from what is known.
    fn signed(&mut self, by: Address, message: &Message, domain: &Domain) {
        let (sig, contents) = match message {
            Message::Item { ch, ver, base, def_a, sig, .. } => {
                let bases = self.versions(*ch, *base);
                let next = bases.iter().filter_map(|b| b.with(*ver, &Change::Split(*def_a)).ok()).collect();
                (*sig, next)
            }
            Message::Start { vc, sig } => {
                let next =
                    self.versions(*vc, 0).iter().filter_map(|b| b.with(1, &Change::Split(b.def_a)).ok()).collect();
                (*sig, next)
            }
            Message::Accept { ch, ver, sig } => (*sig, self.versions(*ch, *ver)),
            Message::Presign { ch, ver, op, sig } => (*sig, self.changed(*ch, *ver, &[*op])),
            Message::Propose { ch, ver, ops, sig, .. } => (*sig, self.changed(*ch, *ver, ops)),
            _ => return,
        };
        for body in contents {
            let digest = body.digest(domain);
            if verifies(&sig, digest, by) {
                self.sigs.insert((digest, by), sig);
                self.content(body);
                return;
            }
        }
    }

    /// All contents of one version.
    pub(crate) fn versions(&self, ch: B256, ver: u64) -> Vec<Body> {
        if ver == 0 {
            return self.genesis(ch).into_iter().collect();
        }
        self.bodies.get(&ch).and_then(|all| all.get(&ver)).cloned().unwrap_or_default()
    }

    /// The constant version 0.
    pub(crate) fn genesis(&self, ch: B256) -> Option<Body> {
        if let Some(params) = self.virtuals.get(&ch) {
            return Some(Body::virtual_genesis(ch, params.init_a, params.init_b));
        }
        let first = self.bodies.get(&ch)?.values().flatten().next()?;
        Some(Body::ledger_genesis(ch, first.dep_a, first.dep_b))
    }

    /// The newest contents of an object, newest last, at most `most`.
    pub(crate) fn newest(&self, ch: B256, most: usize) -> Vec<Body> {
        let all = self.bodies.get(&ch).into_iter().flat_map(|all| all.values().rev().flatten());
        let mut newest: Vec<Body> = all.take(most).cloned().collect();
        newest.reverse();
        newest
    }

    /// What these changes make of the newest known States below a version.
    fn changed(&self, ch: B256, ver: u64, ops: &[LinkOp]) -> Vec<Body> {
        let bases =
            self.bodies.get(&ch).map(|all| all.range(..ver).rev().flat_map(|(_, b)| b).take(4).cloned().collect());
        let bases: Vec<Body> = bases.unwrap_or_default();
        let bases = bases.into_iter().chain(self.genesis(ch));
        bases.filter_map(|base| self.apply(&base, ver, ops)).collect()
    }

    /// The State that changes make of a base.
    pub(crate) fn apply(&self, base: &Body, ver: u64, ops: &[LinkOp]) -> Option<Body> {
        if let Some(op) = ops.iter().find(|op| op.is_about_deposits()) {
            let mut counted = base.deposits();
            match *op {
                LinkOp::Count { deposits } => counted = deposits,
                LinkOp::Uncount { side, amount, .. } => {
                    let of = &mut counted[side.index()];
                    *of = of.checked_sub(amount)?;
                }
                _ => {}
            }
            return base.with(ver, &Change::Deposits(counted)).ok();
        }
        let (mut remove, mut add, mut close, mut open) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for op in ops {
            if let Some((vc, how)) = op.removed() {
                let lock = base.lock(vc)?;
                let value = lock.left.checked_add(lock.right)?;
                let left = match how {
                    Removal::Initial => lock.left,
                    Removal::Outcome(out_a) => out_a.min(value),
                };
                remove.push((vc, if lock.left_is_a { left } else { value - left }));
            }
            if let Some(vc) = op.added() {
                add.push(self.lock(base.ch, vc)?);
            }
            match op {
                LinkOp::CloseNano { nid, cur } => {
                    let game = self.games.get(&(base.ch, *nid))?;
                    let at = game.versions.iter().find(|p| p.nano.struct_hash() == *cur);
                    close.push((*nid, at.map_or(game.terms.da0, |p| p.nano.da)));
                }
                LinkOp::OpenNano { nid } => open.push(self.games.get(&(base.ch, *nid))?.terms.entry(*nid, ver)),
                _ => {}
            }
        }
        base.with(ver, &Change::Entries { remove, add, close, open }).ok()
    }

    /// The lock of a virtual channel in a link.
    pub(crate) fn lock(&self, link: B256, vc: B256) -> Option<perunika_core::signed::Lock> {
        let params = self.virtuals.get(&vc)?;
        let index = params.links.iter().position(|l| *l == link)?;
        let left_is_a = self.ledgers.get(&link)?.params.a.key == *params.path.get(index)?;
        params.lock(vc, index, left_is_a)
    }

    /// Both keys of an object, A first.
    pub(crate) fn keys(&self, ch: B256) -> Option<[Address; 2]> {
        if let Some(channel) = self.ledgers.get(&ch) {
            return Some([channel.params.a.key, channel.params.b.key]);
        }
        let path = &self.virtuals.get(&ch)?.path;
        Some([*path.first()?, *path.last()?])
    }

    /// Forgets the oldest messages.
    pub(crate) fn tidy(&mut self) {
        for list in [&mut self.heard, &mut self.said] {
            if list.len() > MOST {
                list.drain(..MOST / 2);
            }
        }
    }
}
