use crate::world::{CHALLENGE, DEPOSIT_A, DEPOSIT_B, Node, World, owner, quiet};
use alloy::primitives::{Bytes, U256};
use perunika_chain::{ChainConfig, ChainOutput, deploy};
use perunika_core::chain::{Call, Phase, Watch};
use perunika_core::signed::{Close, State};
use perunika_core::{Address, B256, tree};
use perunika_devnet::{Config, Patch, Server};

#[tokio::test]
async fn opening_is_seen_at_the_head_and_one_block_later_as_final() {
    let mut world = World::open().await;
    let seen = world.a.ledger("open", |seen| seen.head.phase == Phase::Open).await;
    assert_eq!((seen.head.dep_a, seen.head.dep_b, seen.head.nonce), (DEPOSIT_A, DEPOSIT_B, 0));
    assert_eq!(seen.settled.phase, Phase::Funding);
    world.pass(1);
    let seen = world.a.ledger("final", |seen| seen.settled.phase == Phase::Open).await;
    assert_eq!(seen.head, seen.settled);
}

#[tokio::test]
async fn nothing_is_repeated_that_did_not_change() {
    let mut world = World::open().await;
    world.pass(1);
    world.a.ledger("final", |seen| seen.settled.phase == Phase::Open).await;
    world.pass(1);
    let ChainOutput::Update(update) = world.a.next().await else { panic!("not an update") };
    assert!(update.ledgers.is_empty(), "{update:?}");
    world.a.chain.watch(Watch::Ledger(world.params));
    world.a.chain.watch(Watch::Escrow(world.id()));
    let ChainOutput::Update(update) = world.a.next().await else { panic!("not an update") };
    assert_eq!((update.ledgers.len(), update.escrows.len()), (0, 1), "only the new object, and at once");
}

#[tokio::test]
async fn a_dispute_from_register_to_conclude() {
    let mut world = World::open().await;
    let (old, newer) = (world.state(2, 700), world.state(5, 300));
    world.a.succeed(world.register(old)).await;
    let seen = world.b.dispute(2).await;
    assert_eq!(seen.state, Some(old));
    assert_ne!(seen.mix, B256::ZERO);
    assert!(!seen.nanos);

    world.b.succeed(world.refute(newer)).await;
    let refuted = world.a.dispute(5).await;
    assert_eq!((refuted.state, refuted.refute_end), (Some(newer), seen.refute_end));
    assert_ne!(refuted.mix, seen.mix);
    assert_eq!(world.a.fail(world.refute(old)).await, "what is registered is as new or newer");

    let conclude = Call::Conclude { params: world.params, state: newer, roots: refuted.roots, mix: refuted.mix };
    assert_eq!(world.a.fail(conclude.clone()).await, "the dispute is not over");
    world.pass(u64::from(CHALLENGE) + 1);
    let before = world.b.chain.balance(world.b.chain.owner()).await.expect("a balance");
    world.a.succeed(conclude).await;
    let seen = world.b.ledger("the end", |seen| seen.head.phase == Phase::Closed).await;
    assert_eq!((seen.head.nonce, seen.head.dispute), (1, None));
    assert_eq!(seen.settled.dispute.and_then(|dispute| dispute.state), Some(newer));
    let after = world.b.chain.balance(world.b.chain.owner()).await.expect("a balance");
    assert_eq!(after - before, U256::from(1_200));

    // The next life of the slot is followed too.
    world.a.succeed(Call::Open { params: world.params, nonce: 1, value: 7 }).await;
    let seen = world.b.ledger("another life", |seen| seen.head.phase == Phase::Funding).await;
    assert_eq!((seen.head.nonce, seen.head.dep_a), (1, 7));
}

#[tokio::test]
async fn version_zero_needs_no_signatures() {
    let mut world = World::open().await;
    let zero = State { dep_a: 0, dep_b: 0, total: 0, ..world.state(0, 0) };
    let call = Call::Register { params: world.params, state: zero, roots: Default::default(), sigs: [None, None] };
    world.b.succeed(call).await;
    assert_eq!(world.a.dispute(0).await.state, Some(zero));
}

#[tokio::test]
async fn a_late_driver_searches_for_the_state() {
    let mut world = World::open().await;
    let state = world.state(3, 1);
    world.a.succeed(world.register(state)).await;
    for _ in 0..9 {
        world.pass(1);
    }
    let config = ChainConfig { log_chunk_blocks: 2, ..world.config.clone() };
    let mut late = Node::start(config, 2).await;
    late.chain.watch(Watch::Ledger(world.params));
    let seen = late.dispute(3).await;
    assert_eq!(seen.state, Some(state));
    let at_final = late.ledger("at the final block", |seen| seen.settled.dispute.is_some()).await;
    assert_eq!(at_final.settled.dispute, Some(seen));
}

