//! `GET /metrics`, in the text format of Prometheus.

use super::{Api, Shared, auth};
use crate::metrics::{BUCKETS_S, Dropped, Histogram, PaymentEnd};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use perunika_client::types::Scope;
use perunika_core::Address;
use perunika_core::info::{LedgerStage, VirtualStage};
use perunika_core::participant::Figures;
use perunika_core::signed::Amount;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long the chain may take to tell the balance; without it the samples that need it are left out.
const CHAIN_MAX: Duration = Duration::from_secs(2);
/// Gas of the dearest single transaction of a dispute with some reserve: a registration with a long path, or a settlement.
const DISPUTE_GAS: u128 = 200_000;

const LEDGER_STAGES: [LedgerStage; 6] = [
    LedgerStage::Agreed,
    LedgerStage::Funding,
    LedgerStage::Open,
    LedgerStage::Closing,
    LedgerStage::Disputed,
    LedgerStage::Closed,
];
const VIRTUAL_STAGES: [VirtualStage; 7] = [
    VirtualStage::Locking,
    VirtualStage::Revealed,
    VirtualStage::Active,
    VirtualStage::Closing,
    VirtualStage::Certified,
    VirtualStage::Aborted,
    VirtualStage::Done,
];

/// The route, behind the check of the token unless the config file opens it.
pub(super) fn route(api: &Arc<Api>) -> Router<Arc<Api>> {
    let call = routing::get(metrics);
    let guard = from_fn_with_state((Arc::clone(api), Scope::Read), auth::authorize);
    Router::new().route("/metrics", if api.metrics_public { call } else { call.route_layer(guard) })
}

async fn metrics(State(api): Shared) -> Response {
    let mut page = Page::default();
    payments(&mut page, &api);
    calls(&mut page, &api);
    store(&mut page, &api);
    network(&mut page, &api);
    chain(&mut page, &api).await;
    // The engine may be stopping; the rest is worth showing all the same.
    if let Ok(figures) = api.engine.query(|participant| participant.figures()).await {
        channels(&mut page, &figures);
    }
    page.one("perunika_build_info", "gauge", "Release of the node.", [("version", env!("CARGO_PKG_VERSION"))], 1);
    ([(CONTENT_TYPE, FORMAT)], page.text).into_response()
}

/// Measures every call under its route.
pub(super) async fn measure(State(api): Shared, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_string());
    let response = next.run(request).await;
    api.metrics.called(route.as_deref().unwrap_or("none"), response.status().as_u16(), begin.elapsed());
    response
}

fn payments(page: &mut Page, api: &Api) {
    let payments = api.metrics.payments();
    let ends = [("paid", PaymentEnd::Paid), ("refused", PaymentEnd::Refused)];
    page.head("perunika_payments_sent_total", "counter", "Payments of this node that ended, by their end.");
    for (name, end) in ends {
        let count = payments.sent.get(&end).copied().unwrap_or_default();
        page.sample("perunika_payments_sent_total", &[("result", name)], count);
    }
    amounts(page, api, ["perunika_payments_sent", "What this node paid"], &payments.sent_amounts);
    page.one("perunika_payments_received_total", "counter", "Payments that arrived.", [], payments.received);
    amounts(page, api, ["perunika_payments_received", "What arrived"], &payments.received_amounts);
    let name = "perunika_payment_duration_seconds";
    page.head(name, "histogram", "From the command to the payee's durable receipt.");
    page.histogram(name, &[], &payments.latency);
}

/// ETH in wei, and each token of the config file in its smallest unit: amounts of different assets have no sum.
fn amounts(page: &mut Page, api: &Api, [name, help]: [&str; 2], amounts: &BTreeMap<Address, Amount>) {
    let of = |asset: Address| amounts.get(&asset).copied().unwrap_or_default();
    page.one(&format!("{name}_wei_total"), "counter", &format!("{help} of ETH."), [], of(Address::ZERO));
    let name = format!("{name}_token_units_total");
    page.head(&name, "counter", &format!("{help} of a token, in its smallest unit."));
    for token in api.assets.all().iter().filter(|asset| !asset.address.is_zero()) {
        page.sample(&name, &[("token", &token.symbol)], of(token.address));
    }
}

fn calls(page: &mut Page, api: &Api) {
    let name = "perunika_api_request_duration_seconds";
    page.head(name, "histogram", "Calls of the HTTP API.");
    for ((route, status), histogram) in api.metrics.calls() {
        page.histogram(name, &[("route", &route), ("status", &status.to_string())], &histogram);
    }
}

fn store(page: &mut Page, api: &Api) {
    let stats = api.store.stats();
    let mut counter = |name: &str, help: &str, value: &dyn Display| page.one(name, "counter", help, [], value);
    counter("perunika_store_commits_total", "Transactions that reached the disk.", &stats.commits);
    counter("perunika_store_batches_total", "Batches in them; per commit the gain of group commit.", &stats.batches);
    counter("perunika_store_operations_total", "Puts and deletes in them.", &stats.ops);
    counter("perunika_store_written_bytes_total", "Keys and values in them.", &stats.bytes);
    let seconds = "Time in transactions, from the first change to the answer of the disk.";
    counter("perunika_store_commit_seconds_total", seconds, &stats.commit_time.as_secs_f64());
    let seconds = "The part of it that waited for the disk.";
    counter("perunika_store_sync_seconds_total", seconds, &stats.sync_time.as_secs_f64());
    let mut gauge = |name: &str, help: &str, value: &dyn Display| page.one(name, "gauge", help, [], value);
    gauge("perunika_store_group_batches_max", "Most batches in one transaction.", &stats.group_max);
    let longest = "The longest wait for the disk since the start.";
    gauge("perunika_store_sync_seconds_max", longest, &stats.sync_time_max.as_secs_f64());
}

