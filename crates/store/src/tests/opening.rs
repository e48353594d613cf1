use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use super::numbered;
use crate::{Migration, Op, SCHEMA_VERSION, Schema, Store, StoreConfig, StoreError, WriteBatch};

fn with_schema(version: u32, migrations: Vec<Migration>) -> StoreConfig {
    StoreConfig { schema: Schema { version, migrations }, ..StoreConfig::default() }
}

fn file_bytes(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("perunika.redb")).unwrap()
}

#[test]
fn reopening_finds_everything() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("not/yet/there");
    for round in 0..3 {
        let store = Store::open(&folder).unwrap();
        assert_eq!(store.scan_prefix(b"").unwrap().len(), round * 10);
        for n in 0..10 {
            store.commit_blocking(numbered((round * 10 + n) as u64)).unwrap();
        }
    }
}

#[test]
fn a_second_open_is_refused_until_the_first_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path()).unwrap();
    let refused = Store::open(dir.path()).unwrap_err();
    assert_eq!(refused, StoreError::Locked { folder: dir.path().to_path_buf() });
    assert!(refused.to_string().contains("already open in another process"), "{refused}");
    first.commit_blocking(numbered(1)).unwrap();
    drop(first);
    Store::open(dir.path()).unwrap();
}

/// A page that was never written like that makes the file format's library panic; whoever runs the node hears an error.
#[test]
fn a_damaged_page_is_an_error_or_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path()).unwrap().commit_blocking(numbered(1)).unwrap();
    let sound = file_bytes(dir.path());
    let mut damaged = 0;
    for page in 0..sound.len().div_ceil(4_096).min(16) {
        let mut bytes = sound.clone();
        bytes[page * 4_096..][..64].fill(0xff);
        fs::write(dir.path().join("perunika.redb"), &bytes).unwrap();
        let read = Store::open(dir.path()).and_then(|store| store.scan_prefix(b""));
        match read {
            Ok(pairs) => assert!(pairs.len() <= 1),
            Err(error) => {
                assert!(matches!(error, StoreError::Unusable { .. } | StoreError::Read(_)), "{error}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "no page mattered");
}

/// The same where the file is damaged under an open store: the writer says so, and goes on saying so.
#[test]
fn a_damaged_page_stops_the_writer_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_with(dir.path(), &StoreConfig { cache_bytes: 0, ..StoreConfig::default() }).unwrap();
    let rows = (0..400).map(|n| (format!("row/{n:03}"), [7; 200]));
    store.commit_blocking(rows.fold(numbered(1), |batch, (key, value)| batch.put(key, value))).unwrap();

    let pages = file_bytes(dir.path()).len() / 4_096;
    let mut file = fs::OpenOptions::new().write(true).open(dir.path().join("perunika.redb")).unwrap();
    // The first page is the file's header, which the library keeps in memory.
    for page in 1..pages {
        file.seek(SeekFrom::Start(page as u64 * 4_096)).unwrap();
        file.write_all(&[0xff; 64]).unwrap();
    }

    let error = store.commit_blocking(numbered(2)).unwrap_err();
    assert!(matches!(error, StoreError::Stopped { .. }), "{error}");
    assert_eq!(store.failure(), Some(error.clone()));
    assert_eq!(store.commit_blocking(numbered(3)), Err(error));
}

#[test]
fn a_newer_schema_is_refused_and_not_a_byte_changes() {
    let dir = tempfile::tempdir().unwrap();
    let newer = SCHEMA_VERSION + 1;
    Store::open_with(dir.path(), &with_schema(newer, vec![])).unwrap().commit_blocking(numbered(1)).unwrap();
    let before = file_bytes(dir.path());
    let refused = Store::open(dir.path()).unwrap_err();
    assert_eq!(refused, StoreError::NewerSchema { found: newer, ours: SCHEMA_VERSION });
    assert!(before == file_bytes(dir.path()), "the file changed");
}

#[test]
fn migrations_run_in_order_once() {
    fn rename(migrator: &mut crate::Migrator<'_>) -> Result<(), String> {
        for (key, value) in migrator.scan_prefix(b"old/")? {
            let renamed = [b"new/", &key[4..]].concat();
            migrator.apply(Op::Delete { key })?;
            migrator.apply(Op::Put { key: renamed, value })?;
        }
        Ok(())
    }
    fn mark(migrator: &mut crate::Migrator<'_>) -> Result<(), String> {
        let mut value = migrator.get(b"new/1")?.ok_or("the first step has not run")?;
        value.push(b'!');
        migrator.apply(Op::Put { key: b"new/1".to_vec(), value })
    }
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open_with(dir.path(), &with_schema(1, vec![])).unwrap();
    first.commit_blocking(WriteBatch::new().put("old/1", "a").put("x", "y")).unwrap();
    drop(first);

    let config = with_schema(3, vec![Migration { from: 2, run: mark }, Migration { from: 1, run: rename }]);
    for _ in 0..2 {
        let store = Store::open_with(dir.path(), &config).unwrap();
        let pairs = [(b"new/1".to_vec(), b"a!".to_vec()), (b"x".to_vec(), b"y".to_vec())];
        assert_eq!(store.scan_prefix(b"").unwrap(), pairs);
    }
}

#[test]
fn a_failed_or_missing_migration_leaves_the_data_alone() {
    fn fail(migrator: &mut crate::Migrator<'_>) -> Result<(), String> {
        migrator.apply(Op::Put { key: b"half".to_vec(), value: b"done".to_vec() })?;
        Err("cannot read record 7".into())
    }
    let dir = tempfile::tempdir().unwrap();
    Store::open_with(dir.path(), &with_schema(1, vec![])).unwrap().commit_blocking(numbered(1)).unwrap();

    let missing = Store::open_with(dir.path(), &with_schema(2, vec![])).unwrap_err();
    assert_eq!(missing, StoreError::NoMigration { from: 1, ours: 2 });
    let failed = Store::open_with(dir.path(), &with_schema(2, vec![Migration { from: 1, run: fail }])).unwrap_err();
    assert_eq!(failed, StoreError::MigrationFailed { from: 1, reason: "cannot read record 7".into() });

    let store = Store::open_with(dir.path(), &with_schema(1, vec![])).unwrap();
    assert_eq!(store.scan_prefix(b"").unwrap().len(), 1);
}

#[test]
fn a_file_of_another_kind_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("perunika.redb");
    fs::write(&path, b"this is a letter, not a database; please do not overwrite it".repeat(100)).unwrap();
    let before = file_bytes(dir.path());
    let refused = Store::open(dir.path()).unwrap_err();
    assert!(matches!(&refused, StoreError::Unusable { folder, .. } if folder == dir.path()), "{refused}");
    assert!(before == file_bytes(dir.path()));
}

#[test]
fn an_empty_file_left_by_a_crash_is_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("perunika.redb"), b"").unwrap();
    Store::open(dir.path()).unwrap().commit_blocking(numbered(1)).unwrap();
}
