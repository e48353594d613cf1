//! Opening the file: the lock, the schema check before anything is touched, migrations.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, TableError};

use crate::{
    StoreError,
    error::damage_is_an_error,
    schema::{DATA, META, Migrator, SCHEMA_KEY, Schema},
};

const FILE_NAME: &str = "perunika.redb";

/// Opens or creates the file in `folder` and brings it to `schema`.
pub(crate) fn open(folder: &Path, cache_bytes: usize, schema: &Schema) -> Result<Database, StoreError> {
    let at = At(folder);
    create_private_folder(folder).map_err(|error| at.unusable(error))?;
    let db = damage_is_an_error(|| open_file(folder, cache_bytes, schema)).map_err(|error| at.place(error))?;
    sync_folder(folder).map_err(|error| at.unusable(error))?;
    Ok(db)
}

fn open_file(folder: &Path, cache_bytes: usize, schema: &Schema) -> Result<Database, StoreError> {
    let at = At(folder);
    let path = folder.join(FILE_NAME);
    if path.exists() {
        refuse_newer_untouched(&path, schema, at)?;
    }
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    let db = builder.create(&path).map_err(|error| at.database(error))?;
    migrate(&db, schema).map_err(|error| at.place(error))?;
    Ok(db)
}

/// Brings an open database to `schema`; one transaction, so that a crash leaves the old version or the new one.
pub(crate) fn migrate(db: &Database, schema: &Schema) -> Result<(), StoreError> {
    let mut found = None;
    let read = db.begin_read().map_err(StoreError::read)?;
    if let Some(version) = schema_of(&read)? {
        schema.refuse_newer(version)?;
        if version == schema.version {
            return Ok(());
        }
        found = Some(version);
    }
    drop(read);

    let steps = schema.path_from(found.unwrap_or(schema.version))?;
    let txn = db.begin_write().map_err(StoreError::read)?;
    {
        let mut migrator = Migrator { table: txn.open_table(DATA).map_err(StoreError::read)? };
        for step in steps {
            (step.run)(&mut migrator).map_err(|reason| StoreError::MigrationFailed { from: step.from, reason })?;
        }
        let mut meta = txn.open_table(META).map_err(StoreError::read)?;
        meta.insert(SCHEMA_KEY, schema.version).map_err(StoreError::read)?;
    }
    txn.commit().map_err(StoreError::read)
}

/// Looks at the version through a read-only handle, so that refusing leaves every byte as it was. A file that was not
/// closed cleanly cannot be read that way; then the check in [`migrate`] decides, after redb's repair.
fn refuse_newer_untouched(path: &Path, schema: &Schema, at: At<'_>) -> Result<(), StoreError> {
    let probe = match Builder::new().set_cache_size(0).open_read_only(path) {
        Ok(probe) => probe,
        Err(DatabaseError::RepairAborted) => return Ok(()),
        Err(DatabaseError::Storage(_)) if is_empty(path) => return Ok(()),
        Err(error) => return Err(at.database(error)),
    };
    let read = probe.begin_read().map_err(|error| at.unusable(error))?;
    match schema_of(&read)? {
        Some(version) => schema.refuse_newer(version),
        None => Ok(()),
    }
}

/// A crash between creating the file and its first transaction leaves it empty.
fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() == 0)
}

fn schema_of(read: &redb::ReadTransaction) -> Result<Option<u32>, StoreError> {
    let table = match read.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(StoreError::read(error)),
    };
    let version = table.get(SCHEMA_KEY).map_err(StoreError::read)?;
    Ok(version.map(|version| version.value()))
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the file's directory entry durable; without it a power loss can take the whole new file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Names the folder in errors.
#[derive(Clone, Copy)]
struct At<'a>(&'a Path);

impl At<'_> {
    fn folder(self) -> PathBuf {
        self.0.to_path_buf()
    }

    fn unusable(self, error: impl std::fmt::Display) -> StoreError {
        StoreError::Unusable { folder: self.folder(), reason: error.to_string() }
    }

    fn database(self, error: DatabaseError) -> StoreError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { folder: self.folder() },
            error => self.unusable(error),
        }
    }

    fn place(self, error: StoreError) -> StoreError {
        match error {
            StoreError::Read(reason) => StoreError::Unusable { folder: self.folder(), reason },
            error => error,
        }
    }
}
