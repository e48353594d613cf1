//! Calls of the core mean to the reference what their calldata means to the contract.

use super::abi;
use super::world::{World, key, owner};
use alloy_primitives::{Address, B256};
use perunika_contracts::encode_call;
use perunika_core::chain::{self, ForcedStep, Funding, Home, NanoClaim, Opener, Roots};
use perunika_core::params::{ChannelParams, Party, Side, VirtualParams};
use perunika_core::sig::Signature;
use perunika_core::signed::{Adjust, Close, Eip712, Entry, Lock, OpenAuth, State};
use perunika_core::tree;
use perunika_reference::Record;

const MIX: B256 = B256::repeat_byte(9);
const SIGS: [Signature; 2] = [Signature([0xaa; 64]), Signature([0xbb; 64])];
const BOTH: [Option<Signature>; 2] = [Some(SIGS[0]), Some(SIGS[1])];

fn ledger() -> ChannelParams {
    let party = |person| Party { owner: owner(person), key: key(person) };
    ChannelParams { a: party(0), b: party(1), asset: Address::ZERO, challenge: 7, window: 5, k_max: 3, lane: 2 }
}

fn over_two_hubs() -> VirtualParams {
    VirtualParams {
        path: (0..4).map(key).collect(),
        links: vec![B256::repeat_byte(1), B256::repeat_byte(2), B256::repeat_byte(3)],
        fees: vec![5, 4],
        asset: Address::ZERO,
        init_a: 11,
        init_b: 12,
        t_exp: 1_900_000_000,
        challenge: 7,
        window: 5,
        k_max: 3,
        nonce: 1 << 100,
        hashes: (0..4).map(B256::repeat_byte).collect(),
    }
}

fn state(locks: B256, nanos: B256) -> State {
    let entries = tree::entries(locks, nanos);
    State { ch: MIX, ver: 3, dep_a: 5, dep_b: 6, total: 9, def_a: 4, nanos: 2, locks: 1, entries }
}

fn entry() -> Entry {
    Entry {
        nid: B256::repeat_byte(4),
        born: 2,
        total: 8,
        da0: 3,
        mover0: 1,
        code_hash: B256::repeat_byte(5),
        gas: 777,
        k_max: 3,
        storage0: B256::repeat_byte(6),
    }
}

fn of_channels(params: ChannelParams, id: B256) -> Vec<chain::Call> {
    let roots = Roots { locks: B256::repeat_byte(7), nanos: B256::repeat_byte(8) };
    let signed = state(roots.locks, roots.nanos);
    let zero = State { ver: 0, ..signed };
    let close = Close {
        id,
        dep_a: 5,
        dep_b: 6,
        out_a: 3,
        total: 10,
        locks: 1,
        entries: tree::entries(roots.locks, B256::ZERO),
        receiver_a: owner(4),
        receiver_b: Address::ZERO,
        not_after: 99,
    };
    vec![
        chain::Call::Open { params, nonce: 1, value: 5 },
        chain::Call::Confirm { params, id, dep_a: 5, value: 6 },
        chain::Call::Refund { params },
        chain::Call::Close { params, close, lock_root: roots.locks, sigs: BOTH },
        chain::Call::Register { params, state: signed, roots, sigs: BOTH },
        chain::Call::Register { params, state: zero, roots, sigs: [None, None] },
        chain::Call::Refute { params, state: signed, roots, sigs: BOTH },
        chain::Call::Conclude { params, state: signed, roots, mix: MIX },
        chain::Call::Deploy { code: vec![1, 2, 3] },
        chain::Call::Reveal { secret: MIX },
        chain::Call::Withdraw { asset: Address::ZERO, to: owner(4), amount: 7 },
    ]
}

fn of_money(params: ChannelParams, id: B256) -> Vec<chain::Call> {
    let terms = OpenAuth { id, dep_a: 5, dep_b: 6, not_after: 99 };
    let (side, asset) = (Side::B, params.asset);
    let adjust = Adjust { id, seq: 3, side: 1, amount: 4, receiver: owner(4), ver: 8, not_after: 99 };
    let consent = SIGS[1].0.to_vec();
    let [some, other] = [Funding::Vault { consent: consent.clone() }, Funding::Authorisation { sig: SIGS[0] }];
    let ways = [
        some.clone(),
        other.clone(),
        Funding::Sender { consent: Vec::new() },
        Funding::Allowance { consent: consent.clone() },
        Funding::Permit { permit: SIGS[0], consent: consent.clone() },
        Funding::Permit2 { nonce: MIX, sig: consent },
    ];
    let mut calls: Vec<chain::Call> = ways
        .into_iter()
        .flat_map(|funding| {
            let more = funding.clone();
            [
                chain::Call::OpenWith { params, terms, funding: funding.clone(), value: 5 },
                chain::Call::ConfirmWith { params, terms, funding, value: 6 },
                chain::Call::Deposit { params, id, side, amount: 7, not_after: 99, funding: more, value: 7 },
            ]
        })
        .collect();
    calls.extend([
        chain::Call::OpenBoth { params, terms, fundings: [some, other], value: 11 },
        chain::Call::Adjust { params, adjust, sigs: BOTH },
        chain::Call::FundVault { asset, owner: owner(4), amount: 8 },
    ]);
    let inner = vec![chain::Call::Reveal { secret: MIX }, chain::Call::Adjust { params, adjust, sigs: BOTH }];
    calls.push(chain::Call::Batch { gas_each: 300_000, calls: inner });
    calls
}

