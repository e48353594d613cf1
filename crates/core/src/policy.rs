//! What a node agrees to: times, limits, prices. All of it configuration (protocol 2.3 times, 6.4).

use crate::funding::Source;
use crate::signed::Amount;
use alloc::collections::BTreeMap;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Limits and prices. Times in seconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Finality + inclusion + margin.
    pub m_safe: u64,
    /// Refutation period of channels that this node proposes.
    pub challenge: u32,
    /// Window of a forced step of channels that this node proposes.
    pub window: u32,
    /// Longest periods that are accepted.
    pub challenge_max: u32,
    /// Longest window that is accepted.
    pub window_max: u32,
    /// Most forced steps that are accepted.
    pub k_max: u16,
    /// Term of virtual channels that this node proposes.
    pub term: u64,
    /// Longest term that is accepted.
    pub term_max: u64,
    /// How long before tExp the node starts to close.
    pub close_lead: u64,
    /// Longest creation of a virtual channel, milliseconds.
    pub t_act_ms: u64,
    /// How long a quote is good, milliseconds.
    pub quote_ms: u64,
    /// Unanswered messages are sent again after this time, milliseconds.
    pub resend_ms: u64,
    /// A signed Close is valid for this long.
    pub close_validity: u64,
    /// After this time without an answer a cooperative end is given up and forced, if the caller asked for it.
    pub patience: u64,
    /// With fewer versions left than this a channel is ended by itself (protocol 1.4(1)).
    pub versions_kept: u64,
    /// Whether channels that others propose are accepted.
    pub accept_channels: bool,
    /// Most that this node deposits into a channel that another proposes, wei.
    pub deposit_max: Amount,
    /// Whether this node serves as a hub.
    pub hub: bool,
    /// Whether virtual channels that others open towards this node are accepted.
    pub accept_virtual: bool,
    /// Fixed part of the price of a virtual channel, wei.
    pub fee_base: Amount,
    /// Part of the stake per day of term, in millionths.
    pub fee_ppm_per_day: u64,
    /// Largest stake of a virtual channel, wei.
    pub stake_max: Amount,
    /// Most virtual channels in which a peer may have this node.
    pub virtual_max: usize,
    /// Nanocontracts.
    pub nano: NanoPolicy,
    /// Tokens that this node takes, by address, and its limits and prices in them; those above are in wei.
    pub tokens: BTreeMap<Address, TokenPolicy>,
    /// Whether the owner signs for openings in one transaction that others send.
    pub authorise: bool,
    /// How long such a signature is valid, seconds.
    pub authorisation_validity: u64,
    /// [`TokenPolicy::sponsored_from`] for ETH.
    pub sponsored_from: Option<Amount>,
    /// Most openings of others that this node pays for in a day of the chain's clock.
    pub sponsored_per_day: u32,
    /// Where this node's deposits into channels that others open come from.
    pub deposit_from: Source,
}

/// Limits and prices in one token, in its smallest unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPolicy {
    /// Most that this node deposits into a channel that another proposes.
    pub deposit_max: Amount,
    /// Largest stake of a virtual channel.
    pub stake_max: Amount,
    /// Fixed part of the price of a virtual channel.
    pub fee_base: Amount,
    /// Price of 10^9 gas in a dispute: what [`NanoPolicy::gas_price`] is for ETH.
    pub ggas_price: Amount,
    /// This node pays for the transaction of an opening in which the other party deposits at least this much; none: never.
    pub sponsored_from: Option<Amount>,
}

/// What nanocontracts a node agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NanoPolicy {
    /// Most gas of one step.
    pub gas_max: u32,
    /// Most bytes of storage, at most [`STORAGE_MAX`](crate::nano::STORAGE_MAX).
    pub storage_max: usize,
    /// Most that are open in one channel.
    pub open_max: usize,
    /// Price of gas in a dispute, wei: a nanocontract that holds less than its forced end costs is refused (S47).
    pub gas_price: Amount,
    /// How long a peer may take to answer an offer or a step, seconds (protocol 0.1, 𝒯).
    pub answer: u64,
}

