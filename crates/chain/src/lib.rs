//! The chain driver: follows the chain and sends transactions, over JSON-RPC.
//!
//! [`connect`] checks that the right contract is on the right chain and starts two tasks:
//!
//! - The *follower* polls the head. For each new one it reads the slots of the watched objects that may have changed, at the
//!   head and at the newest final block, and gives one [`ChainUpdate`](perunika_core::chain::ChainUpdate). What it gives is slot
//!   contents; events are only hints at what to read again, and pre-images that prove themselves. A reorg is another view.
//! - The *sender* owns the account's nonces. It tries each call first, sends it, outbids itself if it is not included, and
//!   reports the end.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use perunika_chain::{ChainConfig, ChainOutput, OwnerKey, connect, deploy};
//! use perunika_core::B256;
//!
//! let url = "http://127.0.0.1:8545";
//! let owner = OwnerKey::from_bytes(&B256::repeat_byte(7)).ok_or("not a key")?;
//! let adjudicator = deploy(url, &owner).await?.address;
//! let (chain, mut outputs) = connect(ChainConfig::new(url, 31_337, adjudicator), owner).await?;
//! while let Some(output) = outputs.recv().await {
//!     match output {
//!         ChainOutput::Update(update) => println!("block {}", update.head.number),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # drop(chain); Ok(()) }
//! ```

mod assets;
mod authorise;
mod branch;
mod config;
mod connect;
mod estimate;
mod fees;
mod follow;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod preimages;
mod rpc;
mod send;
mod steps;
mod wallet;
mod watched;

pub use assets::Holding;
pub use authorise::Way;
pub use config::ChainConfig;
pub use connect::{ConnectError, DeployError, Deployed, connect, deploy};
pub use estimate::{Estimate, EstimateError};
pub use handle::{ChainError, ChainHandle, ChainOutput, TxCost};
pub use wallet::OwnerKey;