fn of_virtuals(params: &VirtualParams) -> Vec<chain::Call> {
    let roots = Roots { locks: B256::ZERO, nanos: B256::repeat_byte(8) };
    let signed = state(roots.locks, roots.nanos);
    let secrets = vec![MIX; 4];
    let opener = Some(Opener { position: 3, not_before: 1, not_after: 2, sig: SIGS[0] });
    let register = |opener| chain::Call::RegisterVirtual {
        params: params.clone(),
        state: signed,
        roots,
        sigs: SIGS,
        secrets: secrets.clone(),
        opener,
    };
    let params = params.clone();
    vec![
        register(None),
        register(opener),
        chain::Call::RefuteVirtual { params: params.clone(), state: signed, roots, sigs: SIGS },
        chain::Call::ConcludeVirtual { params: params.clone(), state: signed, roots, mix: MIX },
        chain::Call::Finalise { params, out_a: 3, sigs: SIGS.to_vec() },
    ]
}

fn of_nanos(home: &Home, locks: B256) -> Vec<chain::Call> {
    let roots = Roots { locks, nanos: B256::repeat_byte(8) };
    let step = ForcedStep { code: owner(4), storage: vec![1; 40], input: vec![2; 3], auth: Some(SIGS[1]) };
    let version = perunika_core::signed::Nano { ver: 2, ..entry().genesis(MIX) };
    assert_eq!(version.entry, entry().struct_hash());
    let proof = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
    let genesis = entry().genesis(MIX);
    let first = NanoClaim { entry: entry(), index: 1, proof, version, sigs: BOTH, step: Some(step.clone()) };
    let second =
        NanoClaim { index: 2, proof: Vec::new(), version: genesis, sigs: [None, None], step: None, ..first.clone() };
    let claims = vec![first, second];
    vec![
        chain::Call::RegisterNanos {
            home: home.clone(),
            state: state(roots.locks, roots.nanos),
            roots,
            mix: MIX,
            claims: claims.clone(),
        },
        chain::Call::RefuteNanos { home: home.clone(), claims },
        chain::Call::Execute { home: home.clone(), entry: entry(), step },
    ]
}

#[test]
fn calls_of_the_core_mean_what_their_calldata_says() {
    let World { mut pair, .. } = World::new();
    let domain = pair.evm.domain;
    let (params, v) = (ledger(), over_two_hubs());
    let mut calls = of_channels(params, params.id(&domain, 3));
    calls.extend(of_virtuals(&v));
    calls.extend(of_money(params, params.id(&domain, 2)));
    calls.extend(of_nanos(&Home::Ledger(params), B256::repeat_byte(7)));
    calls.extend(of_nanos(&Home::Virtual(v.clone()), B256::ZERO));
    for sender in [owner(0), owner(1), key(0), key(3), owner(5)] {
        for call in &calls {
            let encoded = encode_call(call, &domain, sender).unwrap();
            let translated = pair.reference.translate(sender, call).unwrap();
            assert_eq!(encoded.data.to_vec(), abi::calldata(&translated), "{call:?}");
        }
    }
    let lock = Lock { vc: v.id(&domain), left_is_a: true, left: 16, right: 12 };
    let settle = chain::Call::Settle { params, nonce: 2, lock, index: 1, proof: vec![MIX], virtual_params: v };
    let encoded = encode_call(&settle, &domain, owner(5)).unwrap();
    let expired = pair.reference.translate(owner(5), &settle).unwrap();
    assert_eq!(encoded.otherwise.unwrap().to_vec(), abi::calldata(&expired));
    pair.reference.records.insert(lock.vc, Record::Concluded { out_a: 0, ver: 0, deadline: 0 });
    let recorded = pair.reference.translate(owner(5), &settle).unwrap();
    assert_eq!(encoded.data.to_vec(), abi::calldata(&recorded));
}
