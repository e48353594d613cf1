//! Nanocontracts between real nodes: a whole game in a virtual channel over two hubs, and each of the four through the chain.

#![allow(clippy::unwrap_used)]

#[path = "support/nanos.rs"]
mod play;
mod support;

use alloy_primitives::keccak256;
use perunika_apps::tic_tac_toe::{Naive, Perfect};
use perunika_apps::{App, Player, coin_toss, hash_chain, hash_lock, tic_tac_toe};
use perunika_client::types::{AnswerNano, Close, HandNano, NewToken, OpenVirtual, Scope, Wei};
use perunika_client::{Client, ClientError, NanoName, fresh_key};
use perunika_core::info::{NanoStage, VirtualStage};
use perunika_core::message::NanoTerms;
use perunika_core::params::Side;
use perunika_core::{Address, B256};
use play::{Pair, input, offer, play, play_until, step};
use support::{ETH, Running, World, applied, open_channels, until};

/// Above what the longest dispute of any of the four costs at the nodes' price of gas.
const STAKE: u128 = ETH / 10;

async fn four_nodes(world: &World) -> [Running; 4] {
    let (alice, first) = (world.start(0, false).await, world.start(1, true).await);
    let (second, bob) = (world.start(2, true).await, world.start_with(3, play::agrees_with_all).await);
    for (one, other) in [(&alice, &first), (&first, &second), (&second, &bob)] {
        one.connect(other).await;
        one.open_channel(other.key(), 10 * ETH, 10 * ETH).await;
    }
    alice.connect(&bob).await;
    for (node, channels) in [(&first, 2), (&second, 2), (&bob, 1)] {
        until(|| async { open_channels(node).await == channels }).await;
    }
    [alice, first, second, bob]
}

async fn virtual_channel([alice, first, second, bob]: [&Running; 4]) -> B256 {
    let open = OpenVirtual {
        hubs: vec![first.key(), second.key()],
        peer: bob.key(),
        amount: Wei(ETH),
        peer_amount: Wei(ETH),
        asset: Address::ZERO,
        term: None,
        fee_max: Wei(ETH),
        wait_s: Some(100),
        renew: false,
    };
    let vc = applied(alice.api.open_virtual(&open, &fresh_key()).await.unwrap());
    until(|| async { bob.api.virtual_channel(vc).await.is_ok_and(|v| v.stage == VirtualStage::Active) }).await;
    vc
}

