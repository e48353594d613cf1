//! The node: the protocol core behind a disk, a network, a chain, an HTTP API and a shop for files.
//!
//! # From a program
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use perunika_node::config::Template;
//! use perunika_node::daemon::{self, Options};
//! use perunika_node::folder::Folder;
//! use perunika_node::keys::Phrase;
//! # let domain = perunika_core::Domain { chain_id: 1, adjudicator: perunika_core::Address::ZERO };
//!
//! let folder = Folder::new("/var/lib/perunika");
//! let phrase = Phrase::generate()?;
//! folder.init(&Template::new("http://127.0.0.1:8545", domain), &phrase, "password")?;
//! let node = daemon::run(&folder, "password", Options::default()).await?;
//! println!("API at {}, token in {}", node.api_url(), folder.token().display());
//! node.stopped().await?; // or: node.shutdown().await
//! # Ok(()) }
//! ```
//!
//! The calls of the API and their bodies are described in the crate `perunika-client`, which also has a client.
//!
//! # A node's folder
//!
//! | file | holds | if it is lost |
//! |---|---|---|
//! | `keystore.json` | the seed phrase, encrypted | the phrase on paper restores it |
//! | `config.toml` | settings | `init` writes another one |
//! | `api.token` | the API's bearer token | the next start writes another one |
//! | `api.address` | where the API of the running node listens | the next start writes it |
//! | `data/` | every signed state | **money may be lost**: an old copy is worse than none |
//!
//! # Ways through this crate
//!
//! [`engine`] owns the participant; [`wire`] turns messages into bytes and back; [`shop`] sells and buys files over
//! application messages; `api` has one file per endpoint; [`daemon`] starts all of it in order.

mod api;
mod assets;
mod binding;
pub mod config;
pub mod daemon;
pub mod engine;
mod files;
pub mod folder;
#[doc(hidden)]
pub mod fuzzing;
pub mod keys;
pub mod keystore;
mod metrics;
mod nano_offers;
mod owner;
mod peers;
mod places;
pub mod shop;
mod tasks;
mod transactions;
pub mod units;
pub mod wire;