fn network(page: &mut Page, api: &Api) {
    page.one("perunika_peers_connected", "gauge", "Peers with a connection.", [], api.peers.connected());
    let name = "perunika_messages_dropped_total";
    page.head(name, "counter", "Messages that were given up, by reason; the protocol sends again.");
    let drops = api.metrics.drops();
    let reasons = [
        ("queue_full", Dropped::QueueFull),
        ("not_connected", Dropped::NotConnected),
        ("app_busy", Dropped::AppBusy),
        ("malformed", Dropped::Malformed),
    ];
    for (label, why) in reasons {
        page.sample(name, &[("reason", label)], drops.get(&why).copied().unwrap_or_default());
    }
    let help = "Times that a peer broke the protocol.";
    page.one("perunika_peers_misbehaved_total", "counter", help, [], api.metrics.misbehaviours());
}

async fn chain(page: &mut Page, api: &Api) {
    let online = u8::from(api.chain_online.load(Ordering::Relaxed));
    page.one("perunika_chain_online", "gauge", "1 while the chain answers.", [], online);
    if let Some(seen) = api.metrics.chain_seen() {
        page.one("perunika_chain_head_block", "gauge", "Height of the newest block.", [], seen.head.number);
        page.one("perunika_chain_settled_block", "gauge", "Height of the newest final block.", [], seen.settled.number);
        let head_time = seen.head.time;
        page.one("perunika_chain_head_timestamp_seconds", "gauge", "Timestamp of the newest block.", [], head_time);
        let lag = seen.news.elapsed().as_secs_f64();
        page.one("perunika_chain_silence_seconds", "gauge", "Since a newer block was heard of.", [], lag);
    }
    let asked = async { (api.balance.balance().await, api.balance.gas_price().await) };
    let (balance, price) = tokio::time::timeout(CHAIN_MAX, asked).await.unwrap_or_default();
    if let Some(balance) = balance {
        page.one("perunika_owner_balance_wei", "gauge", "What the owner account holds.", [], balance);
    }
    if let Some(price) = price {
        page.one("perunika_gas_price_wei", "gauge", "What a unit of gas costs now, tip included.", [], price);
    }
    if let (Some(balance), Some(price)) = (balance, price) {
        let affordable = balance / price.saturating_mul(DISPUTE_GAS).max(1);
        let help = "Transactions of a dispute that the owner account can pay at this price.";
        page.one("perunika_dispute_transactions_affordable", "gauge", help, [], affordable);
    }
}

fn channels(page: &mut Page, figures: &Figures) {
    let name = "perunika_channels";
    page.head(name, "gauge", "Channels by kind and stage.");
    for stage in LEDGER_STAGES {
        let count = figures.ledgers.get(&stage).copied().unwrap_or_default();
        page.sample(name, &[("kind", "ledger"), ("stage", &word(&stage))], count);
    }
    for stage in VIRTUAL_STAGES {
        let count = figures.virtuals.get(&stage).copied().unwrap_or_default();
        page.sample(name, &[("kind", "virtual"), ("stage", &word(&stage))], count);
    }
    let unanswered = "Signatures of this node that the peer has not answered.";
    page.one("perunika_unanswered_signatures", "gauge", unanswered, [], figures.unanswered);
    page.one("perunika_queued_payments", "gauge", "Payments that wait until they may be signed.", [], figures.queued);
    page.one("perunika_transactions_in_flight", "gauge", "Transactions that are not done.", [], figures.in_flight);
    let name = "perunika_deadline_seconds";
    page.head(name, "gauge", "Seconds of the chain to the nearest deadline of a kind; absent if there is none.");
    for (kind, deadline) in [("refutation", figures.refutation), ("virtual_expiry", figures.expiry)] {
        if let Some(deadline) = deadline {
            let left = i128::from(deadline) - i128::from(figures.chain_time);
            page.sample(name, &[("kind", kind)], left);
        }
    }
}

/// The name of a stage, as the API has it.
fn word(stage: &impl Serialize) -> String {
    serde_json::to_value(stage).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Default)]
struct Page {
    text: String,
}

/// Labels come from this file and from routes, so nothing in them needs escaping.
impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn one<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        labels: [(&str, &str); N],
        value: impl Display,
    ) {
        self.head(name, kind, help);
        self.sample(name, &labels, value);
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut sum = 0;
        let bounds = BUCKETS_S.iter().map(ToString::to_string).chain(["+Inf".to_string()]);
        for (bound, count) in bounds.zip(histogram.counts) {
            sum += count;
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &labels, sum);
        }
        self.sample(&format!("{name}_sum"), labels, histogram.sum.as_secs_f64());
        self.sample(&format!("{name}_count"), labels, sum);
    }
}