#[tokio::test]
async fn a_reorg_is_another_view() {
    let mut world = World::open().await;
    let state = world.state(3, 1);
    world.a.succeed(world.register(state)).await;
    let first = world.b.dispute(3).await;
    assert_eq!(world.a.dispute(3).await, first);
    // The sender of A repeats the lost transaction; B's driver must not believe in either before it is there.
    let a = world.a.chain.owner();
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        let lost = chain.reorg(1).expect("drops");
        assert_eq!(lost.len(), 1);
        chain.patch(Patch::Balance { address: a, wei: U256::ZERO });
        chain.mine(time + 5).expect("mines");
        chain.mine(time + 6).expect("mines");
    });
    let seen = world.b.ledger("no dispute", |seen| seen.head.dispute.is_none()).await;
    assert_eq!(seen.head.phase, Phase::Open);
    world.a.ledger("no dispute", |seen| seen.head.dispute.is_none()).await;
    world.server.with_chain(|chain| {
        chain.patch(Patch::Balance { address: a, wei: U256::from(10).pow(U256::from(18)) });
    });
    world.pass(1);
    world.b.succeed(world.register(state)).await;
    let again = world.a.dispute(3).await;
    assert_eq!(again.state, Some(state));
    assert_ne!((again.mix, again.refute_end), (first.mix, first.refute_end));
}

#[tokio::test]
async fn a_deep_reorg_takes_back_what_was_final() {
    let mut world = World::open().await;
    for _ in 0..3 {
        world.pass(1);
    }
    world.b.ledger("final", |seen| seen.settled.phase == Phase::Open).await;
    // Confirm and open are gone; what their senders do about it comes later.
    let owners = [world.a.chain.owner(), world.b.chain.owner()];
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        chain.reorg(5).expect("drops");
        for address in owners {
            chain.patch(Patch::Balance { address, wei: U256::ZERO });
        }
        for step in 1..=7 {
            chain.mine(time + step).expect("mines");
        }
    });
    let virgin = world.b.ledger("nothing", |seen| seen.settled.phase == Phase::Virgin).await;
    assert_eq!(virgin.head.phase, Phase::Virgin);
}

#[tokio::test]
async fn what_a_receiver_refuses_waits_in_the_vault() {
    let mut world = World::open().await;
    let receiver = Address::repeat_byte(0xdd);
    // PUSH0 PUSH0 REVERT
    let code = Bytes::from_static(&[0x5f, 0x5f, 0xfd]);
    world.server.with_chain(|chain| chain.patch(Patch::Code { address: receiver, code }));
    world.pass(1);
    let close = Close {
        id: world.id(),
        dep_a: DEPOSIT_A,
        dep_b: DEPOSIT_B,
        out_a: 900,
        total: DEPOSIT_A + DEPOSIT_B,
        locks: 0,
        entries: tree::empty_entries(),
        receiver_a: world.params.a.owner,
        receiver_b: receiver,
        not_after: u64::from(u32::MAX),
    };
    let sigs = world.sign(&close).map(Some);
    world.b.succeed(Call::Close { params: world.params, close, lock_root: B256::ZERO, sigs }).await;
    // What a receiver does not accept is its side's owner's.
    assert_eq!(world.a.chain.vault(Address::ZERO, receiver).await.expect("the vault"), 0);
    assert_eq!(world.a.chain.vault(Address::ZERO, world.params.b.owner).await.expect("the vault"), 600);
    let withdraw = |amount| Call::Withdraw { asset: Address::ZERO, to: receiver, amount };
    assert_eq!(world.b.fail(withdraw(601)).await, "the vault holds less");
    assert_eq!(world.b.fail(withdraw(600)).await, "the token, or the receiver, did not let the money move");
    world.a.ledger("closed", |seen| seen.head.phase == Phase::Closed).await;
}

#[tokio::test]
async fn a_lost_chain_is_told_once_and_found_again() {
    let mut world = World::start().await;
    let listen = world.server.addr();
    world.server.shutdown().await;
    world.a.until("offline", |node| (!node.offline.is_empty()).then_some(())).await;
    let server = Server::start(Config { listen, ..quiet() }).await.expect("starts again");
    // It is believed again only with the contract on it.
    let deployed = deploy(&server.url(), &owner(9)).await.expect("deploys");
    assert_eq!(deployed.address, world.config.adjudicator);
    world.a.until("online", |node| (node.offline.last() == Some(&false)).then_some(())).await;
    assert_eq!(world.a.offline, [true, false]);
    world.a.until("the new chain", |node| (node.head.number == 1).then_some(())).await;
}

#[tokio::test]
async fn a_chain_without_the_contract_is_no_view() {
    let mut world = World::open().await;
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        // Deployment, open and confirm.
        chain.reorg(3).expect("drops");
        for step in 1..=9 {
            chain.mine(time + step).expect("mines");
        }
    });
    world.b.until("offline", |node| (node.offline == [true]).then_some(())).await;
    assert!(world.b.ledgers.values().all(|seen| seen.head.phase == Phase::Open));
}
