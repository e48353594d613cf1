//! The version of what the keys and values mean, and the way from an older one.

use redb::{ReadableTable as _, Table, TableDefinition};

use crate::{StoreError, batch::Op};
use std::ops::Bound;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// The schema that this release writes.
pub const SCHEMA_VERSION: u32 = 4;

pub(crate) type Bytes = &'static [u8];
pub(crate) const DATA: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("data");
pub(crate) const META: TableDefinition<'_, &'static str, u32> = TableDefinition::new("meta");
pub(crate) const SCHEMA_KEY: &str = "schema";

/// A schema version and every step that leads to it.
#[derive(Clone, Debug)]
pub struct Schema {
    /// What this program writes and understands.
    pub version: u32,
    /// Steps from older versions. Those that a file needs run in order, all of them in one transaction.
    pub migrations: Vec<Migration>,
}

impl Default for Schema {
    fn default() -> Self {
        Self { version: SCHEMA_VERSION, migrations: Vec::new() }
    }
}

/// One step, from version `from` to version `from + 1`.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The version that the step starts from.
    pub from: u32,
    /// The change itself; an error leaves the file as it was.
    pub run: fn(&mut Migrator<'_>) -> Result<(), String>,
}

/// What a migration may do with the data.
#[derive(Debug)]
pub struct Migrator<'txn> {
    pub(crate) table: Table<'txn, Bytes, Bytes>,
}

impl Migrator<'_> {
    /// The value under `key`, with the changes made so far.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.table.get(key).map_err(text)?.map(|value| value.value().to_vec()))
    }

    /// All pairs whose key starts with `prefix`, in key order.
    pub fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<Pair>, String> {
        scan(&self.table, prefix).map_err(text)
    }

    /// Makes one change.
    pub fn apply(&mut self, op: Op) -> Result<(), String> {
        apply(&mut self.table, &op).map_err(text)
    }
}

impl Schema {
    /// The steps from `found` to this version; an error if one is missing.
    pub(crate) fn path_from(&self, found: u32) -> Result<Vec<&Migration>, StoreError> {
        (found..self.version)
            .map(|from| {
                let step = self.migrations.iter().find(|step| step.from == from);
                step.ok_or(StoreError::NoMigration { from, ours: self.version })
            })
            .collect()
    }

    pub(crate) fn refuse_newer(&self, found: u32) -> Result<(), StoreError> {
        if found > self.version { Err(StoreError::NewerSchema { found, ours: self.version }) } else { Ok(()) }
    }
}

pub(crate) fn apply(table: &mut Table<'_, Bytes, Bytes>, op: &Op) -> Result<(), redb::StorageError> {
    match op {
        Op::Put { key, value } => table.insert(key.as_slice(), value.as_slice()).map(|_| ()),
        Op::Delete { key } => table.remove(key.as_slice()).map(|_| ()),
    }
}

pub(crate) fn scan(
    table: &impl redb::ReadableTable<Bytes, Bytes>,
    prefix: &[u8],
) -> Result<Vec<Pair>, redb::StorageError> {
    scan_from(table, prefix, Bound::Included(prefix), usize::MAX)
}

/// At most `limit` pairs with this prefix, from a key on.
pub(crate) fn scan_from(
    table: &impl redb::ReadableTable<Bytes, Bytes>,
    prefix: &[u8],
    from: Bound<&[u8]>,
    limit: usize,
) -> Result<Vec<Pair>, redb::StorageError> {
    let mut found = Vec::new();
    for pair in table.range::<&[u8]>((from, Bound::Unbounded))?.take(limit) {
        let (key, value) = pair?;
        if !key.value().starts_with(prefix) {
            break;
        }
        found.push((key.value().to_vec(), value.value().to_vec()));
    }
    Ok(found)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
