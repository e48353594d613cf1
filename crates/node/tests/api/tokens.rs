//! Tokens with scopes and limits, and receipts for payments with a reference.

use super::calls::refusal;
use super::events::{pair, pay};
use super::support::{ETH, Running, World, applied, http_get, until};
use perunika_client::types::{
    Close, EventKind, Fetch, NewToken, OpenChannel, Pay, Reference, Scope, Serve, Source, Wei,
};
use perunika_client::{Client, fresh_key};
use perunika_core::budget::Limits;
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::{Address, B256};

async fn token(node: &Running, wish: NewToken) -> (Client, String) {
    let made = node.api.make_token(&wish).await.unwrap();
    (Client::new(&node.node.api_url(), &made.secret), made.token.id)
}

fn payer(per_day: u128) -> NewToken {
    NewToken {
        name: "shop".into(),
        scopes: vec![Scope::Pay, Scope::Read],
        per_day: Some(Wei(per_day)),
        ..NewToken::default()
    }
}

async fn spent(node: &Running, id: &str) -> u128 {
    let tokens = node.api.tokens().await.unwrap();
    tokens.iter().find(|token| token.id == id).map(|token| token.spent.0).expect("the token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_does_what_its_scopes_say_and_nothing_else() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    let reader = NewToken { name: "reader".into(), scopes: vec![Scope::Read], ..NewToken::default() };
    let (reader, id) = token(&node, reader).await;
    reader.info().await.unwrap();
    reader.channels().await.unwrap();
    let key = fresh_key();
    let open = OpenChannel {
        peer: Address::ZERO,
        asset: Address::ZERO,
        amount: Wei(1),
        peer_amount: Wei(0),
        lane: 0,
        from: Some(Source::Wallet),
        peer_sends: false,
        wait_s: None,
    };
    let refused = [
        refusal(reader.open_channel(&open, &key).await.unwrap_err()),
        refusal(reader.pay_channel(B256::ZERO, &pay(1), &key).await.unwrap_err()),
        refusal(reader.close_channel(B256::ZERO, &Close::default(), &key).await.unwrap_err()),
        refusal(reader.add_peer("x").await.unwrap_err()),
        refusal(reader.evidence(B256::ZERO).await.unwrap_err()),
        refusal(reader.tokens().await.unwrap_err()),
        refusal(reader.acknowledge(0).await.unwrap_err()),
        refusal(reader.make_token(&payer(1)).await.unwrap_err()),
    ];
    for (status, code, message) in refused {
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{message}");
    }
    let bad = [
        NewToken { name: String::new(), ..payer(1) },
        NewToken { scopes: vec![], ..payer(1) },
        NewToken { scopes: vec![Scope::Admin], ..payer(1) },
        NewToken { peers: vec![Address::ZERO; 257], ..payer(1) },
    ];
    for wish in bad {
        assert_eq!(refusal(node.api.make_token(&wish).await.unwrap_err()).0, 400, "{wish:?}");
    }
    let over = NewToken { expires: Some(1), ..payer(1) };
    let (over, _) = token(&node, over).await;
    assert_eq!(refusal(over.info().await.unwrap_err()).0, 401);

    let node = node.restart().await;
    let made: Vec<String> = node.api.tokens().await.unwrap().into_iter().map(|token| token.id).collect();
    assert_eq!((made.len(), made.contains(&id)), (2, true));
    node.api.revoke_token(&id).await.unwrap();
    assert_eq!(refusal(node.api.revoke_token(&id).await.unwrap_err()).0, 404);
    let node = node.restart().await;
    assert_eq!(node.api.tokens().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_holds_for_parallel_payments_and_over_a_restart() {
    let world = World::new(2).await;
    let (alice, bob, ch) = pair(&world).await;
    let (shop, id) = token(&alice, payer(10)).await;
    let calls = (0..25).map(|_| {
        let shop = shop.clone();
        async move { shop.pay_channel(ch, &pay(1), &fresh_key()).await }
    });
    let answers = futures::future::join_all(calls).await;
    let (paid, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((paid.len(), refused.len()), (10, 15));
    for error in refused {
        let (status, code, message) = refusal(error.unwrap_err());
        assert_eq!((status, code.as_str()), (403, "limit"), "{message}");
    }
    assert_eq!((spent(&alice, &id).await, bob.api.channel(ch).await.unwrap().mine), (10, Wei(10)));
    // The same key gives the same answer and counts once; keys of another token are other keys.
    let key = fresh_key();
    assert_eq!(refusal(shop.pay_channel(ch, &pay(1), &key).await.unwrap_err()).1, "limit");
    applied(alice.api.pay_channel(ch, &pay(1), &key).await.unwrap());

    let secret = alice.api.make_token(&payer(3)).await.unwrap();
    let alice = alice.restart().await;
    alice.connect(&bob).await;
    let shop = Client::new(&alice.node.api_url(), &secret.secret);
    let key = fresh_key();
    let first = shop.pay_channel(ch, &pay(3), &key).await.unwrap();
    assert_eq!(shop.pay_channel(ch, &pay(3), &key).await.unwrap(), first);
    assert_eq!(refusal(shop.pay_channel(ch, &pay(1), &fresh_key()).await.unwrap_err()).1, "limit");
    assert_eq!((spent(&alice, &id).await, spent(&alice, &secret.token.id).await), (10, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_comes_back_in_a_receipt_that_anybody_can_check() {
    let world = World::new(2).await;
    let (alice, bob, ch) = pair(&world).await;
    let reference = Reference::parse("order 17").unwrap();
    let wish = Pay { countersign: true, reference: Some(reference.clone()), ..pay(5) };
    let key = fresh_key();
    let done = alice.api.pay_channel(ch, &wish, &key).await.unwrap();
    let receipt = done.receipt.clone().unwrap();
    assert_eq!((receipt.amount, &receipt.reference, receipt.signer), (Wei(5), &reference, bob.key()));
    assert_eq!((done.countersigned, done.version), (Some(true), Some(receipt.version)));
    assert!(receipt.verify());
    for other in [Wei(4), Wei(6)] {
        assert!(!perunika_client::types::Receipt { amount: other, ..receipt.clone() }.verify());
    }
    assert_eq!(alice.api.pay_channel(ch, &wish, &key).await.unwrap(), done, "the same key shows the same receipt");
    assert!(alice.api.pay_channel(ch, &pay(5), &fresh_key()).await.unwrap().receipt.is_none());

    let (_, metrics) = http_get(&alice.node.api_url(), "/metrics", Some(alice.node.token())).await;
    assert!(metrics.contains("\nperunika_payments_sent_wei_total 10\n"), "{metrics}");

    let seen = |kinds: Vec<EventKind>| {
        kinds.into_iter().any(|kind| {
            matches!(kind, EventKind::PaymentReceived { amount: Wei(5), reference: Some(r), .. } if r == reference)
        })
    };
    let kinds = |page: Vec<perunika_client::types::Event>| page.into_iter().map(|event| event.kind).collect();
    assert!(seen(kinds(bob.api.events_page(None, None).await.unwrap().items)));
    let alices: Vec<EventKind> = kinds(alice.api.events_page(None, None).await.unwrap().items);
    assert!(alices.contains(&EventKind::ReceiptReceived { receipt }));

    let info = bob.api.channel(ch).await.unwrap();
    assert_eq!((info.claimable_now, info.deadline), (Wei(10), None));
    until(|| async { alice.api.channel(ch).await.unwrap().claimable_now == Wei(ETH - 10) }).await;
}

/// A node with a token, which reads and writes in `[shop]`'s folders only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_touches_only_the_files_that_the_owner_named() {
    let world = World::new(2).await;
    let place = tempfile::tempdir().unwrap();
    let at = place.path().canonicalize().unwrap();
    for folder in ["shop", "inbox"] {
        std::fs::create_dir(at.join(folder)).unwrap();
    }
    for file in ["film", "shop/film"] {
        std::fs::write(at.join(file), b"a film").unwrap();
    }
    let named = |config: String| {
        config
            .replace("#serve_from = []", &format!("serve_from = [{:?}]", at.join("shop")))
            .replace("#download_to = []", &format!("download_to = [{:?}]", at.join("inbox")))
    };
    let (alice, bob) = (world.start_with(0, named).await, world.start(1, false).await);
    let trader = NewToken { name: "trader".into(), scopes: vec![Scope::Serve, Scope::Pay], ..NewToken::default() };
    let deputy = NewToken { name: "deputy".into(), scopes: vec![Scope::Admin], ..NewToken::default() };
    let ((trader, _), (deputy, _)) = (token(&alice, trader.clone()).await, token(&alice, deputy).await);
    let (strict, _) =
        token(&bob, NewToken { name: "t".into(), scopes: vec![Scope::Serve], ..NewToken::default() }).await;
    let sell = |path: std::path::PathBuf| Serve {
        path: path.display().to_string(),
        price: Wei(1),
        asset: Address::ZERO,
        chunk_bytes: 100,
    };
    let home = alice.folder.path().to_owned();

    for owner in [&alice.api, &deputy] {
        for path in [home.join("api.token"), home.join("keystore.json"), home.join("data/../api.token")] {
            let (status, _, message) = refusal(owner.serve(&sell(path)).await.unwrap_err());
            assert!(status == 422 && message.contains("own folder"), "{status} {message}");
        }
        owner.serve(&sell(at.join("film"))).await.unwrap();
    }
    trader.serve(&sell(at.join("shop/film"))).await.unwrap();
    for path in [at.join("film"), at.join("shop/../film"), home.join("api.token")] {
        let (status, _, message) = refusal(trader.serve(&sell(path)).await.unwrap_err());
        assert!(status == 422 && message.contains("serve_from"), "{status} {message}");
    }
    // Nothing is named by default.
    let message = refusal(strict.serve(&sell(at.join("shop/film"))).await.unwrap_err()).2;
    assert!(message.contains("serve_from"), "{message}");

    let offer = bob.api.serve(&sell(at.join("film"))).await.unwrap().offer;
    let buy = |path: std::path::PathBuf| Fetch {
        offer: offer.clone(),
        output: path.display().to_string(),
        channel: None,
        renew_fee_max: None,
    };
    for owner in [&alice.api, &deputy] {
        let message = refusal(owner.fetch(&buy(home.join("new")), &fresh_key()).await.unwrap_err()).2;
        assert!(message.contains("own folder"), "{message}");
    }
    alice.api.fetch(&buy(at.join("new")), &fresh_key()).await.unwrap();
    trader.fetch(&buy(at.join("inbox/new")), &fresh_key()).await.unwrap();
    for path in [at.join("other"), at.join("inbox/../other"), home.join("other")] {
        let message = refusal(trader.fetch(&buy(path), &fresh_key()).await.unwrap_err()).2;
        assert!(message.contains("download_to"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_without_a_token_does_not_outlive_a_start() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    let (_, kept) = token(&node, payer(5)).await;
    // What an end in the middle of making a token, or revoking one, may leave behind.
    let orphan = Command::SetBudget { budget: B256::repeat_byte(7), limits: Some(Limits::default()) };
    assert_eq!(node.node.engine().command(orphan).await.unwrap(), Reply::Done);
    let budgets = async |node: &Running| node.node.engine().query(|participant| participant.budgets()).await.unwrap();
    assert_eq!(budgets(&node).await.len(), 2);
    let node = node.restart().await;
    until(|| async { !budgets(&node).await.contains(&B256::repeat_byte(7)) }).await;
    assert_eq!(budgets(&node).await.len(), 1);
    node.api.revoke_token(&kept).await.unwrap();
    assert!(budgets(&node).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_ends_with_its_last_second_whoever_spends_on_it() {
    let world = World::new(2).await;
    let (alice, _bob, ch) = pair(&world).await;
    let engine = alice.node.engine();
    // A download begun before goes on spending like this, without a call.
    for (last, paid) in [(u64::MAX, true), (1, false)] {
        let budget = B256::repeat_byte(7);
        let limits = Some(Limits { expires: Some(last), ..Limits::default() });
        assert_eq!(engine.command(Command::SetBudget { budget, limits }).await.unwrap(), Reply::Done);
        let pay = Command::Pay { ch, amount: 1, cosign: false, reference: Vec::new() };
        let reply = engine.command(Command::Within { budget, command: Box::new(pay) }).await.unwrap();
        match reply {
            Reply::Refused(Fault::Limit(why)) => assert!(!paid && why.contains("expired"), "{why}"),
            other => assert!(paid && matches!(other, Reply::Delivered { .. } | Reply::Applied { .. }), "{other:?}"),
        }
    }
}
