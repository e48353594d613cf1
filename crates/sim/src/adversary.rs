//! One adversary behind any number of corrupt nodes: their keys, everything that they ever heard, and calls of the contract.
//!
//! Nodes may behave for a while before [`World::corrupt`] takes them over; what they heard until then counts too.

mod nanos;

use crate::world::{Tap, World};
use alloy_primitives::B256;
use perunika_core::body::{Body, Kind};
use perunika_core::chain::{Call, DisputeView, Opener, RecordView};
use perunika_core::info::LedgerInfo;
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Side, VirtualParams, secret_hash};
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Amount, Close, Eip712, Final, Lock, WatchAuth};
use perunika_core::tree;

pub use nanos::Position;

/// Who is corrupt.
#[derive(Clone, Debug)]
pub struct Adversary {
    nodes: Vec<usize>,
    secrets: Vec<B256>,
}

impl Adversary {
    /// Controls these nodes.
    pub fn new(nodes: &[usize]) -> Self {
        Self { nodes: nodes.to_vec(), secrets: Vec::new() }
    }

    /// Takes the nodes out of honest hands, with the activation secrets that they have not revealed.
    pub fn strike(&mut self, world: &mut World) {
        for node in &self.nodes {
            let drafts = world.nodes[*node].disk.keys().filter_map(|k| k.strip_prefix(b"d"));
            let key = world.raw_key(*node);
            self.secrets.extend(drafts.map(|draft| key.activation_secret(B256::from_slice(draft))));
            world.corrupt(*node);
        }
    }

