//! What an honest end must not accept, use or leave undone in a virtual channel whose other end and hub are corrupt.

use super::Setting;
use super::link::garbage;
use crate::story::{ETH, quick_policy};
use crate::world::World;
use crate::{Adversary, virtual_body};
use alloy_primitives::{Address, B256};
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Call, Opener, RecordView};
use perunika_core::io::Command;
use perunika_core::message::{LinkOp, Message, NanoTerms, Terms};
use perunika_core::params::{VirtualParams, secret_hash};
use perunika_core::policy::Policy;
use perunika_core::secret::Secret;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Amount, Eip712, Final, WatchAuth};

/// The honest end; the other end is node 0, the hub node 1.
const END: usize = 2;

/// A path of two links whose last node is honest.
pub(super) struct Far {
    pub(super) world: World,
    pub(super) faults: Vec<String>,
    adversary: Adversary,
    links: [B256; 2],
    params: Option<VirtualParams>,
    heard: usize,
}

impl Far {
    pub(super) fn new(setting: Setting<'_>) -> Self {
        Self::under(setting, &quick_policy())
    }

    /// Virtual channels that last longer.
    pub(super) fn long(setting: Setting<'_>) -> Self {
        Self::under(setting, &Policy { term: 220, ..quick_policy() })
    }

    fn under(setting: Setting<'_>, policy: &Policy) -> Self {
        let mut world = setting.world(&["alice", "ingrid", "bob"], policy);
        world.strings.spied.extend([0, 1]);
        let links = [world.open_channel(0, 1, 50 * ETH, 50 * ETH), world.open_channel(1, END, 50 * ETH, 50 * ETH)];
        Self { world, faults: Vec::new(), adversary: Adversary::new(&[0, 1]), links, params: None, heard: 0 }
    }

    fn strike(&mut self) {
        self.world.run_for(500);
        self.world.digest();
        self.adversary.strike(&mut self.world);
        self.listen();
    }

    /// A virtual channel that works, in which so much was paid to the honest end; then the others are corrupt.
    fn used(&mut self, paid: Amount) -> VirtualParams {
        let vc = self.world.open_virtual(&[0, 1, END], 10 * ETH, 10 * ETH);
        if paid > 0 {
            self.world.pay(0, vc, paid);
        }
        let params = self.world.virtual_of(END, vc).expect("it is open").params;
        self.params = Some(params.clone());
        self.strike();
        params
    }

    fn vc(&self) -> B256 {
        self.params.as_ref().map_or(B256::ZERO, |params| params.id(&self.world.ground.domain))
    }

    fn listen(&mut self) {
        self.heard = self.world.nodes[0].inbox.len();
    }

    fn answers(&self) -> impl Iterator<Item = &Message> {
        self.world.nodes[0].inbox[self.heard..].iter().map(|(_, message)| message)
    }

    fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.faults.push(format!("probe: {what}"));
        }
    }

    /// What the honest end accepted last.
    fn cur(&self) -> Body {
        let info = self.world.virtual_of(END, self.vc());
        let (ver, def_a) = info.map_or((0, 0), |v| (v.accepted, v.theirs.unwrap_or_default()));
        self.params.as_ref().map(|params| virtual_body(&self.world, params, ver, def_a)).expect("it is open")
    }

    fn sign(&self, node: usize, body: &Body) -> Signature {
        self.world.raw_key(node).sign(body.digest(&self.world.ground.domain))
    }

    /// Pays the honest end by an item of the corrupt one.
    fn item(&mut self, amount: Amount, cosign: bool) -> (u64, Message) {
        let cur = self.cur();
        let next = Body { ver: (cur.ver & !1) + 2, def_a: cur.def_a.saturating_sub(amount), ..cur.clone() };
        let (ch, ver, base, def_a, sig) = (next.ch, next.ver, cur.ver, next.def_a, self.sign(0, &next));
        (ver, Message::Item { ch, ver, base, def_a, sig, cosign, note: None })
    }

    fn pays(&mut self, amount: Amount, cosign: bool) -> bool {
        let (ver, item) = self.item(amount, cosign);
        self.listen();
        self.world.inject(0, END, item);
        self.world.run_for(60);
        self.answers().any(|m| matches!(m, Message::Ack { ver: v, .. } if *v == ver))
    }

    fn must_refuse(&mut self, what: &str) {
        let taken = self.pays(ETH, true);
        self.expect(!taken, what);
    }

    /// An old State goes to the chain; whether the honest end sees it.
    fn register(&mut self, ver: u64, def_a: Amount) {
        let Some(params) = self.params.clone() else { return };
        let call = self.adversary.register_virtual(&self.world, &params, ver, def_a);
        let sent = call.is_some_and(|call| self.world.call_as(0, &call).is_ok());
        self.expect(sent, "an old State cannot be registered");
        self.world.run_until(4_000, |w| w.record(&params) != RecordView::None);
        self.world.run_for(100);
    }
}

