//! Nodes that lag, restart, forget and lie (S39), and reorganisations of every depth (S38).

use crate::proxy::{Faults, Proxy};
use crate::world::{DEPOSIT_A, Node, World, auto_mine, quiet};
use alloy::consensus::Transaction;
use alloy::primitives::{Bytes, U256};
use perunika_chain::{ChainConfig, ChainOutput};
use perunika_core::B256;
use perunika_core::chain::{Block, Call, Phase, TxOutcome, Watch};
use perunika_core::params::ChannelParams;
use perunika_core::sig::RawKey;
use perunika_devnet::{Config, Patch, Server, dev_address};
use std::time::{Duration, Instant};

/// A world, and one more node that sees it through a proxy.
async fn through_proxy(change: impl FnOnce(&mut ChainConfig)) -> (World, Proxy, Node) {
    let world = World::start().await;
    let proxy = Proxy::start(&world.server.url()).await;
    let mut config = ChainConfig { rpc_url: proxy.url.clone(), ..world.config.clone() };
    change(&mut config);
    let mut node = Node::start(config, 3).await;
    node.chain.watch(Watch::Ledger(world.params));
    node.ledger("the virgin slot", |seen| seen.head.phase == Phase::Virgin).await;
    (world, proxy, node)
}

fn open(world: &World) -> Call {
    Call::Open { params: world.params, nonce: 0, value: DEPOSIT_A }
}

/// The channel of development account 3 with B, which the node behind the proxy opens.
fn own_params(world: &World, node: &Node) -> ChannelParams {
    let mut params = world.params;
    (params.a.owner, params.a.key) = (node.chain.owner(), node.key.address());
    params
}

fn head(world: &World) -> u64 {
    world.server.with_chain(|chain| chain.height())
}

/// Transactions of an account that are in blocks.
fn included(world: &World, node: &Node) -> u64 {
    world.server.with_chain(|chain| chain.nonce(node.chain.owner(), chain.head().hash).expect("known"))
}

async fn until_pool(world: &World, what: &str, holds: impl Fn(&[(u64, u128)]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let pool = pool(world);
        if holds(&pool) {
            return;
        }
        assert!(Instant::now() < deadline, "never: {what}; the pool holds {pool:?}");
        tokio::task::yield_now().await;
    }
}

/// Nonce and fee of what waits.
fn pool(world: &World) -> Vec<(u64, u128)> {
    world.server.with_chain(|chain| chain.pool().map(|tx| (tx.tx.nonce(), tx.tx.max_fee_per_gas())).collect())
}

#[tokio::test]
async fn s39_withheld_logs_hide_nothing() {
    for no_bloom in [false, true] {
        let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
        proxy.set(Faults { no_logs: true, no_bloom, ..Faults::default() });
        world.a.succeed(open(&world)).await;
        let seen = node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
        assert_eq!(seen.head.dep_a, DEPOSIT_A);
        world.b.succeed(world.confirm()).await;
        node.ledger("open", |seen| seen.head.phase == Phase::Open).await;
        world.pass(1);
        node.ledger("final", |seen| seen.settled.phase == Phase::Open).await;
    }
}

#[tokio::test]
async fn s39_a_node_without_events_still_shows_the_version_of_a_dispute() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    world.a.succeed(open(&world)).await;
    world.b.succeed(world.confirm()).await;
    world.b.ledger("open", |seen| seen.head.phase == Phase::Open).await;
    proxy.set(Faults { no_logs: true, ..Faults::default() });
    let state = world.state(4, 1);
    world.a.succeed(world.register(state)).await;
    let dispute = node.dispute(4).await;
    assert_eq!(dispute.state, None, "only the event has it");
}

#[tokio::test]
async fn s39_a_lagging_node_takes_nothing_back() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    let old = head(&world);
    world.a.succeed(open(&world)).await;
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    proxy.set(Faults { frozen_at: Some(old), ..Faults::default() });
    // It says that it is out of date rather than go back to a view of the past.
    node.until("offline", |node| (node.offline == [true]).then_some(())).await;
    assert!(node.ledgers.values().all(|seen| seen.head.phase == Phase::Funding));
    assert!(node.head.number > old);
    proxy.set(Faults::default());
    world.pass(1);
    node.ledger("final", |seen| seen.settled.phase == Phase::Funding).await;
    assert_eq!(node.offline, [true, false]);
}

