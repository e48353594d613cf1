//! Money in a real token, and out of the vault: two nodes on a chain of their own.

#![allow(clippy::unwrap_used)]

mod support;

use alloy_primitives::{Address, U256};
use perunika_client::types::{
    Approve, Close, Deposit, EstimateWish, EventKind, Fetch, FundVault, JobState, NewToken, OpenChannel, OpenVirtual,
    Pay, Scope, Serve, Source, Wei, Withdraw, WithdrawVault,
};
use perunika_client::{Client, ClientError, fresh_key};
use perunika_core::B256;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_node::folder::Folder;
use support::shop::finished;
use support::{ETH, Running, World, applied, http_get, open_channels, until};

/// One whole token.
const USDC: u128 = 1_000_000;

/// The owner of each node holds 100 of the token.
async fn pair(world: &World, token: Address, more: &str) -> [Running; 2] {
    let section = format!("\n[tokens.USDC]\naddress = \"{token}\"\ndecimals = 6\nggas_price = \"4 USDC\"\n{more}\n");
    let with = |text: String| format!("{text}{section}");
    let (alice, bob) = (world.start_with(0, with).await, world.start_with(1, with).await);
    for node in [&alice, &bob] {
        world.chain.mint(token, node.node.identity().owner, 100 * USDC).await;
    }
    alice.connect(&bob).await;
    [alice, bob]
}

fn opening(peer: Address, asset: Address, amount: u128, from: Source) -> OpenChannel {
    let (amount, peer_amount) = (Wei(amount), Wei(0));
    OpenChannel { peer, asset, amount, peer_amount, lane: 0, from: Some(from), peer_sends: false, wait_s: Some(100) }
}

fn refusal(error: ClientError) -> String {
    let ClientError::Refused { message, .. } = error else { panic!("{error}") };
    message
}

async fn open(node: &Running, body: &OpenChannel) -> B256 {
    applied(node.api.open_channel(body, &fresh_key()).await.unwrap())
}

async fn approve(node: &Running, asset: Address, amount: u128) {
    let body = Approve { asset, amount: Wei(amount), wait_s: Some(100) };
    node.api.approve(&body, &fresh_key()).await.unwrap();
}

async fn names(api: &Client) -> Vec<String> {
    api.transactions().await.unwrap().into_iter().map(|sent| sent.name).collect()
}

