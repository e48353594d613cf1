//! Every kind of message with random and boundary values, from peers, from participants and from strangers: S13, S45. No panic,
//! and nothing on the disk changes but what an honest sender could have changed too.

use alloy_primitives::Address;
use perunika_core::B256;
use perunika_core::message::{LinkOp, Message, Removal, Renews, Terms};
use perunika_core::params::{ChannelParams, Party, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::Close;
use perunika_sim::{ETH, Rng, Stage};

const KINDS: u64 = 24;

/// Draws numbers at the edges of every field, and ids that mean something here.
struct Hostile {
    rng: Rng,
    ids: Vec<B256>,
    keys: Vec<Address>,
    params: VirtualParams,
    channel: ChannelParams,
    sigs: Vec<Signature>,
}

impl Hostile {
    fn new(seed: u64, stage: &Stage) -> Self {
        let params = stage.virtual_params();
        let mut ids = stage.links.clone();
        ids.extend([stage.vc(), B256::ZERO, B256::repeat_byte(0xff)]);
        let keys = stage.world.nodes.iter().map(|n| n.key).chain([Address::ZERO]).collect();
        let heard = stage.world.taps.iter().filter_map(|(_, tap)| match tap {
            perunika_sim::Tap::Sent { message, .. } => Some(perunika_sim::signatures(message)),
            _ => None,
        });
        let sigs = heard.flatten().chain([Signature([0; 64]), Signature([0xff; 64])]).collect();
        Self { rng: Rng::new(seed), ids, keys, params, channel: stage.channels[0], sigs }
    }

    fn u64(&mut self) -> u64 {
        let near = self.rng.below(12);
        let edges =
            [0, near, 1 << 16, (1 << 40) - 1, 1 << 40, (1 << 48) - 2, (1 << 48) - 1, 1 << 48, u64::MAX - 1, u64::MAX];
        edges[self.rng.below(edges.len() as u64) as usize]
    }

    fn amount(&mut self) -> u128 {
        let edges = [0, 1, ETH, 2 * ETH, 20 * ETH, (1 << 96) - 1, 1 << 96, u128::MAX - 1, u128::MAX];
        edges[self.rng.below(edges.len() as u64) as usize]
    }

    fn id(&mut self) -> B256 {
        self.ids[self.rng.below(self.ids.len() as u64) as usize]
    }

    fn key(&mut self) -> Address {
        self.keys[self.rng.below(self.keys.len() as u64) as usize]
    }

    fn sig(&mut self) -> Signature {
        self.sigs[self.rng.below(self.sigs.len() as u64) as usize]
    }

    fn op(&mut self) -> LinkOp {
        let vc = self.id();
        match self.rng.below(4) {
            0 => LinkOp::Add { vc },
            1 => LinkOp::Remove { vc, how: Removal::Initial },
            2 => LinkOp::Renew { vc, out_a: self.amount(), next: self.id() },
            _ => LinkOp::Remove { vc, how: Removal::Outcome(self.amount()) },
        }
    }

    fn maybe_id(&mut self) -> Option<B256> {
        let id = self.id();
        (self.rng.below(2) == 0).then_some(id)
    }

    fn renews(&mut self) -> Option<Renews> {
        let out_a = self.amount();
        self.maybe_id().map(|vc| Renews { vc, out_a })
    }

    fn terms(&mut self) -> Terms {
        Terms {
            asset: Address::ZERO,
            init_a: self.amount(),
            init_b: self.amount(),
            t_exp: self.u64(),
            challenge: self.u64() as u32,
            window: self.u64() as u32,
            k_max: self.u64() as u16,
        }
    }

    fn virtual_params(&mut self) -> VirtualParams {
        let mut p = self.params.clone();
        let links = self.rng.below(5) as usize;
        match self.rng.below(8) {
            0 => p.fees = (0..links).map(|_| self.amount()).collect(),
            1 => p.path = (0..links).map(|_| self.key()).collect(),
            2 => p.links = (0..links).map(|_| self.id()).collect(),
            3 => p.hashes = (0..links).map(|_| self.id()).collect(),
            4 => (p.init_a, p.init_b) = (self.amount(), self.amount()),
            5 => p.t_exp = self.u64(),
            6 => (p.challenge, p.window) = (self.u64() as u32, self.u64() as u32),
            _ => p.nonce = self.amount(),
        }
        p
    }

    fn close(&mut self) -> Close {
        Close {
            id: self.id(),
            dep_a: self.amount(),
            dep_b: self.amount(),
            out_a: self.amount(),
            total: self.amount(),
            locks: self.u64() as u8,
            entries: self.id(),
            receiver_a: self.key(),
            receiver_b: self.key(),
            not_after: self.u64(),
        }
    }

    fn channel_params(&mut self) -> ChannelParams {
        let party = |h: &mut Self| Party { owner: h.key(), key: h.key() };
        let (a, b) = (party(self), party(self));
        let (challenge, window) = (self.u64() as u32, self.u64() as u32);
        match self.rng.below(3) {
            0 => self.channel,
            1 => ChannelParams { challenge, window, ..self.channel },
            _ => ChannelParams { a, b, k_max: self.u64() as u16, lane: self.u64() as u16, ..self.channel },
        }
    }

    fn message(&mut self, kind: u64) -> Message {
        let (ch, ver, sig, vc, count) = (self.id(), self.u64(), self.sig(), self.id(), self.rng.below(6));
        let reason = String::from("hostile");
        match kind {
            0 => Message::ChannelOffer {
                params: self.channel_params(),
                nonce: ver,
                dep_a: self.amount(),
                dep_b: self.amount(),
            },
            1 => Message::ChannelAsk { asset: Address::ZERO, lane: ver as u16 },
            2 => Message::ChannelInfo { asset: Address::ZERO, lane: ver as u16, owner: self.key() },
            3 => Message::ChannelAgreed { id: ch, consent: None },
            4 => Message::Item {
                ch,
                ver,
                base: self.u64(),
                def_a: self.amount(),
                sig,
                cosign: count % 2 == 0,
                note: None,
            },
            5 => Message::Ack { ch, ver },
            6 => Message::Accept { ch, ver, sig },
            7 => Message::Refuse { ch, ver, refused: (0..count).map(|_| self.id()).collect(), reason },
            8 => Message::Presign { ch, ver, op: self.op(), sig },
            9 => Message::Propose { ch, ver, base: vc, ops: (0..count).map(|_| self.op()).collect(), sig },
            10 => Message::CloseAsk { ch: vc },
            11 => Message::CloseSig { close: self.close(), sig },
            12 => {
                let path = (0..count).map(|_| self.key()).collect();
                Message::QuoteAsk { request: ch, path, terms: self.terms(), renews: self.renews() }
            }
            13 => Message::Quote { request: ch, hash: vc, link: Some(ch), fee: self.amount() },
            14 => Message::QuoteRefused { request: ch, reason },
            15 => Message::VcOpen { params: self.virtual_params(), renews: self.maybe_id() },
            16 => Message::Activate { vc, index: ver as u8, secret: ch.into() },
            17 => Message::Abort { vc, reason },
            18 => Message::Start { vc, sig },
            19 => Message::Receipt {
                vc,
                secrets: (0..count).map(|_| self.id().into()).collect(),
                sigs: [sig, self.sig()],
            },
            20 => Message::VcCloseAsk { vc: B256::ZERO },
            21 => {
                // Without any signature it is a request to close, which an end may make.
                let sigs = (0..=count).map(|_| (self.u64() as u8, self.sig())).collect();
                Message::FinalSigs { vc, out_a: self.amount(), sigs }
            }
            22 => Message::App { data: vec![0; count as usize] },
            _ => {
                let (path, terms) = (self.params.path.clone(), self.terms());
                Message::QuoteAsk { request: ch, path, terms, renews: self.renews() }
            }
        }
    }
}

/// A link and a virtual channel in use, and a stranger (3) who is connected with everybody and has nothing with anybody.
fn scene(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, 3);
    let vc = stage.world.open_virtual(&[0, 1, 2], ETH, ETH);
    stage.adopt(vc);
    stage.world.pay(0, vc, ETH / 4);
    stage.world.pay(2, vc, ETH / 8);
    stage
}