#[tokio::test]
async fn s39_backends_of_different_heights_are_one_chain() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    let mut numbers = Vec::new();
    for step in 0..12 {
        proxy.set(Faults { frozen_at: Some(head(&world)), every_second: true, ..Faults::default() });
        world.pass(1);
        if step == 3 {
            world.a.succeed(open(&world)).await;
        }
        let now = head(&world);
        node.until("the newest block", |node| (node.head.number == now).then_some(())).await;
        numbers.push(node.head.number);
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
    node.ledger("opened", |seen| seen.settled.phase == Phase::Funding).await;
    assert!(node.offline.is_empty(), "{:?}", node.offline);
}

#[tokio::test]
async fn s39_a_node_of_another_chain_after_a_restart_is_not_believed() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    world.a.succeed(open(&world)).await;
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    // The other chain has the same contract at the same address, and longer blocks; only its id tells.
    proxy.set(Faults { chain_id: Some(1), ..Faults::default() });
    world.reorg(1);
    let reason = node.offline_reason().await;
    assert!(reason.contains("has the id 1, but 31337 is configured"), "{reason}");
    assert!(node.ledgers.values().all(|seen| seen.head.phase == Phase::Funding));
    proxy.set(Faults::default());
    node.until("online", |node| (node.offline.last() == Some(&false)).then_some(())).await;
}

#[tokio::test]
async fn s39_other_code_at_the_adjudicator_is_not_believed() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    world.a.succeed(open(&world)).await;
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    proxy.set(Faults { code: Some(Bytes::from_static(&[0x00])), ..Faults::default() });
    world.reorg(1);
    let reason = node.offline_reason().await;
    assert!(reason.contains("is not the Adjudicator of this version"), "{reason}");
}

#[tokio::test]
async fn s39_blocks_that_do_not_link_are_not_believed() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    proxy.set(Faults { unlinked: true, ..Faults::default() });
    world.a.succeed(open(&world)).await;
    node.offline_reason().await;
    assert!(node.ledgers.values().all(|seen| seen.head.phase == Phase::Virgin));
    proxy.set(Faults::default());
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
}

#[tokio::test]
async fn s39_a_node_that_comes_and_goes_loses_nothing() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    let params = own_params(&world, &node);
    proxy.set(Faults { down: true, ..Faults::default() });
    let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
    node.offline_reason().await;
    world.a.succeed(open(&world)).await;
    proxy.set(Faults::default());
    let (outcome, _) = node.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    assert_eq!(included(&world, &node), 1);
}

#[tokio::test]
async fn s39_a_swallowed_transaction_is_handed_in_again() {
    let (world, proxy, mut node) = through_proxy(|_| ()).await;
    let params = own_params(&world, &node);
    proxy.set(Faults { swallow: true, ..Faults::default() });
    let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
    while !proxy.counts().calls.contains_key("eth_sendRawTransaction") {
        tokio::task::yield_now().await;
    }
    proxy.set(Faults::default());
    let (outcome, _) = node.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    assert_eq!(included(&world, &node), 1);
}

#[tokio::test]
async fn s39_a_receipt_that_vanishes_does_not_double_the_transaction() {
    let (world, proxy, mut node) = through_proxy(|_| ()).await;
    let params = own_params(&world, &node);
    let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
    node.end_of(key).await;
    proxy.set(Faults { no_receipts: true, ..Faults::default() });
    world.pass(1);
    world.pass(1);
    // With its receipt gone for good it counts as lost in the end; the wish can be uttered again and is refused by the contract.
    node.until("given up", |node| node.failure(key).map(drop)).await;
    node.chain.submit(key, Call::Open { params, nonce: 0, value: 5 }, None);
    node.until("refused", |node| node.ended.iter().any(|end| says(&end.2, "not in the phase")).then_some(())).await;
    proxy.set(Faults::default());
    assert_eq!(included(&world, &node), 1);
}

fn says(outcome: &TxOutcome, words: &str) -> bool {
    matches!(outcome, TxOutcome::Failed { reason } if reason.contains(words))
}

#[tokio::test]
async fn s39_a_wish_repeated_while_the_node_lags_is_sent_once() {
    let (world, proxy, mut node) = through_proxy(|config| config.finality_depth = 8).await;
    let (params, old) = (own_params(&world, &node), head(&world));
    let call = Call::Open { params, nonce: 0, value: 5 };
    let key = node.submit(call.clone());
    node.end_of(key).await;
    // Seen from before the inclusion the call would work again.
    proxy.set(Faults { frozen_at: Some(old), ..Faults::default() });
    node.chain.submit(key, call, None);
    node.until("reported again", |node| (node.ended.len() == 2).then_some(())).await;
    assert!(node.ended.iter().all(|end| matches!(end.2, TxOutcome::Mined { .. })), "{:?}", node.ended);
    proxy.set(Faults::default());
    world.pass(1);
    assert_eq!(included(&world, &node), 1);
}