async fn close(node: &Running, ch: B256) {
    let body = Close { force: false, wait_s: Some(100) };
    applied(node.api.close_channel(ch, &body, &fresh_key()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_a_token_lives_from_one_transaction_to_the_last() {
    let world = World::new(2).await;
    let token = world.chain.token().await;
    let [alice, bob] = pair(&world, token, "").await;
    let owner = alice.node.identity().owner;

    // What is missing is said before anything is sent.
    let body = opening(bob.key(), token, 20 * USDC, Source::Wallet);
    let said = refusal(alice.api.open_channel(&body, &fresh_key()).await.unwrap_err());
    assert!(said.contains("may take 0 USDC") && said.contains("asset approve"), "{said}");
    let poor = opening(bob.key(), token, 20 * USDC, Source::Vault);
    let said = refusal(alice.api.open_channel(&poor, &fresh_key()).await.unwrap_err());
    assert!(said.contains("vault holds 0 USDC"), "{said}");
    assert!(names(&alice.api).await.is_empty());

    approve(&alice, token, 50 * USDC).await;
    let wish = EstimateWish::OpenChannel {
        peer: bob.key(),
        asset: token,
        amount: Wei(20 * USDC),
        peer_amount: Wei(0),
        from: Source::Wallet,
    };
    let estimate = alice.api.estimate(&wish).await.unwrap();
    assert!(estimate.gas > 60_000 && estimate.cost_wei.0 > 0 && !estimate.exact, "{estimate:?}");
    assert_eq!(names(&alice.api).await, ["approve"]);

    // Bob deposits nothing and sends nothing.
    let ch = open(&alice, &body).await;
    assert_eq!(names(&alice.api).await, ["approve", "openBoth"]);
    until(|| async { bob.api.channel(ch).await.is_ok_and(|channel| channel.stage == LedgerStage::Open) }).await;
    assert!(names(&bob.api).await.is_empty());
    let shown = alice.api.channel(ch).await.unwrap();
    assert_eq!((shown.id.asset, shown.symbol.as_deref(), shown.decimals), (token, Some("USDC"), Some(6)));
    assert_eq!((shown.deposit, shown.mine), (Wei(20 * USDC), Wei(20 * USDC)));

    let pay = Pay { amount: Wei(5 * USDC), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    let done = alice.api.pay_channel(ch, &pay, &fresh_key()).await.unwrap();
    assert_eq!(done.id.unwrap().asset, token);

    // More while it is open, once.
    let more = Deposit { amount: Wei(10 * USDC), from: Source::Wallet, wait_s: Some(100) };
    let key = fresh_key();
    let first = alice.api.deposit_channel(ch, &more, &key).await.unwrap();
    assert_eq!(alice.api.deposit_channel(ch, &more, &key).await.unwrap(), first);
    let shown = alice.api.channel(ch).await.unwrap();
    assert_eq!((shown.deposit, shown.mine, shown.uncounted), (Wei(30 * USDC), Wei(25 * USDC), Wei(0)));

    // Part of it leaves: to the account, and to the vault.
    let before = world.chain.holds(token, owner).await;
    let less = Withdraw { amount: Wei(7 * USDC), to: Source::Wallet, wait_s: Some(100) };
    alice.api.withdraw_channel(ch, &less, &fresh_key()).await.unwrap();
    assert_eq!(world.chain.holds(token, owner).await, before + U256::from(7 * USDC));
    let less = Withdraw { amount: Wei(3 * USDC), to: Source::Vault, wait_s: Some(100) };
    alice.api.withdraw_channel(ch, &less, &fresh_key()).await.unwrap();
    let vault = alice.api.vault().await.unwrap().into_iter().find(|vault| vault.asset == token).unwrap();
    assert_eq!(vault.amount, Wei(3 * USDC));
    let shown = alice.api.channel(ch).await.unwrap();
    assert_eq!((shown.deposit, shown.mine, shown.withdrawing), (Wei(20 * USDC), Wei(15 * USDC), None));

    close(&alice, ch).await;
    let out = WithdrawVault { asset: token, amount: Wei(3 * USDC), to: None, wait_s: Some(100) };
    alice.api.withdraw_vault(&out, &fresh_key()).await.unwrap();
    assert_eq!(world.chain.holds(token, owner).await, U256::from(95 * USDC));
    until(|| async { world.chain.holds(token, bob.node.identity().owner).await == U256::from(105 * USDC) }).await;

    let events = bob.api.events_page(None, Some(1_000)).await.unwrap().items;
    let in_token = |kind: &EventKind| match kind {
        EventKind::ChannelOpen { id } | EventKind::DepositsCounted { id, .. } | EventKind::Withdrawn { id, .. } => {
            assert_eq!((id.asset, id.channel), (token, ch));
            true
        }
        EventKind::PaymentReceived { id, amount, .. } => {
            assert_eq!((id.asset, *amount), (token, Wei(5 * USDC)));
            true
        }
        _ => false,
    };
    assert!(events.iter().filter(|event| in_token(&event.kind)).count() >= 6, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ether_out_of_the_vault_opens_and_tops_up() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    for node in [&alice, &bob] {
        let fund = FundVault { asset: Address::ZERO, amount: Wei(5 * ETH), wait_s: Some(100) };
        node.api.fund_vault(&fund, &fresh_key()).await.unwrap();
        until(|| async { node.api.vault().await.unwrap()[0].settled == Wei(5 * ETH) }).await;
    }
    // Both deposit, in Alice's transaction.
    let body = OpenChannel { peer_amount: Wei(2 * ETH), ..opening(bob.key(), Address::ZERO, 3 * ETH, Source::Vault) };
    let ch = open(&alice, &body).await;
    assert_eq!(names(&alice.api).await, ["fundVault", "openBoth"]);
    assert_eq!(names(&bob.api).await, ["fundVault"]);
    let vault = |node: &Running| {
        let api = node.api.clone();
        async move { api.vault().await.unwrap()[0].amount }
    };
    assert_eq!((vault(&alice).await, vault(&bob).await), (Wei(2 * ETH), Wei(3 * ETH)));
    let more = Deposit { amount: Wei(ETH), from: Source::Vault, wait_s: Some(100) };
    alice.api.deposit_channel(ch, &more, &fresh_key()).await.unwrap();
    assert_eq!((alice.api.channel(ch).await.unwrap().deposit, vault(&alice).await), (Wei(4 * ETH), Wei(ETH)));
    let said = refusal(
        alice.api.deposit_channel(ch, &Deposit { amount: Wei(2 * ETH), ..more }, &fresh_key()).await.unwrap_err(),
    );
    assert!(said.contains("the vault holds 1 ETH") && said.contains("vault fund"), "{said}");
    close(&alice, ch).await;
}

/// The owner signs as it is told, and the token takes it.
#[tokio::test(flavor = "multi_thread")]
async fn the_peer_deposits_a_token_in_the_same_transaction() {
    for way in ["permit", "eip3009", "allowance", "permit2"] {
        let world = World::new(2).await;
        let token = world.chain.token().await;
        let more = format!("deposit_max = \"50 USDC\"\nauthorisation = \"{way}\"");
        let [alice, bob] = pair(&world, token, &more).await;
        approve(&alice, token, 50 * USDC).await;
        if way == "allowance" {
            approve(&bob, token, 50 * USDC).await;
        }
        if way == "permit2" {
            world.chain.permit2(token, bob.node.identity().owner, 50 * USDC).await;
        }
        let sent = names(&bob.api).await;
        let body = OpenChannel { peer_amount: Wei(8 * USDC), ..opening(bob.key(), token, 20 * USDC, Source::Wallet) };
        let ch = open(&alice, &body).await;
        assert_eq!(names(&alice.api).await, ["approve", "openBoth"], "{way}");
        assert_eq!(names(&bob.api).await, sent, "{way}");
        assert_eq!(alice.api.channel(ch).await.unwrap().peer_deposit, Wei(8 * USDC));
        assert_eq!(world.chain.holds(token, bob.node.identity().owner).await, U256::from(92 * USDC), "{way}");
    }
}

/// Alice has a token and no ether; Bob sends the transaction.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_token_needs_no_ether_to_open() {
    let world = World::new(2).await;
    let token = world.chain.token().await;
    let more = "sponsored_from = \"10 USDC\"\nauthorisation = \"eip3009\"";
    let [alice, bob] = pair(&world, token, more).await;
    let owner = alice.node.identity().owner;
    world.chain.set_balance(owner, 0).await;
    // Where a deposit comes from is for who sends the transaction to say: it is refused, not ignored.
    let body = OpenChannel { peer_sends: true, ..opening(bob.key(), token, 20 * USDC, Source::Wallet) };
    let error = alice.api.open_channel(&body, &fresh_key()).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 400, .. }), "{error}");
    assert!(refusal(error).contains("`from`"));
    let body = OpenChannel { from: None, ..body };
    let ch = open(&alice, &body).await;
    assert!(names(&alice.api).await.is_empty());
    assert_eq!(names(&bob.api).await, ["openBoth"]);
    assert_eq!(alice.api.channel(ch).await.unwrap().mine, Wei(20 * USDC));
    assert_eq!(world.chain.holds(token, owner).await, U256::from(80 * USDC));
    // It ends without ether too: Bob closes.
    until(|| async { bob.api.channel(ch).await.is_ok_and(|channel| channel.stage == LedgerStage::Open) }).await;
    close(&bob, ch).await;
    until(|| async { world.chain.holds(token, owner).await == U256::from(100 * USDC) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_owner_moves_none_of_its_money() {
    let world = World::new(2).await;
    let token = world.chain.token().await;
    let [alice, bob] = pair(&world, token, "").await;
    let scopes = vec![Scope::Read, Scope::Pay, Scope::Open, Scope::Close, Scope::Serve, Scope::Events];
    let limited = NewToken { name: "guest".into(), scopes, per_day: Some(Wei(5)), asset: token, ..NewToken::default() };
    let made = alice.api.make_token(&limited).await.unwrap();
    assert_eq!(made.token.asset, token);
    let guest = Client::new(&alice.node.api_url(), &made.secret);
    let said = refusal(guest.approve(&Approve { asset: token, amount: Wei(1), wait_s: None }, "1").await.unwrap_err());
    assert!(said.contains("admin"), "{said}");
    let fund = FundVault { asset: Address::ZERO, amount: Wei(1), wait_s: None };
    assert!(refusal(guest.fund_vault(&fund, "2").await.unwrap_err()).contains("admin"));
    let out = WithdrawVault { asset: Address::ZERO, amount: Wei(1), to: None, wait_s: None };
    assert!(refusal(guest.withdraw_vault(&out, "3").await.unwrap_err()).contains("admin"));
    let more = Deposit { amount: Wei(1), from: Source::Wallet, wait_s: None };
    assert!(refusal(guest.deposit_channel(B256::ZERO, &more, "4").await.unwrap_err()).contains("admin"));
    // Limits in a token let nothing of ether through.
    let ether = opening(bob.key(), Address::ZERO, 1, Source::Wallet);
    let said = refusal(guest.open_channel(&ether, "5").await.unwrap_err());
    assert!(said.contains("asset"), "{said}");
}

/// What is wrong with a token keeps no other channel undefended: the node starts, and begins nothing new in the token.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_with_a_token_in_trouble_and_begins_nothing_in_it() {
    let world = World::new(2).await;
    let token = world.chain.token().await;
    let [alice, bob] = pair(&world, token, "deposit_max = \"100 USDC\"").await;
    approve(&alice, token, 20 * USDC).await;
    let before = open(&alice, &opening(bob.key(), token, 20 * USDC, Source::Wallet)).await;
    let config = Folder::new(alice.folder.path()).config();
    let changed = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&config, text.replace(from, to)).unwrap();
    };
    changed("\ndecimals = 6", "\ndecimals = 18");
    let alice = alice.restart().await;
    alice.connect(&bob).await;
    let trouble = |all: Vec<perunika_client::types::Asset>| all.into_iter().find_map(|asset| asset.trouble).unwrap();
    let said = trouble(alice.api.assets().await.unwrap());
    assert!(said.contains("`decimals` is 18") && said.contains("has 6"), "{said}");
    let body = OpenChannel { lane: 1, ..opening(bob.key(), token, 20 * USDC, Source::Wallet) };
    refusal(alice.api.open_channel(&body, &fresh_key()).await.unwrap_err());
    let wish = Approve { asset: token, amount: Wei(1), wait_s: Some(100) };
    let said = refusal(alice.api.approve(&wish, &fresh_key()).await.unwrap_err());
    assert!(said.contains("has 6"), "{said}");
    // What is there goes on, counted in the smallest unit, and so does everything in ether.
    let pay = Pay { amount: Wei(USDC), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    alice.api.pay_channel(before, &pay, &fresh_key()).await.unwrap();
    let channel = alice.api.channel(before).await.unwrap();
    assert_eq!((channel.mine, channel.decimals), (Wei(19 * USDC), None));
    open(&alice, &opening(bob.key(), Address::ZERO, ETH, Source::Wallet)).await;
    close(&alice, before).await;
    changed("\ndecimals = 18", "\ndecimals = 6");
    changed(&token.to_string(), &Address::repeat_byte(0x77).to_string());
    let alice = alice.restart().await;
    let said = trouble(alice.api.assets().await.unwrap());
    assert!(said.contains("there is no contract at 0x7777"), "{said}");
}

/// The same keys, accounts and parameters under two contracts on one chain: the ids tell them apart.
#[tokio::test(flavor = "multi_thread")]
async fn two_contracts_side_by_side_are_never_mixed_up() {
    let first = World::new(2).await;
    let second = first.another_contract().await;
    let (alice, bob) = (first.start(0, false).await, first.start(1, false).await);
    let (other_alice, other_bob) = (first.start_under(second, 0).await, first.start_under(second, 1).await);
    assert_eq!((alice.key(), bob.key()), (other_alice.key(), other_bob.key()));
    alice.connect(&bob).await;
    other_alice.connect(&other_bob).await;
    let body = opening(bob.key(), Address::ZERO, 3 * ETH, Source::Wallet);
    let ch = open(&alice, &body).await;
    let other = open(&other_alice, &body).await;
    assert_ne!(ch, other);
    let pay = Pay { amount: Wei(ETH), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    let done = alice.api.pay_channel(ch, &pay, &fresh_key()).await.unwrap();
    assert_eq!(done.id.unwrap().adjudicator, first.domain.adjudicator);
    assert_eq!(other_alice.api.channel(other).await.unwrap().id.adjudicator, second.adjudicator);
    // What one paid, the other did not, and neither knows the other's channel.
    assert_eq!(other_alice.api.channel(other).await.unwrap().mine, Wei(3 * ETH));
    assert!(alice.api.channel(other).await.is_err() && other_alice.api.channel(ch).await.is_err());
    // Nodes of different contracts do not talk.
    let stranger = other_bob.node.peer_address().unwrap();
    let place = stranger.split_once('@').unwrap().1;
    assert!(alice.api.peers().await.unwrap().iter().all(|peer| peer.address.as_deref() != Some(place)));
    close(&alice, ch).await;
    close(&other_alice, other).await;
}

/// Seller and buyer have a virtual channel of each asset; only one of them is what the price is in.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_paid_in_the_asset_of_its_price_and_in_no_other() {
    let world = World::new(3).await;
    let token = world.chain.token().await;
    let section = format!(
        "\n[tokens.USDC]\naddress = \"{token}\"\ndecimals = 6\nstake_max = \"50 USDC\"\nggas_price = \"4 USDC\"\n"
    );
    let with = |text: String| format!("{text}{section}");
    let hub = |text: String| with(text.replace("enabled = false", "enabled = true"));
    let (alice, hub, bob) =
        (world.start_with(0, with).await, world.start_with(1, hub).await, world.start_with(2, with).await);
    for (one, other) in [(&alice, &hub), (&hub, &bob)] {
        world.chain.mint(token, one.node.identity().owner, 100 * USDC).await;
        one.connect(other).await;
        approve(one, token, 50 * USDC).await;
        open(one, &opening(other.key(), token, 50 * USDC, Source::Wallet)).await;
        open(one, &opening(other.key(), Address::ZERO, ETH, Source::Wallet)).await;
    }
    alice.connect(&bob).await;
    for node in [&alice, &bob] {
        until(|| async { open_channels(node).await == 2 }).await;
    }
    until(|| async { open_channels(&hub).await == 4 }).await;
    let open_virtual = async |asset: Address, amount: u128| {
        let body = OpenVirtual {
            hubs: vec![hub.key()],
            peer: bob.key(),
            amount: Wei(amount),
            peer_amount: Wei(0),
            asset,
            term: None,
            fee_max: Wei(amount),
            renew: false,
            wait_s: Some(100),
        };
        applied(alice.api.open_virtual(&body, &fresh_key()).await.unwrap())
    };
    let (ether, usdc) = (open_virtual(Address::ZERO, ETH / 2).await, open_virtual(token, 10 * USDC).await);
    let both = async || bob.api.virtuals().await.unwrap().iter().filter(|v| v.stage == VirtualStage::Active).count();
    until(|| async { both().await == 2 }).await;

    let film = bob.files.path().join("film");
    std::fs::write(&film, vec![7; 30_000]).unwrap();
    let price = Wei(USDC / 10);
    let serve = Serve { path: film.display().to_string(), price, asset: token, chunk_bytes: 10_000 };
    let offer = bob.api.serve(&serve).await.unwrap().offer;
    let fetch = |name: &str, channel| Fetch {
        offer: offer.clone(),
        output: alice.files.path().join(name).display().to_string(),
        channel,
        renew_fee_max: None,
    };
    // Ten thousand wei are not ten thousand units of a token.
    let job = alice.api.fetch(&fetch("none", Some(ether)), &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.spent_wei), (JobState::Failed, Wei(0)));
    assert!(job.reason.as_ref().unwrap().contains("another asset"), "{job:?}");
    let job = alice.api.fetch(&fetch("film", None), &fresh_key()).await.unwrap();
    let job = finished(&alice, &job).await;
    assert_eq!((job.state, job.spent_wei, job.asset), (JobState::Done, Wei(3 * USDC / 10), token));
    let shares = async |vc| alice.api.virtual_channel(vc).await.unwrap().mine.unwrap().0;
    assert_eq!((shares(ether).await, shares(usdc).await), (ETH / 2, 10 * USDC - 3 * USDC / 10));
    let metrics = http_get(&bob.node.api_url(), "/metrics", Some(bob.node.token())).await.1;
    assert!(metrics.contains("perunika_payments_received_token_units_total{token=\"USDC\"} 300000"), "{metrics}");
    assert!(metrics.contains("perunika_payments_received_wei_total 0\n"), "{metrics}");
}
