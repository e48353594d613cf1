//! A participant of ten thousand channels does for one payment what a participant of ten does.

use alloy_primitives::{Address, B256, keccak256};
use perunika_core::Domain;
use perunika_core::body::{Body, Change};
use perunika_core::chain::{Block, ChainUpdate, LedgerView, Phase, Seen};
use perunika_core::info::LedgerStage;
use perunika_core::io::{Env, Input, Output, Step};
use perunika_core::message::Message;
use perunika_core::params::{ChannelParams, Party};
use perunika_core::participant::{Config, Participant};
use perunika_core::policy::Policy;
use perunika_core::sig::{MemoryKey, RawKey};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const DOMAIN: Domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };
const DEPOSIT: u128 = 1_000_000;

fn key(n: u64) -> MemoryKey {
    let secret = keccak256(n.to_be_bytes());
    MemoryKey::new(secret, keccak256(secret)).expect("a key")
}

/// One participant as B of many channels; the test plays everybody else and the chain.
struct Many {
    participant: Participant,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    channels: Vec<(ChannelParams, B256)>,
    block: u64,
}

impl Many {
    fn config() -> Config {
        Config { domain: DOMAIN, owner: Address::repeat_byte(1), policy: Policy { authorise: false, ..Policy::dev() } }
    }

    fn new(peers: u64, lanes: u16) -> Self {
        let participant = Participant::new(Self::config(), Box::new(key(0)));
        let mut this = Self { participant, disk: BTreeMap::new(), channels: Vec::new(), block: 100 };
        this.see(Vec::new());
        for lane in 0..lanes {
            let offered: Vec<ChannelParams> = (1..=peers).map(|peer| this.offer(peer, lane)).collect();
            this.see(offered);
        }
        this
    }

    fn env(&self) -> Env {
        Env { now_ms: self.block * 1_000, entropy: keccak256(self.block.to_be_bytes()) }
    }

    fn take(&mut self, step: Step) -> Vec<Output> {
        let disk = &mut self.disk;
        let written: Result<_, ()> = step.commit(|writes| {
            for write in writes {
                match write.value {
                    Some(value) => drop(disk.insert(write.key, value)),
                    None => drop(disk.remove(&write.key)),
                }
            }
            Ok(())
        });
        written.expect("a map takes everything")
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        let step = self.participant.handle(input, self.env());
        self.take(step)
    }

    fn offer(&mut self, peer: u64, lane: u16) -> ChannelParams {
        let a = Party { owner: Address::left_padding_from(&(peer + 1_000).to_be_bytes()), key: key(peer).address() };
        let b = Party { owner: Address::repeat_byte(1), key: key(0).address() };
        let params = ChannelParams { a, b, asset: Address::ZERO, challenge: 120, window: 60, k_max: 80, lane };
        let message = Message::ChannelOffer { params, nonce: 0, dep_a: DEPOSIT, dep_b: DEPOSIT };
        let outputs = self.handle(Input::Message { from: a.key, message });
        assert!(outputs.iter().any(|o| matches!(o, Output::Send { message: Message::ChannelAgreed { .. }, .. })));
        self.channels.push((params, params.id(&DOMAIN, 0)));
        params
    }

    /// A block in which these channels are open.
    fn see(&mut self, opened: Vec<ChannelParams>) -> Vec<Output> {
        self.block += 1;
        let open = LedgerView { phase: Phase::Open, dep_a: DEPOSIT, dep_b: DEPOSIT, nonce: 0, ..LedgerView::default() };
        let block = Block { number: self.block, time: self.block, hash: keccak256(self.block.to_be_bytes()) };
        let ledgers = opened.iter().map(|p| (p.slot_key(), Seen { head: open, settled: open })).collect();
        self.handle(Input::Chain(ChainUpdate { head: block, settled: block, ledgers, ..ChainUpdate::default() }))
    }

    /// A stream of payments through one channel.
    fn pay(&mut self, channel: usize, payments: u64) -> Duration {
        let (params, ch) = self.channels[channel];
        let payer = key(channel as u64 + 1);
        assert_eq!(payer.address(), params.a.key);
        let mut body = Body::ledger_genesis(ch, DEPOSIT, DEPOSIT);
        let items: Vec<Message> = (1..=payments)
            .map(|n| {
                let base = body.ver;
                body = body.with(2 * n, &Change::Split(DEPOSIT - u128::from(n))).expect("a payment");
                let sig = payer.sign(body.digest(&DOMAIN));
                Message::Item { ch, ver: body.ver, base, def_a: body.def_a, sig, cosign: false, note: None }
            })
            .collect();
        let start = Instant::now();
        for message in items {
            let outputs = self.handle(Input::Message { from: params.a.key, message });
            assert!(outputs.iter().any(|o| matches!(o, Output::Send { message: Message::Ack { .. }, .. })));
        }
        start.elapsed()
    }

    fn restart(&mut self) -> Duration {
        let records = self.disk.clone();
        let start = Instant::now();
        self.participant = Participant::restore(Self::config(), Box::new(key(0)), records).expect("a sound disk");
        let step = self.participant.start(self.env());
        let took = start.elapsed();
        let watches = self.take(step).iter().filter(|o| matches!(o, Output::Watch(_))).count();
        assert_eq!(watches, 2 * self.channels.len());
        took
    }
}

#[test]
fn ten_thousand_channels_cost_a_payment_nothing() {
    let (mut few, mut many) = (Many::new(10, 1), Many::new(1_000, 10));
    let open = many.participant.ledgers().iter().filter(|l| l.stage == LedgerStage::Open).count();
    assert_eq!((open, many.channels.len()), (10_000, 10_000));
    // Of the best of three each, so that another process on the machine does not decide.
    let best = |world: &mut Many, from: usize| (from..from + 3).map(|ch| world.pay(ch, 200)).min().expect("three");
    let (alone, crowded) = (best(&mut few, 0), best(&mut many, 0));
    println!("200 payments: {alone:?} with 10 channels, {crowded:?} with 10,000");
    assert!(crowded < 3 * alone, "{crowded:?} against {alone:?}");
}

#[test]
fn ten_thousand_channels_at_rest_are_restored_and_ticked_in_no_time() {
    let mut many = Many::new(1_000, 10);
    let took = many.restart();
    let all = many.channels.iter().map(|(params, _)| *params).collect();
    let start = Instant::now();
    many.see(all);
    let read = start.elapsed();
    many.pay(5, 10);
    let start = Instant::now();
    let outputs = many.handle(Input::Tick);
    let tick = start.elapsed();
    println!("restored in {took:?}, read in {read:?}, a tick takes {tick:?}");
    assert!(outputs.len() < 10, "{}", outputs.len());
    assert!(took < Duration::from_secs(5) && read < Duration::from_secs(5), "{took:?} {read:?}");
    assert!(tick < Duration::from_millis(500), "{tick:?}");
}
