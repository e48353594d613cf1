//! The functions of the contract.

use crate::Amount;
use crate::terms::{
    AdjustTerms, Channel, CloseTerms, Entry, Key, LedgerState, LockTerms, NanoClaims, NanoStep, Opener, Opening,
    VirtualChannel, VirtualState, WatchAuth,
};
use alloy_primitives::{Address, B256};

/// A call of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the arguments are the contract's, and their types say what they are")]
#[allow(clippy::large_enum_variant, reason = "a call lives for a moment")]
pub enum Call {
    /// A deposits.
    Open { params: Channel, nonce: u64 },
    /// B deposits.
    Confirm { params: Channel, nonce: u64, deposit_a: Amount },
    /// `Open` for any asset, paid in any way.
    OpenWith { params: Channel, opening: Opening, funding_a: Vec<u8> },
    /// `Confirm` for any asset, paid in any way.
    ConfirmWith { params: Channel, opening: Opening, funding_b: Vec<u8> },
    /// Both at once.
    OpenBoth { params: Channel, opening: Opening, funding_a: Vec<u8>, funding_b: Vec<u8> },
    /// The sender adds to the deposit of a side.
    Deposit { params: Channel, nonce: u64, side: u8, amount: Amount, not_after: u64, funding: Vec<u8> },
    /// Both let a side have some of its deposit.
    Adjust { params: Channel, terms: AdjustTerms, signatures: Vec<u8> },
    /// A takes back what B has not confirmed.
    Refund { params: Channel },
    /// The cooperative end.
    Close { params: Channel, terms: CloseTerms, signatures: Vec<u8> },
    /// An owner begins a dispute, or refutes.
    Register { params: Channel, state: LedgerState, signatures: Vec<u8> },
    /// A tower does.
    RegisterFor { params: Channel, state: LedgerState, signatures: Vec<u8>, by_b: bool, auth: WatchAuth },
    /// A higher version.
    Refute { params: Channel, state: LedgerState, signatures: Vec<u8> },
    /// The end of a dispute.
    Conclude { params: Channel, state: LedgerState, mix: B256 },
    /// An end begins a dispute, or refutes.
    RegisterVirtual { params: VirtualChannel, state: VirtualState, signatures: Vec<u8>, secrets: Vec<B256> },
    /// A hub or a tower does.
    RegisterVirtualFor {
        params: VirtualChannel,
        state: VirtualState,
        signatures: Vec<u8>,
        secrets: Vec<B256>,
        opener: Opener,
    },
    /// A higher version.
    RefuteVirtual { params: VirtualChannel, state: VirtualState, signatures: Vec<u8> },
    /// The end of a dispute.
    ConcludeVirtual { params: VirtualChannel, state: VirtualState, mix: B256 },
    /// The outcome that all have signed.
    Finalise { params: VirtualChannel, mids: Vec<Key>, out_a: Amount, signatures: Vec<u8> },
    /// Nanocontracts of the State that the dispute has fixed.
    RegisterNano { params: Channel, state: LedgerState, mix: B256, claims: NanoClaims },
    /// The same of a virtual channel.
    RegisterVirtualNano { params: VirtualChannel, state: VirtualState, mix: B256, claims: NanoClaims },
    /// Higher versions of registered nanocontracts.
    RefuteNano { params: Channel, claims: NanoClaims },
    /// The same of a virtual channel.
    RefuteVirtualNano { params: VirtualChannel, claims: NanoClaims },
    /// A forced step.
    Execute { params: Channel, entry: Entry, step: NanoStep },
    /// The same of a virtual channel.
    ExecuteVirtual { params: VirtualChannel, entry: Entry, step: NanoStep },
    /// A secret becomes public.
    Reveal { secret: B256 },
    /// Code becomes an account.
    Deploy { code: Vec<u8> },
    /// A lock of an ended life by the outcome that is recorded.
    Settle { params: Channel, nonce: u64, vc: B256, lock: LockTerms, index: u64, proof: Vec<B256> },
    /// A lock of an ended life whose virtual channel expired without a record.
    SettleExpired {
        params: Channel,
        nonce: u64,
        virtual_params: VirtualChannel,
        lock: LockTerms,
        index: u64,
        proof: Vec<B256>,
    },
    /// The sender pays into a vault.
    FundVault { asset: Address, owner: Address, amount: Amount },
    /// Out of the sender's vault.
    Withdraw { asset: Address, to: Address, amount: Amount },
    /// Calls one after the other; one that fails is passed over.
    Batch { gas_each: u64, calls: Vec<Call> },
}

impl Call {
    /// The names of all functions that change something.
    pub const NAMES: [&str; 31] = [
        "open",
        "confirm",
        "openWith",
        "confirmWith",
        "openBoth",
        "deposit",
        "adjust",
        "refund",
        "close",
        "register",
        "registerFor",
        "refute",
        "conclude",
        "registerVirtual",
        "registerVirtualFor",
        "refuteVirtual",
        "concludeVirtual",
        "finalise",
        "registerNano",
        "registerVirtualNano",
        "refuteNano",
        "refuteVirtualNano",
        "execute",
        "executeVirtual",
        "reveal",
        "deploy",
        "settle",
        "settleExpired",
        "fundVault",
        "withdraw",
        "batch",
    ];

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Confirm { .. } => "confirm",
            Self::OpenWith { .. } => "openWith",
            Self::ConfirmWith { .. } => "confirmWith",
            Self::OpenBoth { .. } => "openBoth",
            Self::Deposit { .. } => "deposit",
            Self::Adjust { .. } => "adjust",
            Self::Refund { .. } => "refund",
            Self::Close { .. } => "close",
            Self::Register { .. } => "register",
            Self::RegisterFor { .. } => "registerFor",
            Self::Refute { .. } => "refute",
            Self::Conclude { .. } => "conclude",
            Self::RegisterVirtual { .. } => "registerVirtual",
            Self::RegisterVirtualFor { .. } => "registerVirtualFor",
            Self::RefuteVirtual { .. } => "refuteVirtual",
            Self::ConcludeVirtual { .. } => "concludeVirtual",
            Self::Finalise { .. } => "finalise",
            Self::RegisterNano { .. } => "registerNano",
            Self::RegisterVirtualNano { .. } => "registerVirtualNano",
            Self::RefuteNano { .. } => "refuteNano",
            Self::RefuteVirtualNano { .. } => "refuteVirtualNano",
            Self::Execute { .. } => "execute",
            Self::ExecuteVirtual { .. } => "executeVirtual",
            Self::Reveal { .. } => "reveal",
            Self::Deploy { .. } => "deploy",
            Self::Settle { .. } => "settle",
            Self::SettleExpired { .. } => "settleExpired",
            Self::FundVault { .. } => "fundVault",
            Self::Withdraw { .. } => "withdraw",
            Self::Batch { .. } => "batch",
        }
    }

    /// Whether money may come with it.
    pub fn is_payable(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Confirm { .. } | Self::FundVault { .. }) || self.takes_tokens()
    }

    /// Whether tokens may come with it, after which it may still be refused.
    pub(crate) fn takes_tokens(&self) -> bool {
        matches!(self, Self::OpenWith { .. } | Self::ConfirmWith { .. } | Self::OpenBoth { .. } | Self::Deposit { .. })
    }
}
