//! Tokens with scopes and limits, and receipts for payments with a reference.

use super::calls::refusal;
use super::events::{pair, pay};
use super::support::{ETH, Running, World, applied, until};
use perunika_client::types::{Close, EventKind, NewToken, OpenChannel, Pay, Reference, Scope, Wei};
use perunika_client::{Client, fresh_key};
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
    let open = OpenChannel { peer: Address::ZERO, amount: Wei(1), peer_amount: Wei(0), lane: 0, wait_s: None };
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