fn shares(stage: &Stage) -> Vec<(u64, u128, u128)> {
    let mut all = Vec::new();
    for node in 0..3 {
        let participant = stage.world.nodes[node].participant.as_ref().expect("it runs");
        all.extend(
            participant
                .ledgers()
                .iter()
                .filter(|l| stage.links.contains(&l.id))
                .map(|l| (l.accepted, l.mine, l.theirs)),
        );
        all.extend(participant.virtuals().iter().map(|v| (v.accepted, v.mine.unwrap_or(0), v.theirs.unwrap_or(0))));
    }
    all
}

/// Whoever says whatever to whomever: no panic, no change of any share or accepted version.
#[test]
fn s13_s45_no_message_with_foreign_values_changes_a_share() {
    for seed in 600..606 {
        let mut stage = scene(seed);
        let mut hostile = Hostile::new(seed, &stage);
        let before = shares(&stage);
        for round in 0..1_500 {
            let message = hostile.message(round % KINDS);
            let (from, to) = ((round / KINDS % 4) as usize, hostile.rng.below(3) as usize);
            if from != to {
                stage.world.inject(from, to, message);
            }
            if round % 50 == 0 {
                stage.world.run_for(40);
                assert_eq!(shares(&stage), before, "seed {seed}, round {round}");
            }
        }
        stage.world.run_for(5_000);
        assert_eq!(shares(&stage), before, "seed {seed}");
        stage.leave();
    }
}

/// A stranger, with whom no channel exists, changes nothing on the disk (an agreed but unfunded channel apart).
#[test]
fn s45_a_stranger_leaves_no_trace_on_the_disk() {
    let mut stage = Stage::new(610, 2);
    stage.open(ETH, ETH);
    let mut hostile = Hostile::new(610, &stage);
    // Bob (2) is a stranger to Alice (0) as far as ledger channels go; in the virtual channel he is the other end.
    let vc = stage.vc();
    hostile.ids.retain(|id| *id != vc);
    stage.world.run_for(1_000);
    let disk = stage.world.disk(0);
    for round in 0..2_000 {
        let message = hostile.message(round % KINDS);
        if !matches!(message, Message::ChannelOffer { .. }) {
            stage.world.inject(2, 0, message);
        }
        if round % 100 == 0 {
            stage.world.run_for(30);
        }
    }
    stage.world.run_for(100);
    assert_eq!(stage.world.disk(0), disk);
    stage.leave();
}
