//! S12, S13: what a node signs or accepts, the contract accepts too. Random and boundary numbers, the real bytecode.

use alloy_primitives::{B256, keccak256};
use perunika_core::body::{Body, Kind};
use perunika_core::chain::{Call, Roots};
use perunika_core::params::{ChannelParams, Party};
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_core::signed::{Lock, MAX_AMOUNT, MAX_VERSION};
use perunika_sim::{Ground, Rng};

const DEPOSITS: [u128; 2] = [1_000, 500];

struct Arena {
    ground: Ground,
    params: ChannelParams,
    keys: [MemoryKey; 2],
    id: B256,
}

impl Arena {
    fn new() -> Self {
        let key = |n: u8| MemoryKey::new(keccak256([n]), B256::ZERO).expect("a key");
        let keys = [key(1), key(2)];
        let party = |k: &MemoryKey| Party { owner: k.address(), key: k.address() };
        let (a, b) = (party(&keys[0]), party(&keys[1]));
        let params = ChannelParams {
            a,
            b,
            asset: alloy_primitives::Address::ZERO,
            challenge: 120,
            window: 60,
            k_max: 80,
            lane: 0,
        };
        let mut ground = Ground::new(&[a.owner, b.owner]);
        let id = params.id(&ground.domain, 0);
        ground.submit(a.owner, &Call::Open { params, nonce: 0, value: DEPOSITS[0] }, 0).expect("opens");
        ground.mine(0);
        let confirm = Call::Confirm { params, id, dep_a: DEPOSITS[0], value: DEPOSITS[1] };
        ground.submit(b.owner, &confirm, 0).expect("confirms");
        ground.mine(0);
        Self { ground, params, keys, id }
    }

    /// Whether the contract would register this State with both signatures. Nothing is mined.
    fn contract_accepts(&mut self, body: &Body) -> bool {
        let digest = body.digest(&self.ground.domain);
        let sigs = [Some(self.keys[0].sign(digest)), Some(self.keys[1].sign(digest))];
        let roots = Roots { locks: body.lock_root(), nanos: body.nano_root() };
        let call = Call::Register { params: self.params, state: body.state(), roots, sigs };
        self.ground.would_succeed(self.params.a.owner, &call)
    }

    fn body(&self, rng: &mut Rng) -> Body {
        let edge = |rng: &mut Rng| match rng.below(8) {
            0 => 0,
            1 => 1,
            2 => MAX_AMOUNT,
            3 => DEPOSITS[0],
            4 => DEPOSITS[1],
            5 => DEPOSITS[0] + DEPOSITS[1],
            _ => u128::from(rng.below(2_000)),
        };
        let locks = (0..rng.below(4)).map(|_| Lock {
            vc: B256::from(rng.bytes32()),
            left_is_a: rng.chance(500),
            left: u128::from(rng.below(400)),
            right: u128::from(rng.below(400)),
        });
        let locks: Vec<Lock> = locks.collect();
        let ver = if rng.chance(100) { MAX_VERSION - rng.below(2) } else { rng.below(1_000) };
        let (dep_a, dep_b) = if rng.chance(700) { (DEPOSITS[0], DEPOSITS[1]) } else { (edge(rng), edge(rng)) };
        let locked: u128 = locks.iter().map(|l| l.left + l.right).sum();
        let fitting = dep_a.saturating_add(dep_b).saturating_sub(locked);
        let total = if rng.chance(600) { fitting } else { edge(rng) };
        let def_a = if rng.chance(600) { total / 2 } else { edge(rng) };
        Body { kind: Kind::Ledger, ch: self.id, ver, dep_a, dep_b, total, def_a, locks, nanos: Vec::new() }
    }
}

#[test]
fn s12_what_the_node_accepts_the_contract_accepts() {
    let seed = 0x5eed_0012;
    let mut rng = Rng::new(seed);
    let mut arena = Arena::new();
    let (mut both, mut neither, mut node_stricter) = (0, 0, 0);
    for round in 0..3_000 {
        let body = arena.body(&mut rng);
        let deposited = body.dep_a <= DEPOSITS[0] && body.dep_b <= DEPOSITS[1];
        let node = body.ver > 0 && body.ver < MAX_VERSION && deposited && body.check().is_ok();
        let contract = arena.contract_accepts(&body);
        assert!(
            !node || contract,
            "seed {seed:#x}, round {round}: the node would sign what the contract refuses: {body:?}"
        );
        match (node, contract) {
            (true, _) => both += 1,
            (false, true) => node_stricter += 1,
            (false, false) => neither += 1,
        }
    }
    println!("accepted by both {both}, refused by both {neither}, refused by the node alone {node_stricter}");
    assert!(both > 300 && neither > 300, "the generator covers both sides");
}
