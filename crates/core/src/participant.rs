//! One participant: the machine that everything else is built around.

use crate::encode::Domain;
use crate::info::{LedgerInfo, Overview, VirtualInfo};
use crate::io::{Env, Input, Step};
use crate::policy::Policy;
use crate::sig::RawKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use thiserror::Error;

/// What a participant is told about itself at the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Chain and contract.
    pub domain: Domain,
    /// Account that deposits and receives.
    pub owner: Address,
    /// Limits and prices.
    pub policy: Policy,
}

/// A durable record that cannot be read: the store is damaged or from another version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a stored record cannot be read (key {key:?})")]
pub struct Corrupt {
    /// Its key.
    pub key: Vec<u8>,
}

/// One participant as a deterministic state machine.
#[derive(Debug)]
pub struct Participant {}

impl Participant {
    /// A participant without a past.
    pub fn new(_config: Config, _key: Box<dyn RawKey + Send>) -> Self {
        Self {}
    }

    /// A participant from what was durable: all records that were ever written and not deleted.
    pub fn restore(
        config: Config,
        key: Box<dyn RawKey + Send>,
        _records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, Corrupt> {
        Ok(Self::new(config, key))
    }

    /// To be called once after `new` or `restore`: tells what to watch.
    pub fn start(&mut self, _env: Env) -> Step {
        Step::default()
    }

    /// Takes one input; the outputs come sealed behind the writes.
    pub fn handle(&mut self, _input: Input, _env: Env) -> Step {
        Step::default()
    }

    /// When [`Input::Tick`] is wanted at the latest, monotonic milliseconds.
    pub fn next_wake_ms(&self) -> Option<u64> {
        None
    }

    /// All ledger channels.
    pub fn ledgers(&self) -> Vec<LedgerInfo> {
        Vec::new()
    }

    /// One ledger channel.
    pub fn ledger(&self, _id: B256) -> Option<LedgerInfo> {
        None
    }

    /// All virtual channels.
    pub fn virtuals(&self) -> Vec<VirtualInfo> {
        Vec::new()
    }

    /// One virtual channel.
    pub fn virtual_channel(&self, _id: B256) -> Option<VirtualInfo> {
        None
    }

    /// About the participant itself.
    pub fn overview(&self) -> Overview {
        Overview { key: Address::ZERO, owner: Address::ZERO, connected: Vec::new(), chain_time: 0, head: 0 }
    }
}