/// Replaces the last blocks by empty ones, one more than before; the transactions are lost or wait in the pool.
fn reorganise(world: &World, depth: u64, lost: bool) {
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        let transactions = chain.reorg(depth).expect("drops");
        for step in 0..=depth {
            chain.mine(time + 1 + step).expect("mines");
        }
        for transaction in transactions.into_iter().filter(|_| !lost) {
            chain.resubmit(transaction).expect("is valid again");
        }
    });
}

#[tokio::test]
async fn s38_reorganisations_of_every_depth_are_corrected_and_deep_ones_are_told() {
    const FINAL: u64 = 3;
    for depth in 1..=7u64 {
        let (world, _proxy, mut node) = through_proxy(|config| config.finality_depth = FINAL).await;
        for _ in 0..4 {
            world.pass(1);
        }
        let params = own_params(&world, &node);
        node.chain.watch(Watch::Ledger(params));
        let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
        node.end_of(key).await;
        for _ in 1..depth {
            world.pass(1);
        }
        let (now, slot) = (head(&world), params.slot_key());
        node.until("the head", |node| (node.head.number == now).then_some(())).await;
        assert_eq!(node.ledgers[&slot].head.phase, Phase::Funding);
        auto_mine(&world.server, false).await;
        reorganise(&world, depth, depth % 2 == 0);
        node.until("undone", |node| (node.ledgers[&slot].head.phase == Phase::Virgin).then_some(())).await;
        assert_eq!(node.broken.len(), usize::from(depth > FINAL), "{depth} blocks");
        // Its sender repeats what was lost, once; what had been final only if it is asked to.
        if depth > FINAL {
            node.chain.submit(key, Call::Open { params, nonce: 0, value: 5 }, None);
        }
        until_pool(&world, "it waits again", |pool| pool.len() == 1).await;
        world.pass(1);
        node.until("done again", |node| (node.ledgers[&slot].head.phase == Phase::Funding).then_some(())).await;
        for _ in 0..=FINAL {
            world.pass(1);
        }
        node.until("final", |node| (node.ledgers[&slot].settled.phase == Phase::Funding).then_some(())).await;
        assert_eq!((included(&world, &node), pool(&world).len()), (1, 0), "{depth} blocks");
    }
}

#[tokio::test]
async fn s38_an_outcome_that_a_reorg_turns_around_is_reported_again() {
    let mut world = World::start().await;
    world.a.succeed(open(&world)).await;
    world.b.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
    let confirm = world.confirm();
    let key = world.b.submit(confirm);
    world.b.end_of(key).await;
    auto_mine(&world.server, false).await;
    // On the other branch A takes her deposit back before B confirms.
    let a = world.a.chain.owner();
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        let confirm = chain.reorg(1).expect("drops").remove(0);
        let refund = perunika_contracts::encode_call(&Call::Refund { params: world.params }, &world.domain, a);
        let refund = refund.expect("encodes");
        let to = Some(world.config.adjudicator);
        chain.send_unsigned(a, to, U256::ZERO, refund.data, 300_000).expect("is taken");
        chain.mine(time + 1).expect("mines");
        chain.resubmit(confirm).expect("is valid");
        chain.mine(time + 2).expect("mines");
    });
    let found = |node: &Node| node.ended.iter().any(|end| end.0 == key && says(&end.2, "reverted")).then_some(());
    world.b.until("the other end", found).await;
}

#[tokio::test]
async fn a_restarted_node_waits_for_what_it_sent_before() {
    let (world, proxy, mut node) = through_proxy(|_| ()).await;
    auto_mine(&world.server, false).await;
    let params = own_params(&world, &node);
    let call = Call::Open { params, nonce: 0, value: 5 };
    node.submit(call.clone());
    until_pool(&world, "sent", |pool| pool.len() == 1).await;
    drop(node);
    // The next run knows nothing of it and has the same wish.
    let config = ChainConfig { rpc_url: proxy.url.clone(), resend_after_ms: 10_000_000, ..world.config.clone() };
    let mut again = Node::start(config, 3).await;
    proxy.take_counts();
    let key = again.submit(call);
    while proxy.counts().calls.get("eth_getTransactionCount").is_none_or(|asked| *asked < 6) {
        tokio::task::yield_now().await;
    }
    assert_eq!(proxy.counts().calls.get("eth_sendRawTransaction"), None);
    world.pass(1);
    let (outcome, cost) = again.end_of(key).await;
    assert!(says(&outcome, "not in the phase") && cost.is_none(), "{outcome:?}");
    assert_eq!(included(&world, &again), 1);
}

