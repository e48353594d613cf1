use crate::world::{DEPOSIT_A, World, auto_mine};
use alloy::consensus::Transaction;
use perunika_core::chain::{Call, Funding, Phase, TxOutcome};
use perunika_core::signed::OpenAuth;
use perunika_devnet::Patch;
use std::time::Duration;
use tokio::time::{interval, timeout};

/// Asks again and again, for a bounded time; for what no output tells.
async fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let asking = async {
        let mut ticks = interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            if let Some(value) = ask() {
                return value;
            }
        }
    };
    timeout(Duration::from_secs(20), asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

fn open(world: &World) -> Call {
    Call::Open { params: world.params, nonce: 0, value: DEPOSIT_A }
}

/// Highest fee and count of what waits.
fn pool(world: &World) -> (usize, u128) {
    world.server.with_chain(|chain| {
        let fees: Vec<u128> = chain.pool().map(|tx| tx.tx.max_fee_per_gas()).collect();
        (fees.len(), fees.into_iter().max().unwrap_or_default())
    })
}

#[tokio::test]
async fn a_call_that_would_revert_is_not_sent() {
    let mut world = World::start().await;
    let reason = world.a.fail(Call::Refund { params: world.params }).await;
    assert_eq!(reason, "the channel is not in the phase that this call needs");
    let reason = world.b.fail(open(&world)).await;
    assert_eq!(reason, "the sender is not the owner who may do this");
    let reason = world.a.fail(Call::Open { params: world.params, nonce: 0, value: u128::MAX }).await;
    assert!(reason.contains("insufficient funds") || reason.contains("lack of funds"), "{reason}");
    assert_eq!(world.a.chain.head().number, 1, "only the deployment");
}

/// An owner that is a contract says yes, and spends as much gas as it likes before.
#[tokio::test]
async fn an_owner_that_burns_gas_is_not_asked_in_a_transaction() {
    // Counts down from a number of three bytes, then returns the magic value of ERC-1271.
    let owner_that_burns = |rounds: [u8; 3]| {
        let head = [&[0x62][..], &rounds, &[0x5b, 0x60, 1, 0x90, 0x03, 0x80, 0x60, 4, 0x57, 0x63]].concat();
        [&head[..], &[0x16, 0x26, 0xba, 0x7e, 0x60, 0xe0, 0x1b, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]].concat()
    };
    let mut world = World::start().await;
    let (address, id, params) = (world.params.b.owner, world.id(), world.params);
    let both = |world: &World| Call::OpenBoth {
        params,
        terms: OpenAuth { id, dep_a: DEPOSIT_A, dep_b: 0, not_after: world.a.chain.head().time + 1_000 },
        fundings: [Funding::Sender { consent: vec![] }, Funding::Sender { consent: vec![1] }],
        value: DEPOSIT_A,
    };
    let put = |world: &World, rounds| {
        let patch = Patch::Code { address, code: owner_that_burns(rounds).into() };
        world.server.with_chain(|chain| chain.patch(patch));
        world.pass(1);
    };
    put(&world, [0, 0xff, 0xff]);
    let reason = world.a.fail(both(&world)).await;
    assert!(reason.contains("too dear"), "{reason}");
    put(&world, [0, 0, 0xff]);
    world.a.succeed(both(&world)).await;
}

#[tokio::test]
async fn costs_are_reported() {
    let mut world = World::start().await;
    let before = world.a.chain.balance(world.a.chain.owner()).await.expect("a balance");
    let cost = world.a.succeed(open(&world)).await;
    let after = world.a.chain.balance(world.a.chain.owner()).await.expect("a balance");
    assert_eq!((before - after).to::<u128>(), DEPOSIT_A + cost.fee_wei());
    assert!((40_000..80_000).contains(&cost.gas), "{} gas", cost.gas);
    assert_eq!(world.a.ended[0].1, "open");
}

#[tokio::test]
async fn asked_for_twice_it_is_sent_once() {
    let mut world = World::start().await;
    auto_mine(&world.server, false).await;
    let key = world.a.submit(open(&world));
    world.a.chain.submit(key, open(&world), None);
    poll("sent", || (pool(&world).0 > 0).then_some(())).await;
    world.pass(1);
    world.a.end_of(key).await;
    world.a.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    // Behind it in the queue, so what was asked for before has been seen.
    world.a.fail(open(&world)).await;
    assert_eq!(world.a.ended.iter().filter(|end| end.0 == key).count(), 1);
    assert_eq!(pool(&world).0, 0);
}

#[tokio::test]
async fn what_is_not_included_is_sent_again_for_more() {
    let mut world = World::start().await;
    auto_mine(&world.server, false).await;
    let key = world.a.submit(open(&world));
    let first = poll("sent", || Some(pool(&world)).filter(|pool| pool.0 == 1)).await.1;
    poll("outbid twice", || (pool(&world).1 >= first * 126 / 100).then_some(())).await;
    assert_eq!(pool(&world).0, 1, "the same nonce");
    world.pass(1);
    let (outcome, _) = world.a.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
}

#[tokio::test]
async fn several_on_their_way_have_nonces_in_order() {
    let mut world = World::start().await;
    auto_mine(&world.server, false).await;
    let calls = (0..5).map(|lane| {
        let mut params = world.params;
        params.lane = lane;
        Call::Open { params, nonce: 0, value: 1 }
    });
    let calls: Vec<Call> = calls.collect();
    let keys: Vec<_> = calls.into_iter().map(|call| world.a.submit(call)).collect();
    poll("all sent", || (pool(&world).0 == 5).then_some(())).await;
    world.pass(1);
    for key in keys {
        let (outcome, _) = world.a.end_of(key).await;
        assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_a_reorg_removes_is_sent_again() {
    let mut world = World::start().await;
    let key = world.a.submit(open(&world));
    let (_, cost) = world.a.end_of(key).await;
    world.a.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    let lost = world.a.ended.len();
    world.reorg(1);
    world.a.until("reported again", |node| (node.ended.len() > lost).then_some(())).await;
    assert_eq!(world.a.removed, [cost.unwrap().hash]);
    assert_eq!(world.a.ended[lost].0, key);
    world.pass(1);
    world.b.ledger("opened again", |seen| seen.settled.phase == Phase::Funding).await;
    // The nonces go on without a gap.
    world.a.succeed(Call::Refund { params: world.params }).await;
}

#[tokio::test]
async fn after_its_deadline_nothing_is_sent() {
    let mut world = World::start().await;
    let key = perunika_core::chain::TxKey(perunika_core::B256::repeat_byte(1));
    let now = world.a.head.time;
    world.a.chain.submit(key, open(&world), Some(now - 1));
    let (outcome, cost) = world.a.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Failed { reason } if reason.contains("deadline")));
    assert_eq!(cost, None);
    world.a.chain.submit(key, open(&world), Some(now + 1_000));
    world.a.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
}

#[tokio::test]
async fn a_race_that_is_lost_on_chain_says_why() {
    let mut world = World::start().await;
    world.a.succeed(open(&world)).await;
    world.b.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    auto_mine(&world.server, false).await;
    let refund = world.a.submit(Call::Refund { params: world.params });
    let confirm = world.confirm();
    let confirm = world.b.submit(confirm);
    poll("both sent", || (pool(&world).0 == 2).then_some(())).await;
    world.pass(1);
    let (of_a, cost_a) = world.a.end_of(refund).await;
    let (of_b, cost_b) = world.b.end_of(confirm).await;
    assert!(cost_a.is_some() && cost_b.is_some());
    let lost = match (of_a, of_b) {
        (TxOutcome::Mined { .. }, TxOutcome::Failed { reason }) => reason,
        (TxOutcome::Failed { reason }, TxOutcome::Mined { .. }) => reason,
        other => panic!("one of the two: {other:?}"),
    };
    assert!(lost.ends_with("reverted: the channel is not in the phase that this call needs"), "{lost}");
}

#[tokio::test]
async fn a_nonce_that_somebody_else_used_is_noticed() {
    let mut world = World::start().await;
    auto_mine(&world.server, false).await;
    let key = world.a.submit(open(&world));
    let hash = poll("sent", || world.server.with_chain(|chain| chain.pool().next().map(|tx| tx.hash))).await;
    let address = world.a.chain.owner();
    world.server.with_chain(|chain| {
        chain.forget(hash);
        chain.patch(Patch::Nonce { address, nonce: 1 });
        let time = chain.head().header.timestamp + 1;
        chain.mine(time).expect("mines");
    });
    let (outcome, _) = world.a.end_of(key).await;
    assert!(matches!(&outcome, TxOutcome::Failed { reason } if reason.contains("took its place")), "{outcome:?}");
    auto_mine(&world.server, true).await;
    world.a.succeed(open(&world)).await;
}
