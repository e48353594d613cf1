use crate::world::{CHALLENGE, DEPOSIT_A, DEPOSIT_B, World};
use alloy::primitives::U256;
use perunika_core::chain::{Call, EscrowView, Phase, RecordView, Roots, Watch};
use perunika_core::params::{VirtualParams, secret_hash};
use perunika_core::sig::{MemoryKey, RawKey};
use perunika_core::signed::{Close, Final, Lock, State};
use perunika_core::{B256, tree};

const STAKE_A: u128 = 60;
const STAKE_B: u128 = 40;

/// A virtual channel between the two parties over a hub of which only the key exists.
struct Virtual {
    params: VirtualParams,
    id: B256,
    hub: MemoryKey,
    secrets: Vec<B256>,
}

impl Virtual {
    fn new(world: &World, t_exp: u64) -> Self {
        let hub = MemoryKey::new(B256::repeat_byte(0x77), B256::repeat_byte(0x77)).expect("a key");
        let secrets: Vec<B256> = (1..=3).map(B256::repeat_byte).collect();
        let params = VirtualParams {
            path: vec![world.a.key.address(), hub.address(), world.b.key.address()],
            links: vec![world.id(), B256::repeat_byte(0x11)],
            fees: vec![5],
            asset: world.params.asset,
            init_a: STAKE_A,
            init_b: STAKE_B,
            t_exp,
            challenge: CHALLENGE,
            window: 60,
            k_max: 80,
            nonce: 1,
            hashes: secrets.iter().map(|secret| secret_hash(*secret)).collect(),
        };
        let id = params.id(&world.domain);
        Self { params, id, hub, secrets }
    }

    fn state(&self, ver: u64, def_a: u128) -> State {
        State {
            ch: self.id,
            ver,
            dep_a: 0,
            dep_b: 0,
            total: STAKE_A + STAKE_B,
            def_a,
            nanos: 0,
            locks: 0,
            entries: tree::empty_entries(),
        }
    }

    fn register(&self, world: &World, state: State) -> Call {
        Call::RegisterVirtual {
            params: self.params.clone(),
            state,
            roots: Roots::default(),
            sigs: world.sign(&state),
            secrets: self.secrets.clone(),
            opener: None,
        }
    }
}

fn later(world: &World) -> u64 {
    world.a.head.time + 1_000
}

#[tokio::test]
async fn a_record_from_register_to_conclude() {
    let mut world = World::open().await;
    let v = Virtual::new(&world, later(&world));
    world.b.chain.watch(Watch::Record(v.id));
    world.b.record("nothing yet", |seen| seen.head == RecordView::None).await;
    let (old, newer) = (v.state(2, 50), v.state(7, 10));
    world.a.succeed(v.register(&world, old)).await;
    let state_of = |view: RecordView| match view {
        RecordView::Disputed(dispute) => dispute.state,
        _ => None,
    };
    world.b.record("version 2", |seen| state_of(seen.head) == Some(old)).await;
    let refute = Call::RefuteVirtual {
        params: v.params.clone(),
        state: newer,
        roots: Roots::default(),
        sigs: world.sign(&newer),
    };
    world.b.succeed(refute).await;
    let seen = world.b.record("version 7", |seen| state_of(seen.head) == Some(newer)).await;
    let RecordView::Disputed(dispute) = seen.head else { panic!("{seen:?}") };

    // Whoever comes late finds the total of the ends in an older event than the State.
    world.a.chain.watch(Watch::Record(v.id));
    let late = world.a.record("the same", |seen| seen.head != RecordView::None).await;
    assert_eq!(late.head, seen.head);

    world.pass(u64::from(CHALLENGE) + 1);
    let conclude =
        Call::ConcludeVirtual { params: v.params.clone(), state: newer, roots: dispute.roots, mix: dispute.mix };
    world.a.succeed(conclude.clone()).await;
    let seen = world.b.record("the outcome", |seen| matches!(seen.head, RecordView::Concluded { .. })).await;
    assert_eq!(seen.head, RecordView::Concluded { out_a: 10 });
    assert_eq!(world.b.fail(conclude).await, "the outcome is fixed already");
}

