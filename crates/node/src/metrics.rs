//! What a node counts while it runs, for `/metrics`. Gauges that follow from the state of something else are not kept here: they
//! are asked for when somebody looks.

use perunika_core::chain::Block;
use perunika_core::io::{Command, Reply};
use perunika_core::signed::Amount;
use perunika_core::{Address, B256};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of the buckets of latencies, in seconds.
pub(crate) const BUCKETS_S: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Latencies.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    /// Observations by bucket, not cumulative; the last one is above all bounds.
    pub(crate) counts: [u64; BUCKETS_S.len() + 1],
    /// Of all observations.
    pub(crate) sum: Duration,
}

impl Histogram {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS_S.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS_S.len());
        self.counts[bucket] += 1;
        self.sum += took;
    }
}

/// How a payment of this node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PaymentEnd {
    /// The payee holds it.
    Paid,
    /// It will not happen.
    Refused,
}

/// Why a message was lost on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dropped {
    /// Outgoing: too much waits for the peer already, or the message is too large.
    QueueFull,
    /// Outgoing: the peer is not connected; it is sent again.
    NotConnected,
    /// Incoming: the shop is behind.
    AppBusy,
    /// Incoming: nobody understands it.
    Malformed,
}

/// Payments of this run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payments {
    /// How many, by how they ended.
    pub(crate) sent: BTreeMap<PaymentEnd, u64>,
    /// How much was paid of each asset, smallest units.
    pub(crate) sent_amounts: BTreeMap<Address, Amount>,
    /// How many came in.
    pub(crate) received: u64,
    /// How much came in of each asset, smallest units.
    pub(crate) received_amounts: BTreeMap<Address, Amount>,
    /// From the command to the reply, of those that were paid.
    pub(crate) latency: Histogram,
}

/// The chain as it was last heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainSeen {
    /// Newest block.
    pub(crate) head: Block,
    /// Newest final block.
    pub(crate) settled: Block,
    /// When a newer head than before came.
    pub(crate) news: Instant,
}

/// All counters of a node.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    payments: Mutex<Payments>,
    /// By route and status.
    calls: Mutex<BTreeMap<(String, u16), Histogram>>,
    dropped: Mutex<BTreeMap<Dropped, u64>>,
    chain: Mutex<Option<ChainSeen>>,
    misbehaved: AtomicU64,
}

/// A payment under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paying {
    asset: Address,
    amount: Amount,
    since: Instant,
}

impl Paying {
    /// If the command is a payment.
    pub(crate) fn of(command: &Command, asset: impl Fn(B256) -> Option<Address>) -> Option<Self> {
        match command {
            Command::Pay { ch, amount, .. } => {
                Some(Self { asset: asset(*ch).unwrap_or_default(), amount: *amount, since: Instant::now() })
            }
            Command::Within { command, .. } => Self::of(command, asset),
            _ => None,
        }
    }
}

impl Metrics {
    pub(crate) fn paid(&self, payment: Paying, reply: &Reply) {
        let end = match reply {
            Reply::Applied { .. } | Reply::Delivered { .. } | Reply::Receipted { .. } => PaymentEnd::Paid,
            _ => PaymentEnd::Refused,
        };
        let mut payments = lock(&self.payments);
        *payments.sent.entry(end).or_default() += 1;
        if end == PaymentEnd::Paid {
            add(&mut payments.sent_amounts, payment.asset, payment.amount);
            payments.latency.observe(payment.since.elapsed());
        }
    }

    pub(crate) fn received(&self, asset: Address, amount: Amount) {
        let mut payments = lock(&self.payments);
        payments.received += 1;
        add(&mut payments.received_amounts, asset, amount);
    }

    /// `route` is a template, never what a caller wrote.
    pub(crate) fn called(&self, route: &str, status: u16, took: Duration) {
        lock(&self.calls).entry((route.to_string(), status)).or_default().observe(took);
    }

    pub(crate) fn dropped(&self, why: Dropped) {
        *lock(&self.dropped).entry(why).or_default() += 1;
    }

    pub(crate) fn misbehaved(&self) {
        self.misbehaved.fetch_add(1, Relaxed);
    }

    pub(crate) fn chain(&self, head: Block, settled: Block) {
        let mut seen = lock(&self.chain);
        // The same head again is no sign of life.
        let news = match *seen {
            Some(before) if head.time <= before.head.time => before.news,
            _ => Instant::now(),
        };
        *seen = Some(ChainSeen { head, settled, news });
    }

    pub(crate) fn payments(&self) -> Payments {
        lock(&self.payments).clone()
    }

    pub(crate) fn calls(&self) -> BTreeMap<(String, u16), Histogram> {
        lock(&self.calls).clone()
    }

    pub(crate) fn drops(&self) -> BTreeMap<Dropped, u64> {
        lock(&self.dropped).clone()
    }

    pub(crate) fn misbehaviours(&self) -> u64 {
        self.misbehaved.load(Relaxed)
    }

    pub(crate) fn chain_seen(&self) -> Option<ChainSeen> {
        *lock(&self.chain)
    }
}

/// Amounts of different assets have no sum.
fn add(amounts: &mut BTreeMap<Address, Amount>, asset: Address, amount: Amount) {
    let sum = amounts.entry(asset).or_default();
    *sum = sum.saturating_add(amount);
}

/// Nothing that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_falls_into_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 100, 100_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let filled: Vec<usize> = (0..histogram.counts.len()).filter(|i| histogram.counts[*i] > 0).collect();
        assert_eq!(filled, [0, 1, 7, BUCKETS_S.len()]);
        assert_eq!(histogram.sum, Duration::from_millis(100_101));
    }

    #[test]
    fn the_same_head_again_is_no_news() {
        let metrics = Metrics::default();
        let block = |time: u64| Block { number: time, time, ..Block::default() };
        metrics.chain(block(5), block(4));
        let first = metrics.chain_seen().unwrap().news;
        metrics.chain(block(5), block(5));
        assert_eq!(metrics.chain_seen().unwrap().news, first);
        metrics.chain(block(6), block(5));
        assert!(metrics.chain_seen().unwrap().news > first);
    }
}
