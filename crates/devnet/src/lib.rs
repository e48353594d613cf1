//! A development chain in one process: an EVM with the rules of Osaka, and in front of it the JSON-RPC that Ethereum
//! tools speak.
//!
//! Two layers, each of use alone:
//!
//! - [`Chain`] is pure and synchronous. It has no clock, no threads and no randomness: the timestamp of a block is an
//!   argument of [`Chain::mine`]. The same calls give the same blocks, hashes included. A simulator drives it in
//!   virtual time.
//! - [`Server`] puts a [`Chain`] behind JSON-RPC 2.0 over HTTP on loopback, mines each transaction at once and an empty
//!   block every second.
//!
//! ```
//! use alloy::primitives::{Address, Bytes, U256};
//! use perunika_devnet::{Chain, Genesis};
//!
//! let alice = Address::repeat_byte(0xa1);
//! let bob = Address::repeat_byte(0xb0);
//! let mut chain = Chain::new(Genesis::at(1_700_000_000).fund(alice, U256::from(10).pow(U256::from(18))));
//! let hash = chain.send_unsigned(alice, Some(bob), U256::from(5), Bytes::new(), 21_000)?;
//! chain.mine(1_700_000_012)?;
//! assert!(chain.receipt(hash).is_some_and(|receipt| receipt.status()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Accounts
//!
//! By default, a [`Server`] funds [`DEV_ACCOUNTS`] accounts. Their keys follow from their index ([`dev_key`]), so that
//! every tool can sign for them; `eth_sendTransaction` works for them without a key. The first three:
//!
//! ```
//! use perunika_devnet::dev_address;
//!
//! let first = [0, 1, 2].map(|index| dev_address(index).to_string());
//! assert_eq!(
//!     first,
//!     [
//!         "0xdd0663bC6EE9511ffd771f3a8a0948181Fa1EfFe",
//!         "0xba6628f5CceCe85d444B4226C10fDC0D731920f3",
//!         "0x314bA643F1dA33859B6c568dcb81C7d5f5CC5EC8",
//!     ]
//! );
//! ```
//!
//! # The chain on disk
//!
//! With [`Config::state`] a [`Server`] keeps its blocks in a file and goes on from there when it starts again. Every block is
//! written before the answer to the request that made it, and is on the disk within a second: killing the process loses nothing
//! that was answered, a power cut at most the last second. Not kept are transactions that wait in the pool, snapshots (their ids
//! are not given again), filters, impersonated accounts, and whether transactions are mined at once. The chain's time goes on
//! with the clock while it is off. A file of another version, a damaged one and one that is in use are refused.
//!
//! # What differs from mainnet
//!
//! - `stateRoot` is a hash over the parent's value and the changes of the block, not the root of a Merkle-Patricia
//!   trie: it commits to the state, but nothing can be proved against it (there is no `eth_getProof`).
//! - No consensus layer: no withdrawals, no requests, no blobs (type-3 transactions are refused, precompile `0x0a` is
//!   absent), a zero parent beacon root and no EIP-4788 contract. EIP-2935 (older block hashes) works.
//! - `prevRandao` is a hash of the parent's hash, and so known one block ahead.
//! - A block is at least a second later than its parent, however fast blocks come.
//! - The transactions of [`Chain::send_unsigned`] carry a placeholder in place of a signature.

#![forbid(unsafe_code)]

mod accounts;
mod chain;
mod server;

pub use accounts::{DEV_ACCOUNTS, DEV_BALANCE, dev_address, dev_key};
pub use chain::{
    At, Block, BlockRecord, CallError, CallRequest, CallResult, Chain, ChainError, Dropped, Genesis, GenesisAccount,
    MAX_LOGS, MAX_NONCE_AHEAD, MAX_POOL, MAX_SNAPSHOTS, MinedTx, Outcome, Patch, PoolTx, SUGGESTED_TIP, TX_GAS_CAP,
    TxError, UnsignedTx,
};
pub use server::{Clock, Config, Server, ServerHandle, StartError, StateError};
