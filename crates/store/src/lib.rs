//! The durable state of a node: one ordered keyspace in one file, with group commit.
//!
//! A [`WriteBatch`] is all or nothing, and batches become durable in the order in which they were submitted. One thread
//! writes: it takes every batch that waits and gives them to the disk in a single transaction with a single wait for the
//! disk, so that a thousand channels cost as many waits as one. The answer to [`Store::commit`] comes only when the
//! batch would survive a loss of power; what must not leave before its state is durable is released by that answer.
//!
//! After a failed write the store stops for good ([`StoreError::Stopped`]): whoever kept a promise about the lost write
//! would otherwise go on without it. A restart reads what the disk really holds.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), perunika_store::StoreError> {
//! use perunika_store::{Store, WriteBatch};
//!
//! let store = Store::in_memory()?;
//! store.commit(WriteBatch::new().put("channel/1", "version 7").delete("channel/0")).await?;
//! assert_eq!(store.get(b"channel/1")?, Some(b"version 7".to_vec()));
//! # Ok(())
//! # }
//! ```

mod batch;
mod error;
mod file;
mod schema;
mod stats;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use batch::{Op, WriteBatch};
pub use error::StoreError;
pub use schema::{Migration, Migrator, Pair, SCHEMA_VERSION, Schema};
pub use stats::StoreStats;
pub use store::{Store, StoreConfig};
pub use writer::Ticket;
