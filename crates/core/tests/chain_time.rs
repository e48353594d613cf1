//! What a chain says of its time is not believed without bounds.

use alloy_primitives::{Address, B256};
use perunika_core::Domain;
use perunika_core::chain::{Block, ChainUpdate};
use perunika_core::io::{Command, Env, Input, Output, Reply};
use perunika_core::message::{Message, Terms};
use perunika_core::participant::{Config, Participant};
use perunika_core::policy::Policy;
use perunika_core::sig::MemoryKey;

fn at(now_ms: u64) -> Env {
    Env { now_ms, entropy: B256::repeat_byte(1) }
}

/// A head of the last second that a number can hold: sums of times stay sums.
#[test]
fn a_head_of_an_absurd_time_stops_nobody() {
    let domain = Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) };
    let config = Config { domain, owner: Address::repeat_byte(8), policy: Policy::dev() };
    let key = MemoryKey::new(B256::repeat_byte(1), B256::repeat_byte(2)).expect("a key");
    let mut participant = Participant::new(config, Box::new(key));
    let _ = participant.start(at(0));
    let absurd = Block { number: u64::MAX, time: u64::MAX, hash: B256::repeat_byte(3) };
    let _ = participant
        .handle(Input::Chain(ChainUpdate { head: absurd, settled: absurd, ..ChainUpdate::default() }), at(1));
    let _ = participant.handle(Input::Tick, at(5_000));
    let path = vec![Address::repeat_byte(4), Address::repeat_byte(5)];
    let from = Address::repeat_byte(4);
    let _ = participant.handle(Input::Connected(from), at(5_001));
    let terms = Terms { asset: Address::ZERO, init_a: 1, init_b: 1, t_exp: 60, challenge: 120, window: 60, k_max: 5 };
    let asked = Message::QuoteAsk { request: B256::ZERO, path: path.clone(), terms, renews: None };
    let _ = participant.handle(Input::Message { from, message: asked }, at(5_002));
    let asset = Address::ZERO;
    let command = Command::OpenVirtual { path, stake: 1, peer_stake: 1, asset, term: None, fee_max: 1, renew: false };
    let step = participant.handle(Input::Command { tag: 1, command }, at(5_003));
    let outputs = step.commit(|_| Ok::<(), ()>(())).unwrap_or_default();
    assert!(matches!(&outputs[..], [Output::Reply { tag: 1, reply: Reply::Refused(_) }]), "{outputs:?}");
}