#[tokio::test]
async fn a_restarted_node_replaces_what_is_stuck_under_its_nonce() {
    let (world, proxy, mut node) = through_proxy(|_| ()).await;
    auto_mine(&world.server, false).await;
    let params = own_params(&world, &node);
    let call = Call::Open { params, nonce: 0, value: 5 };
    node.submit(call.clone());
    // Outbid a few times, so that the next run meets a higher price than the usual one.
    let first = std::cell::Cell::new(0);
    until_pool(&world, "outbid", |pool| {
        let fee = pool.first().map_or(0, |tx| tx.1);
        first.set(if first.get() == 0 { fee } else { first.get() });
        fee > first.get() * 3 / 2
    })
    .await;
    drop(node);
    let config = ChainConfig { rpc_url: proxy.url.clone(), ..world.config.clone() };
    let mut again = Node::start(config, 3).await;
    let before = pool(&world)[0].1;
    let key = again.submit(call);
    until_pool(&world, "replaced", |pool| pool.len() == 1 && pool[0].1 > before).await;
    world.pass(1);
    let (outcome, _) = again.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    assert_eq!(included(&world, &again), 1);
}

#[tokio::test]
async fn a_gap_between_nonces_is_filled() {
    let (world, _proxy, mut node) = through_proxy(|_| ()).await;
    auto_mine(&world.server, false).await;
    let owner = node.chain.owner();
    // Somebody else with the same key sends first; a reorganisation takes that away for good, and ours waits above the gap.
    let foreign = world.server.with_chain(|chain| {
        let hash = chain.send_unsigned(owner, Some(owner), U256::ZERO, Bytes::new(), 21_000).expect("is taken");
        let time = chain.head().header.timestamp;
        chain.mine(time + 1).expect("mines");
        hash
    });
    let params = own_params(&world, &node);
    let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
    until_pool(&world, "sent", |pool| pool.iter().map(|tx| tx.0).collect::<Vec<_>>() == [1]).await;
    world.server.with_chain(|chain| {
        let time = chain.head().header.timestamp;
        chain.reorg(1).expect("drops");
        assert!(chain.receipt(foreign).is_none());
        chain.mine(time + 1).expect("mines");
    });
    until_pool(&world, "filled", |pool| pool.iter().map(|tx| tx.0).collect::<Vec<_>>() == [0, 1]).await;
    world.pass(1);
    let (outcome, _) = node.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    assert_eq!((included(&world, &node), node.ended.len()), (2, 1), "the filler is not reported");
}

#[tokio::test]
async fn rising_base_fees_are_followed_by_one_transaction() {
    let (world, _proxy, mut node) = through_proxy(|_| ()).await;
    auto_mine(&world.server, false).await;
    let params = own_params(&world, &node);
    let key = node.submit(Call::Open { params, nonce: 0, value: 5 });
    until_pool(&world, "sent", |pool| pool.len() == 1).await;
    let first = pool(&world)[0].1;
    // Blocks full of others, until the first offer is not enough.
    let (whale, burner) = (dev_address(7), alloy::primitives::Address::repeat_byte(0xbb));
    world.server.with_chain(|chain| {
        // An endless loop: JUMPDEST PUSH0 JUMP.
        chain.patch(Patch::Code { address: burner, code: Bytes::from_static(&[0x5b, 0x5f, 0x56]) });
        let owner = node.chain.owner();
        while u128::from(chain.next_base_fee()) <= first {
            let mine: Vec<_> = chain.pool().filter(|tx| tx.tx.signer() == owner).map(|tx| tx.hash).collect();
            // The miner does not like ours.
            mine.into_iter().for_each(|hash| drop(chain.forget(hash)));
            for _ in 0..3 {
                chain.send_unsigned(whale, Some(burner), U256::ZERO, Bytes::new(), 1 << 24).expect("is taken");
            }
            let time = chain.head().header.timestamp;
            chain.mine(time + 1).expect("mines");
        }
    });
    let base = world.server.with_chain(|chain| u128::from(chain.next_base_fee()));
    until_pool(&world, "outbid above the base fee", |pool| pool.len() == 1 && pool[0].1 > base).await;
    world.pass(1);
    let (outcome, _) = node.end_of(key).await;
    assert!(matches!(outcome, TxOutcome::Mined { .. }), "{outcome:?}");
    assert_eq!(included(&world, &node), 1);
}

