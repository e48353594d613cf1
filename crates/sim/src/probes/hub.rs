//! An honest hub between two corrupt neighbours who are both ends of its virtual channels, or speak for them.

use super::Setting;
use crate::Adversary;
use crate::rng::Rng;
use crate::story::{ETH, quick_policy};
use crate::world::World;
use alloy_primitives::{Address, B256};
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, RecordView};
use perunika_core::funding::Source;
use perunika_core::message::{LinkOp, Message, Removal, Renews, Terms};
use perunika_core::params::{ChannelParams, VirtualParams, secret_hash};
use perunika_core::secret::Secret;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Amount, Eip712, Final};

/// The honest hub.
pub(super) const HUB: usize = 1;
/// Its neighbours, left and right.
pub(super) const NEIGHBOURS: [usize; 2] = [0, 2];

/// Node 0, the hub, node 2; and node 3 behind that, where the path is longer. All but the hub are corrupt.
pub(super) struct Between {
    pub(super) world: World,
    pub(super) adversary: Adversary,
    /// Left and right link.
    pub(super) links: [B256; 2],
    pub(super) channels: [ChannelParams; 2],
    /// A second channel of the hub and its right neighbour, with what was accepted there.
    pub(super) spare: B256,
    beside: (ChannelParams, Body),
    /// What the hub accepted last, by link.
    pub(super) bodies: [Body; 2],
    /// The hub's answer to the last question: hash, link, fee.
    pub(super) quote: Option<(B256, Option<B256>, Amount)>,
    pub(super) faults: Vec<String>,
    pub(super) rng: Rng,
    heard: [usize; 2],
    requests: u8,
}

/// Secrets of the corrupt participants, by position.
fn secret(position: usize) -> B256 {
    B256::repeat_byte(0x40 + position as u8)
}

impl Between {
    pub(super) fn new(setting: Setting<'_>) -> Self {
        let seed = setting.seed;
        let policy = perunika_core::policy::Policy { stake_max: 20 * ETH, ..quick_policy() };
        let mut world = setting.world(&["alice", "ingrid", "bob", "zoe"], &policy);
        world.strings.spied.extend(NEIGHBOURS);
        let links = [world.open_channel(0, HUB, 50 * ETH, 50 * ETH), world.open_channel(HUB, 2, 50 * ETH, 50 * ETH)];
        let peer = world.key(2);
        let spare = perunika_core::io::Command::OpenChannel {
            asset: Address::ZERO,
            from: Source::Wallet,
            peer,
            deposit: 50 * ETH,
            peer_deposit: 50 * ETH,
            lane: 1,
        };
        let tag = world.command(HUB, spare);
        world.wait_reply(HUB, tag);
        let Some(perunika_core::io::Reply::Opened(spare)) = world.reply(HUB, tag).cloned() else {
            panic!("a second channel opens");
        };
        world.pay(0, links[0], ETH);
        world.pay(2, links[1], ETH);
        world.pay(2, spare, ETH);
        world.run_for(3_000);
        world.digest();
        let known = |link: B256| {
            let info = world.ledger_of(HUB, link).expect("it is open");
            let body = world.strings.loot.versions(link, info.accepted).pop().expect("a neighbour stored it");
            (info.params, body)
        };
        let [left, right] = links.map(known);
        let (beside, channels, bodies) = (known(spare), [left.0, right.0], [left.1, right.1]);
        let mut adversary = Adversary::new(&[0, 2, 3]);
        adversary.strike(&mut world);
        let rng = Rng::new(seed ^ 0x0b);
        let (quote, faults) = (None, Vec::new());
        Self {
            world,
            adversary,
            links,
            channels,
            spare,
            beside,
            bodies,
            quote,
            faults,
            rng,
            heard: [0, 0],
            requests: 0,
        }
    }

    pub(super) fn terms(&self) -> Terms {
        let t_exp = self.world.ground.time() + 80;
        let (init_a, init_b) = (5 * ETH, 4 * ETH);
        Terms { asset: Address::ZERO, init_a, init_b, t_exp, challenge: 20, window: 20, k_max: 80 }
    }

    pub(super) fn path(&self, people: usize) -> Vec<Address> {
        (0..people).map(|node| self.world.key(node)).collect()
    }

    /// Asks the hub; whether it quotes.
    pub(super) fn ask(&mut self, path: Vec<Address>, terms: Terms) -> bool {
        self.ask_for(path, terms, None)
    }

    /// Asks for a successor.
    pub(super) fn ask_to_renew(&mut self, path: Vec<Address>, terms: Terms, vc: B256, out_a: Amount) -> bool {
        self.ask_for(path, terms, Some(Renews { vc, out_a }))
    }

