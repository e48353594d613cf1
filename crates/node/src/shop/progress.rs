//! How far a download is, and how fast.

use perunika_client::types::{Job, JobState};
use perunika_core::B256;
use perunika_core::signed::Amount;
use std::time::Instant;

/// Counters of one download.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) state: JobState,
    pub(crate) reason: Option<String>,
    pub(crate) channel: Option<B256>,
    pub(crate) chunks_done: u32,
    pub(crate) bytes: u64,
    pub(crate) spent: Amount,
    payments: u64,
    run_bytes: u64,
    /// First and last chunk of this run.
    span: Option<(Instant, Instant)>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            state: JobState::Running,
            reason: None,
            channel: None,
            chunks_done: 0,
            bytes: 0,
            spent: 0,
            payments: 0,
            run_bytes: 0,
            span: None,
        }
    }

    /// The first request of this run leaves.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.span.get_or_insert((now, now));
    }

    pub(crate) fn got(&mut self, bytes: u64, now: Instant) {
        self.chunks_done += 1;
        self.bytes += bytes;
        self.run_bytes += bytes;
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
    }

    pub(crate) fn paid(&mut self) {
        self.payments += 1;
    }

    /// Fills in what it knows.
    pub(crate) fn show(&self, job: &mut Job) {
        let seconds = self.span.map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64());
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        job.state = self.state;
        job.reason.clone_from(&self.reason);
        job.channel = self.channel;
        job.chunks_done = self.chunks_done;
        job.bytes = self.bytes;
        job.mb_per_s = rate(self.run_bytes as f64 / 1e6);
        job.payments = self.payments;
        job.payments_per_s = rate(self.payments as f64);
        job.spent_wei = self.spent.into();
    }
}