/// A record stands at the head (1.4(7)); and what is old is refuted, and concluded.
pub(super) fn old_record(scene: &mut Far) {
    let params = scene.used(3 * ETH);
    scene.register(1, params.init_a);
    scene.must_refuse("1.4(7): an item was accepted although there is a record");
}

/// An item that nobody countersigned is the newest; then everybody else is gone.
pub(super) fn left_with_an_item(scene: &mut Far) {
    scene.used(0);
    let taken = scene.pays(3 * ETH, false);
    scene.expect(taken, "a right item is not taken");
    let vc = scene.vc();
    scene.world.command(END, Command::ForceVirtual { vc });
    scene.world.run_for(60_000);
}

/// The same, and an old State is registered.
pub(super) fn old_record_against_an_item(scene: &mut Far) {
    let params = scene.used(ETH);
    let taken = scene.pays(3 * ETH, false);
    scene.expect(taken, "a right item is not taken");
    scene.register(1, params.init_a);
}

/// Everybody else is gone behind a countersigned payment.
pub(super) fn left_alone(scene: &mut Far) {
    scene.used(3 * ETH);
}

/// So late that it could not be registered any more (1.4(7)).
pub(super) fn late_item(scene: &mut Far) {
    let params = scene.used(0);
    scene.world.run_to(params.t_exp - 8);
    scene.must_refuse("1.4(7): an item was accepted when nobody can register any more");
}

/// Without a look at the chain (1.4(7)).
pub(super) fn blind(scene: &mut Far) {
    scene.used(0);
    scene.world.nodes[END].rpc.stopped = true;
    scene.world.run_for(12_000);
    scene.must_refuse("1.4(7): an item was accepted while the chain is not seen");
    scene.world.nodes[END].rpc.stopped = false;
    scene.world.run_for(3_000);
}

/// The opening of the dispute vanishes behind the answer (S63).
pub(super) fn vanished_opening(scene: &mut Far) {
    let params = scene.used(3 * ETH);
    scene.world.run_to(params.t_exp - 12);
    scene.register(1, params.init_a);
    scene.world.run_for(300);
    scene.world.reorg(1);
    scene.world.run_for(500);
}

/// Asked for the end while a payment of its own is unanswered (1.4(12)); then without.
pub(super) fn final_too_early(scene: &mut Far) {
    scene.used(ETH);
    let vc = scene.vc();
    scene.world.command(END, Command::Pay { ch: vc, amount: ETH / 2, cosign: true, reference: Vec::new() });
    scene.world.run_for(60);
    scene.listen();
    scene.world.inject(0, END, Message::VcCloseAsk { vc });
    scene.world.run_for(600);
    let signed = scene.answers().any(|m| matches!(m, Message::FinalSigs { .. }));
    scene.expect(!signed, "1.4(12): a Final was signed over something unanswered");
}

/// Behind its Final nothing is taken (1.4(12)); and the certificate goes to the chain against any record.
pub(super) fn behind_the_final(scene: &mut Far) {
    let params = scene.used(2 * ETH);
    let vc = scene.vc();
    scene.listen();
    scene.world.inject(0, END, Message::VcCloseAsk { vc });
    scene.world.run_for(600);
    let signed =
        scene.answers().find_map(|m| if let Message::FinalSigs { out_a, .. } = m { Some(*out_a) } else { None });
    let Some(out_a) = signed else { return scene.expect(false, "no Final is signed") };
    scene.must_refuse("1.4(12): an item was accepted behind the Final");
    let digest = scene.world.ground.domain.digest(Final { vc, out_a }.struct_hash());
    let sigs = [0, 1].map(|node| (node as u8, scene.world.raw_key(node).sign(digest)));
    scene.world.inject(0, END, Message::FinalSigs { vc, out_a, sigs: sigs.to_vec() });
    scene.world.run_for(60);
    scene.register(1, params.init_a);
}