impl NanoPolicy {
    /// Room for every application that fits a transaction; gas at 1 gwei.
    pub fn dev() -> Self {
        Self {
            gas_max: 8_000_000,
            storage_max: crate::nano::STORAGE_MAX,
            open_max: 128,
            gas_price: 1_000_000_000,
            answer: 60,
        }
    }
}

impl Policy {
    /// For the development chain (protocol 2.3 times, column "dev chain").
    pub fn dev() -> Self {
        Self {
            m_safe: 10,
            challenge: 120,
            window: 60,
            challenge_max: 86_400,
            window_max: 21_600,
            k_max: 80,
            term: 3_600,
            term_max: 86_400,
            close_lead: 60,
            t_act_ms: 10_000,
            quote_ms: 30_000,
            resend_ms: 2_000,
            close_validity: 300,
            patience: 30,
            versions_kept: 1 << 20,
            accept_channels: true,
            deposit_max: 100_000_000_000_000_000_000,
            hub: true,
            accept_virtual: true,
            fee_base: 0,
            fee_ppm_per_day: 1_000,
            stake_max: 100_000_000_000_000_000_000,
            virtual_max: 100,
            nano: NanoPolicy::dev(),
            tokens: BTreeMap::new(),
            authorise: true,
            authorisation_validity: 120,
            sponsored_from: None,
            sponsored_per_day: 100,
            deposit_from: Source::Wallet,
        }
    }

    /// For mainnet (protocol 2.3 times, column "mainnet").
    pub fn mainnet() -> Self {
        Self {
            m_safe: 1_800,
            challenge: 86_400,
            window: 21_600,
            challenge_max: 604_800,
            window_max: 86_400,
            term: 86_400,
            term_max: 2_592_000,
            close_lead: 7_200,
            t_act_ms: 30_000,
            close_validity: 7_200,
            patience: 600,
            authorisation_validity: 3_600,
            nano: NanoPolicy { gas_price: 20_000_000_000, answer: 600, ..NanoPolicy::dev() },
            ..Self::dev()
        }
    }

    /// Limits and prices in an asset (zero address for ETH); none if this node does not take it.
    pub fn asset(&self, asset: Address) -> Option<TokenPolicy> {
        if asset != Address::ZERO {
            return self.tokens.get(&asset).cloned();
        }
        let ggas_price = self.nano.gas_price.saturating_mul(1_000_000_000);
        let Self { deposit_max, stake_max, fee_base, sponsored_from, .. } = *self;
        Some(TokenPolicy { deposit_max, stake_max, fee_base, ggas_price, sponsored_from })
    }

    /// Price of a virtual channel: base + rate · stake · term (protocol 6.4).
    pub fn fee(&self, asset: Address, stake: Amount, term: u64) -> Amount {
        let rate = u128::from(self.fee_ppm_per_day).saturating_mul(term.into());
        let variable = stake.saturating_mul(rate) / (1_000_000 * 86_400);
        self.asset(asset).map_or(Amount::MAX, |prices| prices.fee_base.saturating_add(variable))
    }

    /// Whether the times of a channel are acceptable (protocol 0.3 funding, 2.3 creation; S59).
    pub fn accepts_times(&self, challenge: u32, window: u32, k_max: u16) -> bool {
        let floor = self.m_safe.saturating_mul(2);
        u64::from(challenge) >= floor
            && u64::from(window) >= floor
            && challenge <= self.challenge_max
            && window <= self.window_max
            && k_max <= self.k_max
    }

    /// Shortest term of a virtual channel that is accepted.
    pub fn term_min(&self) -> u64 {
        self.close_lead.saturating_add(self.m_safe.saturating_mul(3))
    }
}
