//! What the keys of the nodes signed, in this order: a key in this simulation is a device that keeps a record.
//!
//! An auditor who has the record needs no curve arithmetic, and sees what was signed but never sent.

use crate::signing::Remembering;
use alloy_primitives::{Address, B256};
use perunika_core::sig::{RawKey, Signature};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One digest that a key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The signature.
    pub sig: Signature,
    /// When it was signed first, counted in signatures of all keys.
    pub first: u64,
    /// Time of the first signature, ms since the start.
    pub at_ms: u64,
    /// When it was signed last.
    pub last: u64,
}

/// The record of all keys. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Notebook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    lines: HashMap<(Address, B256), Line>,
    count: u64,
    now_ms: u64,
    /// Signatures of steps that are not durable yet, oldest first, with what the line said before.
    open: BTreeMap<Address, Vec<(B256, Option<Line>)>>,
}

impl Notebook {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `key` signed over `digest`, if it did.
    pub fn line(&self, key: Address, digest: B256) -> Option<Line> {
        self.pages().lines.get(&(key, digest)).copied()
    }

    /// What is signed from now on is signed at this time, ms since the start.
    pub fn set_time(&self, now_ms: u64) {
        self.pages().now_ms = now_ms;
    }

    /// Number of signatures of all keys so far.
    pub fn count(&self) -> u64 {
        self.pages().count
    }

    /// Number of signatures of `key` whose step is not durable yet.
    pub fn open(&self, key: Address) -> usize {
        self.pages().open.get(&key).map_or(0, Vec::len)
    }

    /// The oldest `count` open signatures of `key` are durable.
    pub fn seal(&self, key: Address, count: usize) {
        if let Some(open) = self.pages().open.get_mut(&key) {
            open.drain(..count.min(open.len()));
        }
    }

    /// A crash took every open signature of `key`: they never left and never will, unless they are made again.
    pub fn lose(&self, key: Address) {
        let mut pages = self.pages();
        let open = pages.open.remove(&key).unwrap_or_default();
        for (digest, before) in open.into_iter().rev() {
            match before {
                Some(line) => drop(pages.lines.insert((key, digest), line)),
                None => drop(pages.lines.remove(&(key, digest))),
            }
        }
    }

    fn note(&self, key: Address, digest: B256, sig: Signature) {
        let mut pages = self.pages();
        pages.count += 1;
        let now = pages.count;
        let before = pages.lines.get(&(key, digest)).copied();
        let (first, at_ms) = before.map_or((now, pages.now_ms), |line| (line.first, line.at_ms));
        pages.lines.insert((key, digest), Line { sig, first, at_ms, last: now });
        pages.open.entry(key).or_default().push((digest, before));
    }
}

/// A key in memory that keeps the record.
pub(crate) struct RecordingKey {
    key: Remembering,
    notebook: Notebook,
}

impl RecordingKey {
    pub(crate) fn new(key: Remembering, notebook: Notebook) -> Self {
        Self { key, notebook }
    }
}

impl RawKey for RecordingKey {
    fn address(&self) -> Address {
        self.key.address()
    }

    fn sign(&self, digest: B256) -> Signature {
        let sig = self.key.sign(digest);
        self.notebook.note(self.address(), digest, sig);
        sig
    }

    fn activation_secret(&self, draft: B256) -> B256 {
        self.key.activation_secret(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_core::sig::MemoryKey;

    #[test]
    fn what_a_crash_took_was_never_signed_and_what_was_durable_stays() {
        let notebook = Notebook::default();
        let memory = MemoryKey::new(B256::repeat_byte(7), B256::repeat_byte(8)).expect("a key");
        let key = RecordingKey::new(Remembering(memory), notebook.clone());
        let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
        key.sign(one);
        notebook.seal(key.address(), 1);
        key.sign(two);
        key.sign(one);
        notebook.lose(key.address());
        assert_eq!(notebook.line(key.address(), one).map(|l| (l.first, l.last)), Some((1, 1)));
        assert_eq!(notebook.line(key.address(), two), None);
    }
}