#[tokio::test]
async fn s39_a_restarted_server_with_another_chain_is_another_chain() {
    let mut world = World::open().await;
    let listen = world.server.addr();
    world.server.shutdown().await;
    let _server = Server::start(Config { listen, chain_id: 5, ..quiet() }).await.expect("starts");
    let reason = world.a.offline_reason().await;
    assert!(!reason.is_empty());
    let balance = world.a.chain.balance(world.a.chain.owner()).await;
    assert!(balance.is_ok());
    assert!(world.a.ledgers.values().all(|seen| seen.head.phase == Phase::Open));
    assert_ne!(world.a.head, Block::default());
}

/// Objects that are watched at the same time in the tests of size.
const MANY: u16 = 5_000;

#[tokio::test]
async fn ten_thousand_objects_are_read_in_batches_and_cost_nothing_while_nothing_happens() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    proxy.take_counts();
    let lanes = (1..=MANY).map(|lane| ChannelParams { lane, ..world.params });
    let started = Instant::now();
    for params in lanes.clone() {
        node.chain.watch(Watch::Ledger(params));
        node.chain.watch(Watch::Escrow(params.id(&world.domain, 0)));
    }
    let all = usize::from(MANY);
    node.until("everything", |node| (node.ledgers.len() > all && node.escrows.len() == all).then_some(())).await;
    let (first, took) = (proxy.take_counts(), started.elapsed());
    println!("first reading of {} objects: {took:?}, {} requests", 2 * all, first.requests);
    assert!(first.requests < 2 * (2 * all / 100) + 50, "{} requests", first.requests);

    // One block after the other with nothing in it.
    const BLOCKS: usize = 10;
    let started = Instant::now();
    for _ in 0..BLOCKS {
        world.pass(1);
        let now = head(&world);
        node.until("the next block", |node| (node.head.number == now).then_some(())).await;
    }
    let (idle, took) = (proxy.take_counts(), started.elapsed());
    let looks = idle.calls["eth_getBlockByNumber"];
    println!("{BLOCKS} idle blocks: {took:?}, {} requests, {looks} of them for headers", idle.requests);
    assert!(idle.requests - looks <= 2 * BLOCKS, "{idle:?}");
    assert!(idle.calls["eth_call"] <= BLOCKS * (2 * all).div_ceil(128) + BLOCKS, "{idle:?}");

    // One event among ten thousand objects.
    let params = ChannelParams { lane: 77, ..world.params };
    world.a.succeed(Call::Open { params, nonce: 0, value: 3 }).await;
    node.until("opened", |node| (node.ledgers[&params.slot_key()].head.dep_a == 3).then_some(())).await;
    let one = proxy.take_counts();
    println!("one event: {} requests, {} calls", one.requests, one.calls["eth_call"]);
    assert!(one.calls["eth_call"] < 200, "{one:?}");

    // A small reorganisation costs little, too.
    auto_mine(&world.server, false).await;
    reorganise(&world, 1, true);
    node.until("undone", |node| (node.ledgers[&params.slot_key()].head.dep_a == 0).then_some(())).await;
    let reorg = proxy.take_counts();
    println!("a reorganisation: {} requests, {} calls", reorg.requests, reorg.calls["eth_call"]);
    assert!(reorg.calls["eth_call"] < 1_000, "{reorg:?}");
}

#[tokio::test]
async fn what_is_not_watched_any_more_is_not_read() {
    let (mut world, proxy, mut node) = through_proxy(|_| ()).await;
    let id: B256 = world.id();
    node.chain.watch(Watch::Escrow(id));
    node.until("the escrow", |node| node.escrows.get(&id).map(drop)).await;
    node.chain.unwatch(Watch::Ledger(world.params));
    node.chain.unwatch(Watch::Ledger(world.params));
    proxy.take_counts();
    world.a.succeed(open(&world)).await;
    let now = head(&world);
    let update = loop {
        if let ChainOutput::Update(update) = node.next().await
            && update.head.number == now
        {
            break update;
        }
    };
    assert!(update.ledgers.is_empty(), "{update:?}");
    // Watched again it is read at once.
    node.chain.watch(Watch::Ledger(world.params));
    node.ledger("opened", |seen| seen.head.phase == Phase::Funding).await;
}
