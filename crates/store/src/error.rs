//! What can go wrong with a store, in sentences for the person who runs the node.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
};

/// Why the store refused, or stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder is in use.
    #[error("the store in {} is already open in another process (or twice in this one); stop that one first", .folder.display())]
    Locked {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// The data was written by a newer release. Nothing has been changed.
    #[error(
        "the store holds data of schema {found}, this program knows schemas up to {ours}; run the newer program, nothing has been changed"
    )]
    NewerSchema {
        /// The version in the file.
        found: u32,
        /// The newest version that this program understands.
        ours: u32,
    },
    /// The program lacks a step from an older schema to its own. Nothing has been changed.
    #[error(
        "the store holds data of schema {from} and this program has no migration from there to schema {ours}; nothing has been changed"
    )]
    NoMigration {
        /// The version to start from.
        from: u32,
        /// The version that this program needs.
        ours: u32,
    },
    /// A migration gave up. Nothing has been changed.
    #[error("the migration of the store from schema {from} failed, nothing has been changed: {reason}")]
    MigrationFailed {
        /// The version that the failed step starts from.
        from: u32,
        /// What the step said.
        reason: String,
    },
    /// The folder or the file cannot be used.
    #[error("cannot use the store in {}: {reason}", .folder.display())]
    Unusable {
        /// The folder that was asked for.
        folder: PathBuf,
        /// What the system or the file format said.
        reason: String,
    },
    /// A read failed.
    #[error("the store cannot be read: {0}")]
    Read(String),
    /// A write failed, now or earlier. The batch at hand was not acknowledged and no later one will be: restart the
    /// node, which reads what the disk really holds.
    #[error("the store stopped at a failed write and accepts nothing more until a restart: {first}")]
    Stopped {
        /// The first failure.
        first: Arc<str>,
    },
    /// The store was closed before the batch became durable.
    #[error("the store was closed before the write became durable")]
    Closed,
}

impl StoreError {
    pub(crate) fn read(error: impl std::fmt::Display) -> Self {
        Self::Read(error.to_string())
    }
}

/// What a file is in which something stands that the library of its format could not have written.
pub(crate) const DAMAGED: &str = "the file is damaged";

/// Uses a file that may be damaged: what it holds is checked by nobody before it is used, and the file format's library panics on
/// pages that it could not have written, when it reads, writes and closes. `None`: it did. What the library has in memory is of no
/// further use then either.
pub(crate) fn unless_damaged<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same for what fails otherwise too. Such a store is of no more use, but whoever runs the node is told so.
pub(crate) fn damage_is_an_error<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    unless_damaged(read).unwrap_or_else(|| Err(StoreError::Read(DAMAGED.into())))
}