    /// Everything that its nodes received, oldest first as far as each node goes.
    pub fn heard<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Message> + 'a {
        let before = world.taps.iter().filter_map(|(_, tap)| match tap {
            Tap::Got { to, message, .. } if self.nodes.contains(to) => Some(message),
            _ => None,
        });
        before.chain(self.nodes.iter().flat_map(|n| world.nodes[*n].inbox.iter().map(|(_, m)| m)))
    }

    /// A signature over `digest` by the key of a node: made with a key of its own, or heard.
    pub fn sign(&self, world: &World, digest: B256, key: alloy_primitives::Address) -> Option<Signature> {
        if let Some(node) = world.index_of(key).filter(|n| self.nodes.contains(n)) {
            return Some(world.raw_key(node).sign(digest));
        }
        self.heard(world).flat_map(signatures).find(|sig| sig.verifies(digest, key))
    }

    /// Both signatures of a State of a ledger channel, as far as they can be had.
    pub fn sign_ledger(&self, world: &World, params: &ChannelParams, body: &Body) -> [Option<Signature>; 2] {
        let digest = body.digest(&world.ground.domain);
        [Side::A, Side::B].map(|side| self.sign(world, digest, params.party(side).key))
    }

    /// Both signatures of a State of a virtual channel.
    pub fn sign_virtual(&self, world: &World, params: &VirtualParams, body: &Body) -> Option<[Signature; 2]> {
        let digest = body.digest(&world.ground.domain);
        let [a, b] = [Side::A, Side::B].map(|side| self.sign(world, digest, params.end(side)));
        Some([a?, b?])
    }

    /// The signatures on a Final that can be had, by position.
    pub fn sign_final(&self, world: &World, params: &VirtualParams, out_a: Amount) -> Vec<(u8, Signature)> {
        let vc = params.id(&world.ground.domain);
        let digest = world.ground.domain.digest(Final { vc, out_a }.struct_hash());
        let position = |(i, key): (usize, &alloy_primitives::Address)| Some((i as u8, self.sign(world, digest, *key)?));
        params.path.iter().enumerate().filter_map(position).collect()
    }

    /// The activation secrets that are known.
    pub fn secrets(&self, world: &World, params: &VirtualParams) -> Option<Vec<B256>> {
        params.hashes.iter().map(|hash| self.secret(world, *hash)).collect()
    }

    /// The secret behind a hash.
    pub fn secret(&self, world: &World, hash: B256) -> Option<B256> {
        let sent = world.taps.iter().filter_map(|(_, tap)| match tap {
            Tap::Sent { from, message } if self.nodes.contains(from) => Some(message),
            _ => None,
        });
        let all = sent.chain(self.heard(world)).flat_map(|message| match message {
            Message::Activate { secret, .. } => vec![secret.0],
            Message::Receipt { secrets, .. } => secrets.iter().map(|secret| secret.0).collect(),
            _ => Vec::new(),
        });
        all.into_iter().chain(self.secrets.iter().copied()).find(|secret| secret_hash(*secret) == hash)
    }

    /// `register`, with every signature that can be had.
    pub fn register(&self, world: &World, params: &ChannelParams, body: &Body) -> Call {
        let (state, roots, sigs) = (body.state(), body.roots(), self.sign_ledger(world, params, body));
        Call::Register { params: *params, state, roots, sigs }
    }

    /// `refute`, with every signature that can be had.
    pub fn refute(&self, world: &World, params: &ChannelParams, body: &Body) -> Call {
        let (state, roots, sigs) = (body.state(), body.roots(), self.sign_ledger(world, params, body));
        Call::Refute { params: *params, state, roots, sigs }
    }

    /// `close`, with every signature that can be had.
    pub fn close(&self, world: &World, params: &ChannelParams, close: Close) -> Call {
        let digest = world.ground.domain.digest(close.struct_hash());
        let sigs = [Side::A, Side::B].map(|side| self.sign(world, digest, params.party(side).key));
        Call::Close { params: *params, close, lock_root: B256::ZERO, sigs }
    }

    /// `registerVirtual` by the first corrupt end at a version of one's own making, if signatures and secrets can be had.
    pub fn register_virtual(&self, world: &World, params: &VirtualParams, ver: u64, def_a: Amount) -> Option<Call> {
        let body = virtual_body(world, params, ver, def_a);
        let (sigs, secrets) = (self.sign_virtual(world, params, &body)?, self.secrets(world, params)?);
        let opener = self.opener(world, params);
        let (params, state, roots) = (params.clone(), body.state(), body.roots());
        Some(Call::RegisterVirtual { params, state, roots, sigs, secrets, opener })
    }

    /// Lets the owner of the first corrupt end open the dispute.
    fn opener(&self, world: &World, params: &VirtualParams) -> Option<Opener> {
        let ends = [(0, params.end(Side::A)), (params.path.len() - 1, params.end(Side::B))];
        let of = |(position, key)| Some((position, world.index_of(key).filter(|n| self.nodes.contains(n))?));
        let (position, node) = ends.into_iter().find_map(of)?;
        let (id, tower) = (params.id(&world.ground.domain), world.nodes[node].owner);
        let auth = WatchAuth { id, tower, not_before: 0, not_after: params.t_exp };
        let sig = world.raw_key(node).sign(world.ground.domain.digest(auth.struct_hash()));
        Some(Opener { position: position as u8, not_before: 0, not_after: params.t_exp, sig })
    }

    /// `refuteVirtual` at a version of one's own making.
    pub fn refute_virtual(&self, world: &World, params: &VirtualParams, ver: u64, def_a: Amount) -> Option<Call> {
        let body = virtual_body(world, params, ver, def_a);
        let sigs = self.sign_virtual(world, params, &body)?;
        Some(Call::RefuteVirtual { params: params.clone(), state: body.state(), roots: body.roots(), sigs })
    }

    /// `finalise`, if every signature can be had.
    pub fn finalise(&self, world: &World, params: &VirtualParams, out_a: Amount) -> Option<Call> {
        let sigs: Vec<Signature> = self.sign_final(world, params, out_a).into_iter().map(|(_, sig)| sig).collect();
        (sigs.len() == params.path.len()).then(|| Call::Finalise { params: params.clone(), out_a, sigs })
    }

    /// What a corrupt end shows for a Final.
    pub fn final_message(&self, world: &World, params: &VirtualParams, out_a: Amount) -> Message {
        Message::FinalSigs { vc: params.id(&world.ground.domain), out_a, sigs: self.sign_final(world, params, out_a) }
    }

    /// `concludeVirtual` of what stands in the record.
    pub fn conclude_virtual(&self, world: &World, params: &VirtualParams) -> Option<Call> {
        let RecordView::Disputed(DisputeView { state, roots, mix, .. }) = world.record(params) else { return None };
        Some(Call::ConcludeVirtual { params: params.clone(), state: state?, roots, mix })
    }

    /// `conclude` of what stands in the slot.
    pub fn conclude(&self, world: &World, params: &ChannelParams) -> Option<Call> {
        let DisputeView { state, roots, mix, .. } = world.slot(params).dispute?;
        Some(Call::Conclude { params: *params, state: state?, roots, mix })
    }

    /// A stream item of a corrupt payer.
    pub fn item(&self, world: &World, node: usize, next: &Body, base: u64, cosign: bool) -> Message {
        let sig = world.raw_key(node).sign(next.digest(&world.ground.domain));
        Message::Item { ch: next.ch, ver: next.ver, base, def_a: next.def_a, sig, cosign, note: None }
    }

    /// A countersignature of a corrupt peer.
    pub fn accept(&self, world: &World, node: usize, body: &Body) -> Message {
        let sig = world.raw_key(node).sign(body.digest(&world.ground.domain));
        Message::Accept { ch: body.ch, ver: body.ver, sig }
    }

    /// `settle` of a lock in the escrow of the first life.
    pub fn settle(&self, params: &ChannelParams, locks: &[Lock], index: usize, virtual_params: &VirtualParams) -> Call {
        let proof = tree::proof(locks, index).expect("such a lock");
        let virtual_params = virtual_params.clone();
        Call::Settle { params: *params, nonce: 0, lock: locks[index], index, proof, virtual_params }
    }
}