/// Creation, with the honest node as the far end: what is no activation is none.
pub(super) fn creation(scene: &mut Far) {
    scene.strike();
    let Some(params) = quoted(scene) else { return scene.expect(false, "there is no quote for sound terms") };
    scene.params = Some(params.clone());
    let vc = scene.vc();
    scene.world.inject(0, END, Message::VcOpen { params: params.clone(), renews: None });
    scene.world.run_for(60);
    let offered = scene.world.nodes[1].inbox.iter().rev().find_map(|(_, m)| match m {
        Message::Presign { ver, op: LinkOp::Add { .. }, .. } => Some(*ver),
        _ => None,
    });
    let (Some(ver), Some(lock)) = (offered, params.lock(vc, 1, true)) else {
        return scene.expect(false, "the end offers no lock");
    };
    let info = scene.world.ledger_of(END, scene.links[1]).expect("the link");
    let base = crate::ledger_body(&info, Vec::new());
    let body = base.with(ver, &Change::locks(Vec::new(), vec![lock])).expect("a lock");
    let accept = Message::Accept { ch: body.ch, ver, sig: scene.sign(1, &body) };
    scene.world.inject(1, END, accept);
    scene.world.run_for(60);
    scene.listen();
    let activate =
        |position: usize, secret: B256| Message::Activate { vc, index: position as u8, secret: Secret(secret) };
    scene.world.inject(1, END, activate(1, secret(1)));
    scene.world.run_for(60);
    let early = scene.world.nodes[0].inbox.iter().any(|(_, m)| matches!(m, Message::Start { .. }));
    scene.expect(!early, "2.3: version 1 was signed before all secrets were there");
    scene.world.inject(0, END, activate(0, B256::repeat_byte(0x77)));
    scene.world.run_for(60);
    let wrong = scene.answers().any(|m| matches!(m, Message::Start { .. }));
    scene.expect(!wrong, "2.3: version 1 was signed over a wrong secret");
    if !scene.faults.is_empty() {
        return;
    }
    scene.world.inject(0, END, Message::Abort { vc, reason: "no".into() });
    scene.world.run_for(60);
    scene.world.inject(0, END, activate(0, secret(0)));
    scene.world.run_for(100);
    let behind = scene.answers().any(|m| matches!(m, Message::Start { .. }));
    scene.expect(!behind, "2.3: version 1 was signed behind the tombstone");
    scene.world.inject(0, END, Message::Start { vc, sig: garbage() });
    scene.world.run_for(100);
}

fn secret(position: usize) -> B256 {
    B256::repeat_byte(0x60 + position as u8)
}

fn quoted(scene: &mut Far) -> Option<VirtualParams> {
    let t_exp = scene.world.ground.time() + 80;
    let (init_a, init_b) = (5 * ETH, 4 * ETH);
    let terms = Terms { asset: Address::ZERO, init_a, init_b, t_exp, challenge: 20, window: 20, k_max: 80 };
    let path: Vec<Address> = (0..3).map(|node| scene.world.key(node)).collect();
    let request = B256::repeat_byte(1);
    scene.world.inject(0, END, Message::QuoteAsk { request, path: path.clone(), terms, renews: None });
    scene.world.run_for(60);
    let hash = scene.answers().find_map(|m| if let Message::Quote { hash, .. } = m { Some(*hash) } else { None })?;
    Some(VirtualParams {
        path,
        links: scene.links.to_vec(),
        fees: vec![ETH / 1_000],
        asset: terms.asset,
        init_a,
        init_b,
        t_exp,
        challenge: 20,
        window: 20,
        k_max: 80,
        nonce: 1,
        hashes: vec![secret_hash(secret(0)), secret_hash(secret(1)), hash],
    })
}