    fn ask_for(&mut self, path: Vec<Address>, terms: Terms, renews: Option<Renews>) -> bool {
        self.requests += 1;
        let request = B256::with_last_byte(self.requests);
        self.listen();
        self.world.inject(0, HUB, Message::QuoteAsk { request, path, terms, renews });
        self.wait(60);
        let quote = self.answers(0).find_map(|m| match m {
            Message::Quote { request: r, hash, link, fee } if *r == request => Some((*hash, *link, *fee)),
            _ => None,
        });
        self.quote = quote;
        if quote.and_then(|q| q.1) == Some(self.spare) {
            // The hub has the choice.
            std::mem::swap(&mut self.links[1], &mut self.spare);
            std::mem::swap(&mut self.channels[1], &mut self.beside.0);
            std::mem::swap(&mut self.bodies[1], &mut self.beside.1);
        }
        self.quote.is_some()
    }

    /// Parameters as the hub quoted them, with `people` in the path.
    pub(super) fn params(&mut self, people: usize) -> VirtualParams {
        let (path, terms) = (self.path(people), self.terms());
        let quoted = self.ask(path, terms);
        self.expect(quoted, "there is no quote for sound terms");
        self.drawn_up(people, terms)
    }

    /// The same for a quote that was asked for otherwise.
    pub(super) fn drawn(&mut self, terms: Terms) -> VirtualParams {
        self.drawn_up(3, terms)
    }

    fn drawn_up(&self, people: usize, terms: Terms) -> VirtualParams {
        let path = self.path(people);
        let (hash, link, fee) = self.quote.unwrap_or_default();
        let hashes = (0..people).map(|p| if p == HUB { hash } else { secret_hash(secret(p)) }).collect();
        let far = (2..people - 1).map(|p| B256::repeat_byte(p as u8));
        VirtualParams {
            path,
            links: [self.links[0], link.unwrap_or_default()].into_iter().chain(far).collect(),
            fees: std::iter::once(fee).chain((3..people).map(|_| 3)).collect(),
            asset: terms.asset,
            init_a: terms.init_a,
            init_b: terms.init_b,
            t_exp: terms.t_exp,
            challenge: terms.challenge,
            window: terms.window,
            k_max: terms.k_max,
            nonce: self.requests.into(),
            hashes,
        }
    }

    pub(super) fn id(&self, params: &VirtualParams) -> B256 {
        params.id(&self.world.ground.domain)
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.world.run_for(ms);
    }

    pub(super) fn listen(&mut self) {
        self.heard = NEIGHBOURS.map(|node| self.world.nodes[node].inbox.len());
    }

    /// What the hub said to a neighbour since the last [`Between::listen`].
    pub(super) fn answers(&self, side: usize) -> impl Iterator<Item = &Message> {
        self.world.nodes[NEIGHBOURS[side]].inbox[self.heard[side]..].iter().map(|(_, message)| message)
    }

    pub(super) fn said(&self, wanted: impl Fn(&Message) -> bool + Copy) -> bool {
        [0, 1].into_iter().any(|side| self.answers(side).any(wanted))
    }