/// A version of a virtual channel.
pub fn virtual_body(world: &World, params: &VirtualParams, ver: u64, def_a: Amount) -> Body {
    let vc = params.id(&world.ground.domain);
    Body { ver, def_a, ..Body::virtual_genesis(vc, params.init_a, params.init_b) }
}

/// The newest accepted version of a ledger channel as a node shows it, given its locks in tree order.
pub fn ledger_body(info: &LedgerInfo, locks: Vec<Lock>) -> Body {
    let def_a = if info.me == Side::A { info.mine } else { info.theirs };
    let [dep_a, dep_b] = info.deposits;
    let (total, nanos) = (info.mine + info.theirs, Vec::new());
    Body { kind: Kind::Ledger, ch: info.id, ver: info.accepted, dep_a, dep_b, total, def_a, locks, nanos }
}

/// Every signature that a message carries.
pub fn signatures(message: &Message) -> Vec<Signature> {
    match message {
        Message::Item { sig, .. }
        | Message::Accept { sig, .. }
        | Message::Presign { sig, .. }
        | Message::Propose { sig, .. }
        | Message::CloseSig { sig, .. }
        | Message::Start { sig, .. } => vec![*sig],
        Message::Receipt { sigs, .. } => sigs.to_vec(),
        Message::FinalSigs { sigs, .. } => sigs.iter().map(|(_, sig)| *sig).collect(),
        _ => Vec::new(),
    }
}

impl World {
    /// The record of a virtual channel at the head.
    pub fn record(&self, params: &VirtualParams) -> RecordView {
        self.ground.record_at(params.id(&self.ground.domain), self.ground.chain.height())
    }

    /// The slot of a ledger channel at the head.
    pub fn slot(&self, params: &ChannelParams) -> perunika_core::chain::LedgerView {
        self.ground.ledger_at(params, self.ground.chain.height())
    }

    /// Lets virtual time pass until the head's timestamp is at least `time`, seconds.
    pub fn run_to(&mut self, time: u64) {
        let now = self.ground.time();
        if time > now {
            self.run_for((time - now) * 1_000);
        }
    }

    /// Every record on a node's disk.
    pub fn disk(&self, node: usize) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
        self.nodes[node].disk.clone()
    }
}