#[tokio::test]
async fn a_certificate_fixes_the_outcome() {
    let mut world = World::open().await;
    let v = Virtual::new(&world, later(&world));
    world.b.chain.watch(Watch::Record(v.id));
    let outcome = Final { vc: v.id, out_a: 33 };
    let [a, b] = world.sign(&outcome);
    let hub = v.hub.sign(world.domain.digest(perunika_core::signed::Eip712::struct_hash(&outcome)));
    let incomplete = Call::Finalise { params: v.params.clone(), out_a: 33, sigs: vec![a, b] };
    assert_eq!(world.a.fail(incomplete).await, "a signature is not valid");
    world.a.succeed(Call::Finalise { params: v.params.clone(), out_a: 33, sigs: vec![a, hub, b] }).await;
    world.b.record("the outcome", |seen| seen.head == RecordView::Concluded { out_a: 33 }).await;
}

/// Ends the channel with one lock of `v` in it; what A and B have besides is split evenly.
async fn close_with_lock(world: &mut World, v: &Virtual) -> Lock {
    let lock = v.params.lock(v.id, 0, true).expect("a lock");
    let lock_root = tree::root(&[lock]);
    let total = DEPOSIT_A + DEPOSIT_B - lock.left - lock.right;
    let close = Close {
        id: world.id(),
        dep_a: DEPOSIT_A,
        dep_b: DEPOSIT_B,
        out_a: total / 2,
        total,
        locks: 1,
        entries: tree::entries(lock_root, B256::ZERO),
        receiver_a: world.params.a.owner,
        receiver_b: world.params.b.owner,
        not_after: u64::from(u32::MAX),
    };
    let sigs = world.sign(&close).map(Some);
    world.a.chain.watch(Watch::Escrow(world.id()));
    world.a.succeed(Call::Close { params: world.params, close, lock_root, sigs }).await;
    world.a.ledger("closed", |seen| seen.head.phase == Phase::Closed).await;
    let left = lock.left + lock.right;
    let escrow = EscrowView { root: lock_root, left, settled: 0, locks: 1 };
    let id = world.id();
    world.a.until("the escrow", |node| (node.escrows.get(&id)?.head == escrow).then_some(())).await;
    lock
}

fn settle(world: &World, v: &Virtual, lock: Lock) -> Call {
    Call::Settle { params: world.params, nonce: 0, lock, index: 0, proof: vec![], virtual_params: v.params.clone() }
}

#[tokio::test]
async fn a_lock_is_settled_by_the_outcome() {
    let mut world = World::open().await;
    let v = Virtual::new(&world, later(&world));
    let lock = close_with_lock(&mut world, &v).await;
    assert_eq!(world.b.fail(settle(&world, &v, lock)).await, "it is too early for this call");
    let outcome = Final { vc: v.id, out_a: 33 };
    let [a, b] = world.sign(&outcome);
    let hub = v.hub.sign(world.domain.digest(perunika_core::signed::Eip712::struct_hash(&outcome)));
    world.a.succeed(Call::Finalise { params: v.params.clone(), out_a: 33, sigs: vec![a, hub, b] }).await;
    let before = world.a.chain.balance(world.params.a.owner).await.expect("a balance");
    world.b.succeed(settle(&world, &v, lock)).await;
    let after = world.a.chain.balance(world.params.a.owner).await.expect("a balance");
    assert_eq!(after - before, U256::from(33));
    let id = world.id();
    world.a.until("settled", |node| (node.escrows.get(&id)?.head.settled == 1).then_some(())).await;
}

#[tokio::test]
async fn a_lock_without_record_is_settled_after_the_term() {
    let mut world = World::open().await;
    let v = Virtual::new(&world, later(&world));
    let lock = close_with_lock(&mut world, &v).await;
    world.pass(1_001);
    let before = world.a.chain.balance(world.params.a.owner).await.expect("a balance");
    world.b.succeed(settle(&world, &v, lock)).await;
    let after = world.a.chain.balance(world.params.a.owner).await.expect("a balance");
    assert_eq!(after - before, U256::from(lock.left));
}

#[tokio::test]
async fn a_dispute_with_locks_carries_its_roots() {
    let mut world = World::open().await;
    let v = Virtual::new(&world, later(&world));
    let lock = v.params.lock(v.id, 0, true).expect("a lock");
    let roots = Roots { locks: tree::root(&[lock]), nanos: B256::ZERO };
    let total = DEPOSIT_A + DEPOSIT_B - lock.left - lock.right;
    let entries = tree::entries(roots.locks, roots.nanos);
    let state = State { total, locks: 1, entries, ..world.state(4, 100) };
    let sigs = world.sign(&state).map(Some);
    world.a.succeed(Call::Register { params: world.params, state, roots, sigs }).await;
    let seen = world.b.dispute(4).await;
    assert_eq!((seen.state, seen.roots), (Some(state), roots));
}