    pub(super) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.faults.push(format!("probe: {what}"));
        }
    }

    pub(super) fn sign(&self, node: usize, body: &Body) -> Signature {
        self.world.raw_key(node).sign(body.digest(&self.world.ground.domain))
    }

    pub(super) fn open(&mut self, from: usize, params: &VirtualParams) {
        self.listen();
        self.world.inject(from, HUB, Message::VcOpen { params: params.clone(), renews: None });
        self.wait(60);
    }

    pub(super) fn open_successor(&mut self, params: &VirtualParams, old: B256) {
        self.listen();
        self.world.inject(0, HUB, Message::VcOpen { params: params.clone(), renews: Some(old) });
        self.wait(60);
    }

    /// Proposes that the new lock takes the place of the old one on the left link; whether the hub signs.
    pub(super) fn exchanges(&mut self, new: &VirtualParams, op: LinkOp) -> bool {
        let LinkOp::Renew { vc, out_a, next } = op else { return false };
        let base = &self.bodies[0];
        let (Some(lock), Some(added)) = (base.lock(vc), new.lock(next, 0, true)) else { return false };
        let value = lock.left + lock.right;
        let change = Change::locks(vec![(vc, out_a.min(value))], vec![added]);
        let ver = (base.ver & !1) + 30_000;
        let Ok(body) = base.with(ver, &change) else { return false };
        let (ch, base, sig) = (body.ch, base.hash(), self.sign(0, &body));
        self.world.strings.loot.content(body);
        self.listen();
        self.world.inject(0, HUB, Message::Propose { ch, ver, base, ops: vec![op], sig });
        self.wait(80);
        self.answers(0).any(|m| matches!(m, Message::Accept { ver: v, .. } if *v == ver))
    }

    pub(super) fn takes_part(&self, params: &VirtualParams) -> bool {
        self.world.virtual_of(HUB, self.id(params)).is_some()
    }

    pub(super) fn op_body(&self, side: usize, params: &VirtualParams, op: LinkOp, ver: u64) -> Option<Body> {
        let vc = self.id(params);
        let base = &self.bodies[side];
        let change = match op {
            LinkOp::Add { .. } => Change::locks(Vec::new(), vec![params.lock(vc, side, true)?]),
            LinkOp::Remove { how, .. } => {
                let lock = base.lock(vc)?;
                let value = lock.left + lock.right;
                let left = if let Removal::Outcome(out_a) = how { out_a.min(value) } else { lock.left };
                Change::locks(vec![(vc, left)], Vec::new())
            }
            _ => return None,
        };
        base.with(ver, &change).ok()
    }

    /// What the hub has signed or proposed of this change on a link: version and change.
    pub(super) fn offered(&self, side: usize, wanted: impl Fn(&LinkOp) -> bool) -> Option<(u64, LinkOp)> {
        let inbox = self.world.nodes[NEIGHBOURS[side]].inbox.iter().rev();
        inbox
            .filter_map(|(_, m)| match m {
                Message::Presign { ch, ver, op, .. } if *ch == self.links[side] => wanted(op).then_some((*ver, *op)),
                Message::Propose { ch, ver, ops, .. } if *ch == self.links[side] && ops.len() == 1 => {
                    wanted(&ops[0]).then_some((*ver, ops[0]))
                }
                _ => None,
            })
            .next()
    }

    /// Countersigns what the hub offered. True if there is such an offer, and it stands now.
    pub(super) fn countersign(
        &mut self,
        side: usize,
        params: &VirtualParams,
        wanted: impl Fn(&LinkOp) -> bool,
    ) -> bool {
        let Some((ver, op)) = self.offered(side, wanted) else { return false };
        let Some(body) = self.op_body(side, params, op, ver) else { return false };
        let node = NEIGHBOURS[side];
        let accept = Message::Accept { ch: body.ch, ver, sig: self.sign(node, &body) };
        self.world.strings.loot.content(body.clone());
        self.listen();
        self.world.inject(node, HUB, accept);
        self.wait(60);
        let stands = self.world.ledger_of(HUB, self.links[side]).is_some_and(|l| l.accepted == ver);
        if stands {
            self.bodies[side] = body;
        }
        stands
    }

    /// The lock of the link, countersigned.
    pub(super) fn lock(&mut self, side: usize, params: &VirtualParams) -> bool {
        self.countersign(side, params, |op| matches!(op, LinkOp::Add { .. }))
    }

    /// Asks for a change; whether the hub signs it, be it pre-signed or proposed.
    pub(super) fn signs(&mut self, side: usize, params: &VirtualParams, op: LinkOp) -> bool {
        self.signs_above(side, params, op, 0)
    }

    /// The same, above everything that the hub may have signed itself.
    pub(super) fn signs_anew(&mut self, side: usize, params: &VirtualParams, op: LinkOp) -> bool {
        self.signs_above(side, params, op, 20_000)
    }

    fn signs_above(&mut self, side: usize, params: &VirtualParams, op: LinkOp, above: u64) -> bool {
        let node = NEIGHBOURS[side];
        self.listen();
        let mut asked = Vec::new();
        for up in [2, 4, 6].map(|up| above + up) {
            // Party A of a link is its left neighbour.
            let ver = if side == 0 { self.bodies[side].ver & !1 } else { (self.bodies[side].ver + 1) & !1 | 1 } + up;
            let Some(body) = self.op_body(side, params, op, ver) else { return false };
            let (base, sig) = (self.bodies[side].hash(), self.sign(node, &body));
            self.world.strings.loot.content(body.clone());
            asked.push(body);
            self.world.inject(node, HUB, Message::Presign { ch: self.links[side], ver, op, sig });
            self.wait(40);
            self.world.inject(node, HUB, Message::Propose { ch: self.links[side], ver, base, ops: vec![op], sig });
            self.wait(60);
        }
        let ch = self.links[side];
        let taken = asked.into_iter().find(|body| {
            self.answers(side).any(|m| matches!(m, Message::Accept { ch: c, ver, .. } | Message::Presign { ch: c, ver, .. } if *c == ch && *ver == body.ver))
                && self.world.ledger_of(HUB, ch).is_some_and(|l| l.accepted == body.ver)
        });
        let is_taken = taken.is_some();
        if let Some(body) = taken {
            self.bodies[side] = body;
        }
        is_taken
    }

    /// All secrets of the others go to the hub.
    pub(super) fn activate(&mut self, params: &VirtualParams) {
        let vc = self.id(params);
        for position in (0..params.path.len()).filter(|p| *p != HUB) {
            let message = Message::Activate { vc, index: position as u8, secret: Secret(secret(position)) };
            self.world.inject(position.min(3), HUB, message);
        }
        self.wait(60);
    }

    pub(super) fn revealed(&self, params: &VirtualParams) -> bool {
        let vc = self.id(params);
        let all = NEIGHBOURS.iter().flat_map(|node| self.world.nodes[*node].inbox.iter());
        all.into_iter().any(|(_, m)| matches!(m, Message::Activate { vc: v, .. } if *v == vc))
    }

    /// A virtual channel over the hub that everybody has activated.
    pub(super) fn active(&mut self, people: usize) -> VirtualParams {
        let params = self.params(people);
        self.open(0, &params);
        let locked = self.lock(0, &params) && self.lock(1, &params);
        self.activate(&params);
        let revealed = self.revealed(&params);
        self.expect(locked && revealed, "the hub does not take part in what is sound");
        params
    }

    /// Signatures on a Final, by position, as far as they are the adversary's to give.
    pub(super) fn finals(&self, params: &VirtualParams, out_a: Amount, positions: &[usize]) -> Vec<(u8, Signature)> {
        let vc = self.id(params);
        let digest = self.world.ground.domain.digest(Final { vc, out_a }.struct_hash());
        positions.iter().map(|p| (*p as u8, self.world.raw_key(*p).sign(digest))).collect()
    }

    /// Shows the hub a Final; whether it signs that.
    pub(super) fn signs_final(&mut self, params: &VirtualParams, out_a: Amount, sigs: Vec<(u8, Signature)>) -> bool {
        let vc = self.id(params);
        self.listen();
        self.world.inject(0, HUB, Message::FinalSigs { vc, out_a, sigs });
        self.wait(80);
        self.said(|m| matches!(m, Message::FinalSigs { out_a: o, sigs, .. } if *o == out_a && sigs.iter().any(|(i, _)| usize::from(*i) == HUB)))
    }

    /// The newest State of a link goes to the chain.
    pub(super) fn register_link(&mut self, side: usize) {
        let call = self.adversary.register(&self.world, &self.channels[side], &self.bodies[side]);
        let called = self.world.call_as(NEIGHBOURS[side], &call);
        self.expect(called.is_ok(), "the State of a link cannot be registered");
        let link = self.links[side];
        let seen = self.world.run_until(5_000, |w| w.ledger_of(HUB, link).is_some_and(|l| l.refute_end.is_some()));
        self.expect(seen, "the hub does not see the dispute");
    }

    /// A State of the virtual channel goes to the chain.
    pub(super) fn register(&mut self, params: &VirtualParams, ver: u64, def_a: Amount) -> bool {
        let body = crate::virtual_body(&self.world, params, ver, def_a);
        let Some(hub) = self.hub_secret(params) else { return false };
        let last = params.path.len() - 1;
        let secrets = (0..=last).map(|p| if p == HUB { hub } else { secret(p) }).collect();
        let sigs = [0, last].map(|p| self.sign(p, &body));
        let (id, tower) = (self.id(params), self.world.nodes[0].owner);
        let auth = perunika_core::signed::WatchAuth { id, tower, not_before: 0, not_after: params.t_exp };
        let sig = self.world.raw_key(0).sign(self.world.ground.domain.digest(auth.struct_hash()));
        let opener = Some(perunika_core::chain::Opener { position: 0, not_before: 0, not_after: params.t_exp, sig });
        let (params, state, roots) = (params.clone(), body.state(), body.roots());
        let call = Call::RegisterVirtual { params: params.clone(), state, roots, sigs, secrets, opener };
        let sent = self.world.call_as(0, &call).is_ok();
        self.world.run_until(4_000, |w| w.record(&params) != RecordView::None);
        self.wait(200);
        sent
    }

    fn hub_secret(&self, params: &VirtualParams) -> Option<B256> {
        let vc = self.id(params);
        let all = NEIGHBOURS.iter().flat_map(|node| self.world.nodes[*node].inbox.iter());
        all.into_iter().find_map(|(_, m)| match m {
            Message::Activate { vc: v, secret, .. } if *v == vc => Some(secret.0),
            _ => None,
        })
    }
}