async fn transactions(nodes: &[Running; 4]) -> usize {
    let mut sum = 0;
    for node in nodes {
        sum += node.api.transactions().await.unwrap().len();
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_over_two_hubs_is_played_to_its_end_and_closed_without_a_transaction() {
    let world = World::new(4).await;
    let nodes = four_nodes(&world).await;
    let before = transactions(&nodes).await;
    let [alice, first, second, bob] = &nodes;
    let vc = virtual_channel([alice, first, second, bob]).await;
    let terms = tic_tac_toe::terms(STAKE, STAKE, Side::A).unwrap();
    let nid = offer(alice, vc, Side::A, &terms, App::TicTacToe).await;
    until(|| async { bob.api.nano(vc, nid).await.is_ok_and(|nano| nano.stage == NanoStage::Open) }).await;
    // The hubs know nothing of it.
    assert!(first.api.nanos().await.unwrap().is_empty());
    let pair = Pair { channel: vc, nid, nodes: [alice, bob] };
    assert_eq!(play(&pair, [&Perfect, &Naive]).await, 7);
    // Who has won has the stake of the other, in the virtual channel and then in the ledger channels.
    let (a, b) = (ETH + STAKE, ETH - STAKE);
    until(|| async { alice.api.virtual_channel(vc).await.unwrap().mine == Some(Wei(a)) }).await;
    until(|| async { bob.api.virtual_channel(vc).await.unwrap().mine == Some(Wei(b)) }).await;
    until(|| async { alice.api.nanos().await.unwrap().is_empty() && bob.api.nanos().await.unwrap().is_empty() }).await;
    let close = Close { force: false, wait_s: Some(100) };
    applied(bob.api.close_virtual(vc, &close, &fresh_key()).await.unwrap());
    until(|| async { bob.api.channels().await.unwrap()[0].mine == Wei(10 * ETH - STAKE) }).await;
    assert_eq!(transactions(&nodes).await, before);
}

/// A ledger channel of two, and how to end it by the chain.
async fn two_nodes(world: &World) -> (Running, Running, B256) {
    let alice = world.start(0, false).await;
    let bob = world.start_with(1, play::agrees_with_all).await;
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, ETH).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    (alice, bob, ch)
}

/// Bob is gone. Time passes until the chain has decided; alice must have gained exactly `gain` wei, gas apart.
async fn decided(world: &World, alice: &Running, (ch, gain): (B256, i128), play: impl AsyncFn()) {
    // Every account begins with 100 ether.
    let wanted = 100 * i128::try_from(ETH).unwrap() + gain;
    play::pass_time(world, alice, ch, play).await;
    let names: Vec<String> = alice.api.transactions().await.unwrap().into_iter().map(|t| t.name).collect();
    if tokio::time::timeout(std::time::Duration::from_secs(20), until(|| async { alice.worth(world).await == wanted }))
        .await
        .is_err()
    {
        let all = alice.api.transactions().await.unwrap();
        panic!("worth {} wanted {wanted}: {all:#?}", alice.worth(world).await);
    }
    for name in ["register", "registerNano", "conclude"] {
        assert!(names.iter().any(|n| n == name), "{name} is not among {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tic_tac_toe_by_force_takes_the_stake_of_who_left() {
    let world = World::new(2).await;
    let (alice, bob, ch) = two_nodes(&world).await;
    let terms = tic_tac_toe::terms(STAKE, STAKE, Side::A).unwrap();
    let nid = offer(&alice, ch, Side::A, &terms, App::TicTacToe).await;
    until(|| async { bob.api.nano(ch, nid).await.is_ok_and(|nano| nano.stage == NanoStage::Open) }).await;
    let pair = Pair { channel: ch, nid, nodes: [&alice, &bob] };
    play_until(&pair, [&Perfect, &Naive], 2).await;
    bob.node.shutdown().await.unwrap();
    let input = input(&alice, ch, nid, &Perfect).await;
    // Nobody answers; after a second it goes to the chain.
    let forced = tokio::spawn({
        let api = alice.api.clone();
        async move { step(&api, ch, nid, input, Some(1)).await }
    });
    decided(&world, &alice, (ch, STAKE as i128), async || {}).await;
    forced.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coin_toss_by_force_opens_what_was_committed_to() {
    let world = World::new(2).await;
    let (alice, bob, ch) = two_nodes(&world).await;
    let terms = coin_toss::terms(1, STAKE).unwrap();
    let nid = offer(&alice, ch, Side::A, &terms, App::CoinToss).await;
    until(|| async { bob.api.nano(ch, nid).await.is_ok_and(|nano| nano.stage == NanoStage::Open) }).await;
    // A seed with which alice wins the toss: whoever has lost gains nothing by the chain.
    let theirs = coin_toss::Tosser::new(B256::repeat_byte(2));
    let mine = (1..=9).map(|byte| coin_toss::Tosser::new(B256::repeat_byte(byte)));
    let mine = mine.into_iter().find(|mine| mine.hidden(0).bit == theirs.hidden(0).bit).unwrap();
    play_until(&Pair { channel: ch, nid, nodes: [&alice, &bob] }, [&mine, &theirs], 2).await;
    bob.node.shutdown().await.unwrap();
    play::prepare(&alice, ch, nid, vec![input(&alice, ch, nid, &mine).await]).await;
    play::force(&alice, ch).await;
    decided(&world, &alice, (ch, STAKE as i128), async || {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_lock_by_force_pays_for_the_secret() {
    let world = World::new(2).await;
    let (alice, bob, ch) = two_nodes(&world).await;
    let secret = B256::repeat_byte(9);
    let deadline = alice.api.info().await.unwrap().chain_time + 100_000;
    let until = hash_lock::Until::new(deadline, 60).unwrap();
    let lock = hash_lock::Lock { hash: keccak256(secret), amount: STAKE, payer: Side::B, until };
    let nid = offer(&alice, ch, Side::A, &hash_lock::terms(lock).unwrap(), App::HashLock).await;
    bob.node.shutdown().await.unwrap();
    let input = hash_lock::Payee::new(secret).input(Side::A, &lock.encode()).unwrap().unwrap();
    play::prepare(&alice, ch, nid, vec![input]).await;
    play::force(&alice, ch).await;
    decided(&world, &alice, (ch, STAKE as i128), async || {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_chain_by_force_pays_the_newest_preimage_that_was_handed_over() {
    let world = World::new(2).await;
    let (alice, bob, ch) = two_nodes(&world).await;
    let payer = hash_chain::Payer::new(B256::repeat_byte(5), 100).unwrap();
    let price = STAKE / 50;
    let terms = hash_chain::terms(payer.anchor(), price, 100, Side::B, 2).unwrap();
    let nid = offer(&alice, ch, Side::A, &terms, App::HashChain).await;
    let name = NanoName { channel: ch, nid };
    for paid in [1, 2, 7] {
        let body = HandNano { input: payer.pay(paid).unwrap().into(), wait_s: Some(100) };
        bob.api.hand_nano(name, &body, &fresh_key()).await.unwrap();
    }
    bob.node.shutdown().await.unwrap();
    play::force(&alice, ch).await;
    // Nobody is asked anything: what was handed over is enough.
    decided(&world, &alice, (ch, 7 * price as i128), async || {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_waits_for_the_owner_unless_the_settings_agree() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, ETH).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    for (refuse, agreed) in [(Some("not today".to_string()), false), (None, true)] {
        let terms = tic_tac_toe::terms(STAKE, STAKE, Side::B).unwrap();
        let offered = tokio::spawn({
            let api = alice.api.clone();
            async move { play::try_offer(&api, ch, Side::A, &terms, App::TicTacToe).await }
        });
        until(|| async { bob.api.nanos().await.unwrap().len() == 1 }).await;
        let nano = bob.api.nanos().await.unwrap().remove(0);
        assert_eq!((nano.stage, nano.app.as_deref()), (NanoStage::Offered, Some("tic-tac-toe")));
        let body = AnswerNano { refuse, wait_s: Some(100) };
        bob.api.answer_nano(NanoName { channel: ch, nid: nano.nid }, &body, &fresh_key()).await.unwrap();
        match (offered.await.unwrap(), agreed) {
            (Ok(done), true) => assert_eq!(done.nid, Some(nano.nid)),
            (Err(ClientError::Refused { status, message, .. }), false) => {
                assert!(status == 502 && message == "not today", "{status} {message}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

/// What takes the stake of a B that agrees without looking, A having proposed it.
fn made_up() -> [(App, NanoTerms); 4] {
    let chain = hash_chain::terms(B256::repeat_byte(5), STAKE / 50, 100, Side::B, hash_chain::steps(100)).unwrap();
    let game = tic_tac_toe::terms(STAKE, STAKE, Side::A).unwrap();
    // A has two in a row, and moves.
    let begun = tic_tac_toe::Board { stake_a: STAKE, a: 0x003, b: 0x018 }.encode();
    // Nobody loses, and A gets everything.
    let drawn = tic_tac_toe::Board { stake_a: 2 * STAKE, a: 0, b: 0 }.encode();
    // A knows what it committed to, if anything.
    let tosses = coin_toss::Tosses { commitment: Some(B256::repeat_byte(1)), ..coin_toss::Tosses::new(1) };
    let coin = NanoTerms { storage: tosses.encode(), ..coin_toss::terms(1, STAKE).unwrap() };
    [
        (App::HashChain, chain),
        (App::TicTacToe, NanoTerms { storage: begun, ..game.clone() }),
        (App::TicTacToe, NanoTerms { storage: drawn, ..game }),
        (App::CoinToss, coin),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_fair_offers_are_agreed_to_without_the_owner() {
    let world = World::new(2).await;
    let alice = world.start(0, false).await;
    let bob = world.start_with(1, play::agrees_with_what_is_fair).await;
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, ETH).await;
    until(|| async { open_channels(&bob).await == 1 }).await;
    let offered = async || {
        let nanos = bob.api.nanos().await.unwrap();
        nanos.iter().filter(|nano| nano.stage == NanoStage::Offered).count()
    };
    let mut waiting = Vec::new();
    for (app, terms) in made_up() {
        let api = alice.api.clone();
        waiting.push(tokio::spawn(async move { play::try_offer(&api, ch, Side::A, &terms, app).await }));
        until(|| async { offered().await == waiting.len() }).await;
    }
    // Bob judges offers one after the other: what is open by now came behind all that wait.
    let fair = tic_tac_toe::terms(STAKE, STAKE, Side::A).unwrap();
    let nid = offer(&alice, ch, Side::A, &fair, App::TicTacToe).await;
    until(|| async { bob.api.nano(ch, nid).await.is_ok_and(|nano| nano.stage == NanoStage::Open) }).await;
    assert_eq!(offered().await, waiting.len());
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_limits_gets_around_them_by_no_nanocontract() {
    let world = World::new(2).await;
    let (alice, bob, ch) = two_nodes(&world).await;
    let terms = tic_tac_toe::terms(STAKE, STAKE, Side::A).unwrap();
    let nid = offer(&alice, ch, Side::A, &terms, App::TicTacToe).await;
    let scopes = vec![Scope::Read, Scope::Pay, Scope::Open, Scope::Close];
    let limited = NewToken { name: "guest".into(), scopes, per_payment: Some(Wei(ETH)), ..NewToken::default() };
    let free = NewToken { per_payment: None, ..limited.clone() };
    let guest = async |wish: &NewToken| {
        let made = alice.api.make_token(wish).await.unwrap();
        Client::new(&alice.node.api_url(), &made.secret)
    };
    let (limited, free) = (guest(&limited).await, guest(&free).await);
    let said = |error: ClientError| match error {
        ClientError::Refused { status: 403, code, message } => (code, message),
        other => panic!("{other}"),
    };
    let (code, message) = said(play::try_offer(&limited, ch, Side::A, &terms, App::TicTacToe).await.unwrap_err());
    assert!(code == "limit" && message.contains("limits"), "{code} {message}");
    assert_eq!(said(play::try_step(&limited, ch, nid, tic_tac_toe::place(4), None).await.unwrap_err()).0, "limit");
    assert_eq!(limited.nano(ch, nid).await.unwrap().steps_left, 9);
    play::try_step(&free, ch, nid, tic_tac_toe::place(4), None).await.unwrap();
    let again = play::try_step(&free, ch, nid, tic_tac_toe::place(4), None).await.unwrap_err();
    assert!(matches!(&again, ClientError::Refused { status: 422, message, .. } if message.contains("turn")), "{again}");
    let illegal = play::try_step(&bob.api, ch, nid, tic_tac_toe::place(4), None).await.unwrap_err();
    assert!(matches!(&illegal, ClientError::Refused { status: 422, .. }), "{illegal}");
}
