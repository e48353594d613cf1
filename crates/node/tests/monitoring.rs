//! What a node shows of itself to whoever watches over it.

#![allow(clippy::unwrap_used)]

mod support;

use perunika_client::fresh_key;
use perunika_client::types::{Pay, Ready, Wei};
use perunika_core::info::LedgerStage;
use std::collections::BTreeMap;
use std::path::Path;
use support::{ETH, Running, World, applied, http_get, until};

/// Samples by name and labels, and the types that were declared.
struct Page {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Page {
    /// Reads the text format; anything that is not of it fails.
    fn parse(text: &str) -> Self {
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').unwrap();
                assert!(types.insert(name.to_string(), kind.to_string()).is_none(), "{name} is declared twice");
            } else if !line.starts_with("# HELP ") {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(
                    samples.insert(name.to_string(), value.parse().unwrap()).is_none(),
                    "{name} stands there twice"
                );
            }
        }
        for sample in samples.keys() {
            let name = sample.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(types.contains_key(name) || types.get(base).is_some_and(|t| t == "histogram"), "{name}");
        }
        Self { samples, types }
    }

    fn value(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("{sample} is missing"))
    }
}

async fn scrape(node: &Running) -> Page {
    let (status, body) = http_get(&node.node.api_url(), "/metrics", Some(node.node.token())).await;
    assert_eq!(status, 200, "{body}");
    Page::parse(&body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happened() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { bob.api.channel(ch).await.is_ok_and(|c| c.stage == LedgerStage::Open) }).await;
    for amount in [5, 7, 9] {
        let pay = Pay { amount: Wei(amount), asset: None, countersign: true, reference: None, wait_s: Some(100) };
        applied(alice.api.pay_channel(ch, &pay, &fresh_key()).await.unwrap());
    }
    let much = Pay { amount: Wei(2 * ETH), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    alice.api.pay_channel(ch, &much, &fresh_key()).await.unwrap_err();

    let (payer, payee) = (scrape(&alice).await, scrape(&bob).await);
    for (sample, value) in [
        ("perunika_payments_sent_total{result=\"paid\"}", 3.0),
        ("perunika_payments_sent_total{result=\"refused\"}", 1.0),
        ("perunika_payments_sent_wei_total", 21.0),
        ("perunika_payments_received_total", 0.0),
        ("perunika_payment_duration_seconds_count", 3.0),
        ("perunika_payment_duration_seconds_bucket{le=\"+Inf\"}", 3.0),
        ("perunika_peers_connected", 1.0),
        ("perunika_channels{kind=\"ledger\",stage=\"open\"}", 1.0),
        ("perunika_channels{kind=\"virtual\",stage=\"active\"}", 0.0),
        ("perunika_unanswered_signatures", 0.0),
        ("perunika_chain_online", 1.0),
        ("perunika_messages_dropped_total{reason=\"queue_full\"}", 0.0),
    ] {
        assert_eq!(payer.value(sample), value, "{sample}");
    }
    assert_eq!(payee.value("perunika_payments_received_total"), 3.0);
    assert_eq!(payee.value("perunika_payments_received_wei_total"), 21.0);
    let paid = "perunika_api_request_duration_seconds_count{route=\"/v1/channels/{id}/pay\",status=\"200\"}";
    assert_eq!(payer.value(paid), 3.0);
    assert!(payer.value("perunika_payment_duration_seconds_sum") > 0.0);
    assert!(payer.value("perunika_store_commits_total") > 0.0);
    assert!(payer.value("perunika_store_sync_seconds_total") <= payer.value("perunika_store_commit_seconds_total"));
    assert!(payer.value("perunika_chain_head_block") >= payer.value("perunika_chain_settled_block"));
    assert!(!payer.samples.contains_key("perunika_deadline_seconds{kind=\"refutation\"}"));
    assert_eq!(payer.types["perunika_payments_sent_total"], "counter");

    // The operator's page knows every metric.
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    for name in payer.types.keys() {
        assert!(page.contains(&format!("`{name}")), "docs/operations.md does not mention {name}");
    }

    // The gas reserve is what the account holds, at today's price.
    let (balance, price) = (payer.value("perunika_owner_balance_wei"), payer.value("perunika_gas_price_wei"));
    let affordable = payer.value("perunika_dispute_transactions_affordable");
    assert!(balance > 98e18 && balance < 99e18, "{balance}");
    assert!((affordable - balance / price / 200_000.0).abs() <= 1.0 + affordable * 1e-6, "{affordable}");
    let own = alice.api.info().await.unwrap().balance.unwrap();
    assert!((own.0 as f64 - balance).abs() <= balance * 1e-9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_shows_its_deadline() {
    let world = World::new(2).await;
    let (alice, bob) = (world.start(0, false).await, world.start(1, false).await);
    alice.connect(&bob).await;
    let ch = alice.open_channel(bob.key(), ETH, 0).await;
    until(|| async { bob.api.channel(ch).await.is_ok_and(|c| c.stage == LedgerStage::Open) }).await;
    let pay = Pay { amount: Wei(5), asset: None, countersign: true, reference: None, wait_s: Some(100) };
    applied(alice.api.pay_channel(ch, &pay, &fresh_key()).await.unwrap());
    bob.node.shutdown().await.unwrap();
    let close = perunika_client::types::Close { force: true, wait_s: Some(0) };
    let _ = alice.api.close_channel(ch, &close, &fresh_key()).await;
    until(|| async { scrape(&alice).await.samples.contains_key("perunika_deadline_seconds{kind=\"refutation\"}") })
        .await;
    let left = scrape(&alice).await.value("perunika_deadline_seconds{kind=\"refutation\"}");
    assert!((0.0..=120.0).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_need_the_token_unless_the_config_file_says_otherwise() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    assert_eq!(http_get(&node.node.api_url(), "/metrics", None).await.0, 401);
    assert_eq!(http_get(&node.node.api_url(), "/metrics", Some("wrong")).await.0, 401);
    let config = node.folder.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("#metrics_public = false", "metrics_public = true")).unwrap();
    let node = node.restart().await;
    assert_eq!(http_get(&node.node.api_url(), "/metrics", None).await.0, 200);
    assert_eq!(http_get(&node.node.api_url(), "/v1/info", None).await.0, 401);
}

async fn ready(node: &Running) -> (u16, Ready) {
    let (status, body) = http_get(&node.node.api_url(), "/v1/ready", None).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_ready_while_it_reads_the_chain_and_live_without_it() {
    let world = World::new(1).await;
    let node = world.start_with(0, |text| text.replace("preset = \"dev\"", "preset = \"dev\"\nm_safe = 3")).await;
    until(|| async { ready(&node).await.0 == 200 }).await;
    world.chain.shutdown().await;
    until(|| async { ready(&node).await.0 == 503 }).await;
    let (_, answer) = ready(&node).await;
    assert!(!answer.ready && answer.reasons[0].contains("m_safe"), "{answer:?}");
    assert!(node.api.health().await.unwrap().ok);
}
