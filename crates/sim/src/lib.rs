//! Many participants, a network with faults and the real contract, in virtual time, one thread and from one seed.
//!
//! The code under test is the production code: [`perunika_core::Participant`] and the committed bytecode of the Adjudicator in
//! revm. [`World`] plays the network, the disks and the clock; [`Ground`] is the chain.
#![allow(clippy::expect_used, reason = "a simulation that cannot go on is a failed test")]

mod adversary;
mod auditor;
pub mod campaign;
mod ground;
pub mod kit;
mod mallory;
pub mod mutants;
mod nanos;
mod notebook;
mod play;
mod probes;
mod rng;
pub mod search;
mod signing;
mod stage;
mod story;
mod token;
mod views;
mod world;

pub use adversary::{Adversary, Position, ledger_body, signatures, virtual_body};
pub use auditor::{Audit, Prediction, Work};
pub use ground::{ENDOWMENT, Ground, Queued, Receipt, START};
pub use mallory::Mallory;
pub use notebook::{Line, Notebook};
pub use play::PATIENCE_MS;
pub use probes::probe_seeds;
pub use rng::Rng;
pub use stage::{Stage, short_terms};
pub use story::{ETH, Path, quick_policy};
pub use token::{Manner as TokenManner, TOKEN, TOKENS};
pub use world::{CrashPoint, Fate, Filter, Network, Node, Pen, Rpc, Tap, World};
