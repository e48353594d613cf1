//! What every function of the Adjudicator does, written from `docs/protocol.md` (2.3, 3) in plain Rust.
//!
//! The contract packs what it keeps into words, hashes what it can instead of keeping it, and counts gas. The reference keeps the same things as
//! maps of structs and knows no gas: a dispute holds the State itself, a phase holds what belongs to that phase and nothing else. The tests of this crate run
//! both side by side and compare results, refusals, events, balances and every word of storage.
//!
//! ```
//! use alloy_primitives::{Address, B256};
//! use perunika_core::Domain;
//! use perunika_reference::{Call, Env, Error, Reference};
//!
//! let mut chain = Reference::new(&Domain { chain_id: 1, adjudicator: Address::repeat_byte(9) });
//! let env = Env::new(Address::repeat_byte(1), 1_900_000_000, B256::repeat_byte(7));
//! assert_eq!(chain.call(&env, &Call::Reveal { secret: B256::ZERO }).map(|events| events.len()), Ok(1));
//! let nothing = Call::Withdraw { asset: Address::ZERO, to: Address::repeat_byte(1), amount: 1 };
//! assert_eq!(chain.call(&env, &nothing), Err(Error::InsufficientVault));
//! ```
//!
//! Where several reasons speak against a call, the first one is given, in the order in which the contract looks for them; nothing depends on that order.

mod call;
mod convert;
mod error;
mod event;
mod funding;
pub mod hash;
mod ledger;
mod money;
mod nanos;
mod opening;
mod path;
mod registry;
mod settle;
mod sig;
mod state;
mod terms;
mod token;
mod views;
mod virtuals;

pub use call::Call;
pub use error::Error;
pub use event::Event;
pub use money::Money;
pub use nanos::Position;
pub use state::{Accrued, Dispute, Env, Escrow, Phase, Record, Reference, Slot};
pub use terms::{
    AdjustTerms, Channel, CloseTerms, Entry, Key, LedgerState, LockTerms, NanoClaim, NanoClaims, NanoStep, NanoVersion,
    Opener, Opening, VirtualChannel, VirtualState, WatchAuth,
};
pub use token::{Manner, PERMIT2, Token, authorisation, permit_signature, permit2_signature};
pub use views::{ChannelInfo, RecordInfo};

/// Amounts, in the smallest unit of the asset.
pub type Amount = u128;

/// The greatest amount: 96 bits.
pub const AMOUNT_MAX: Amount = (1 << 96) - 1;
/// The greatest version: 48 bits.
pub const VERSION_MAX: u64 = (1 << 48) - 1;
/// Longest period C or w, seconds.
pub const PERIOD_MAX: u32 = 1 << 25;
/// Most forced steps that a channel may allow a nanocontract.
pub const STEPS_MAX: u16 = 1 << 10;
/// Lives that a slot has: nonces 0 to `LIVES - 1`.
pub const LIVES: u64 = 0x3fff;