/// Asked for the end with a nanocontract open (1.4(12), S69).
pub(super) fn final_with_a_game(scene: &mut Far) {
    let vc = scene.world.open_virtual(&[0, 1, END], 10 * ETH, 10 * ETH);
    let (terms, code) = super::games::a_game(ETH);
    scene.world.open_nano(0, END, vc, &terms, code);
    scene.params = scene.world.virtual_of(END, vc).map(|info| info.params);
    scene.strike();
    scene.listen();
    scene.world.inject(0, END, Message::VcCloseAsk { vc });
    scene.world.run_for(800);
    let signed = scene.answers().any(|m| matches!(m, Message::FinalSigs { .. }));
    scene.expect(!signed, "1.4(12): a Final was signed with a nanocontract open");
}

/// A nanocontract is offered that there is no time for.
pub(super) fn late_game(scene: &mut Far) {
    let params = scene.used(0);
    let vc = scene.vc();
    scene.world.run_to(params.t_exp - 28);
    let (terms, code) = super::games::a_game(ETH);
    let (nid, until) = (B256::repeat_byte(4), scene.world.ground.time() + 5);
    scene.world.inject(0, END, Message::NanoOffer { ch: vc, nid, terms, code: code.to_vec(), until });
    scene.world.run_for(80);
    let taken = scene.world.nano_of(END, vc, nid).is_some();
    scene.expect(!taken, "2.3: a nanocontract was taken seriously that there is no time for");
}

/// A nanocontract that is worth more than its default stands in the State that a dispute has fixed; its closing is countersigned
/// when nobody can refute any more (S74).
pub(super) fn closed_behind_the_dispute(scene: &mut Far) {
    let vc = scene.world.open_virtual(&[0, 1, END], 10 * ETH, 10 * ETH);
    let (terms, code) = super::games::a_game(ETH);
    let terms = NanoTerms { da0: ETH, ..terms };
    let nid = scene.world.open_nano(0, END, vc, &terms, code);
    scene.world.make_step(0, vc, nid, vec![1]);
    let Some(info) = scene.world.virtual_of(END, vc) else { return };
    let entry = scene.world.nano_of(END, vc, nid).and_then(|nano| nano.entry);
    scene.params = Some(info.params.clone());
    scene.strike();
    scene.world.command(END, Command::CloseNano { ch: vc, nid });
    scene.world.run_for(100);
    let closing = scene.answers().find_map(|m| if let Message::Presign { ver, .. } = m { Some(*ver) } else { None });
    let cur = scene.world.strings.loot.versions(vc, info.accepted).pop();
    let (Some(ver), Some(cur), Some(entry)) = (closing, cur, entry) else {
        return scene.expect(false, "the nanocontract is not to be closed");
    };
    let theirs = scene.world.strings.loot.sigs.get(&(cur.digest(&scene.world.ground.domain), scene.world.key(END)));
    let (Some(theirs), Some(secrets)) = (theirs.copied(), scene.adversary.secrets(&scene.world, &info.params)) else {
        return scene.expect(false, "the newest State is not signed by both");
    };
    let (tower, not_after) = (scene.world.nodes[0].owner, info.params.t_exp);
    let auth = WatchAuth { id: vc, tower, not_before: 0, not_after };
    let sig = scene.world.raw_key(0).sign(scene.world.ground.domain.digest(auth.struct_hash()));
    let opener = Some(Opener { position: 0, not_before: 0, not_after, sig });
    let (params, state, roots, sigs) = (info.params.clone(), cur.state(), cur.roots(), [scene.sign(0, &cur), theirs]);
    let call = Call::RegisterVirtual { params, state, roots, sigs, secrets, opener };
    let sent = scene.world.call_as(0, &call).is_ok();
    scene.expect(sent, "the newest State cannot be registered");
    scene.world.run_for(3_000);
    let RecordView::Disputed(dispute) = scene.world.record(&info.params) else { return };
    // Too late for the next block to refute.
    scene.world.run_to(dispute.refute_end);
    let close = Change::Entries { remove: Vec::new(), add: Vec::new(), close: vec![(nid, 0)], open: Vec::new() };
    let Ok(closed) = cur.with(ver, &close) else { return };
    let accept = Message::Accept { ch: vc, ver, sig: scene.sign(0, &closed) };
    scene.world.inject(0, END, accept);
    scene.world.run_for(25_000);
    let registered = scene.world.registered(vc, &entry).is_some();
    scene.expect(registered, "2.3: a nanocontract that is worth more than its default was not registered (S74)");
}
