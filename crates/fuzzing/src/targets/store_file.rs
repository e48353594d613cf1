//! The file of the store after something else than the store has written to it.

use crate::{Seed, Source, block};
use perunika_store::{Store, WriteBatch};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Name of the file in its folder.
const FILE: &str = "perunika.redb";

/// A file with a few records, closed as it should be.
fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let folder = tempfile::tempdir_in(place()).expect("a folder");
        let store = Store::open(folder.path()).expect("a new store");
        for round in 0..8u8 {
            let put = |batch: WriteBatch, n: u8| batch.put([b'k', round, n], vec![n; 16 * usize::from(n)]);
            store.commit_blocking((0..16).fold(WriteBatch::new(), put)).expect("a write");
        }
        drop(store);
        std::fs::read(folder.path().join(FILE)).expect("the file")
    })
}

/// In memory if the system has such a folder: nothing here has to last.
pub(super) fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.into() } else { std::env::temp_dir() }
}

/// Opens a file with changed places and another length: an error or whatever is left.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    let mut file = sound().to_vec();
    match source.u8() % 4 {
        0 => file.truncate(source.u64() as usize % (file.len() + 1)),
        1 => file.extend(source.block()),
        2 => file = source.block().to_vec(),
        _ => {}
    }
    while !source.is_empty() && !file.is_empty() {
        let at = u32::from_le_bytes(source.array()) as usize % file.len();
        let patch = source.block();
        let end = file.len().min(at + patch.len());
        file[at..end].copy_from_slice(&patch[..end - at]);
    }
    let folder = tempfile::tempdir_in(place()).expect("a folder");
    std::fs::write(folder.path().join(FILE), &file).expect("room for a file");
    let Ok(store) = Store::open(folder.path()) else { return false };
    let _ = (store.get(b"k"), store.scan_prefix(b""), store.scan_after(b"k", &[], 5));
    store.commit_blocking(WriteBatch::new().put("new", "value")).is_ok()
}

pub(super) fn seeds() -> Vec<Seed> {
    let patch = |at: u32, bytes: &[u8]| [&at.to_le_bytes()[..], &block(bytes)].concat();
    vec![
        ("untouched".into(), vec![3]),
        ("empty".into(), vec![0]),
        ("cut".into(), [&[0][..], &4_096u64.to_le_bytes()].concat()),
        ("no_file_of_ours".into(), [&[2][..], &block(b"hello")].concat()),
        ("magic".into(), [&[3][..], &patch(0, b"R")].concat()),
        ("god_byte".into(), [&[3][..], &patch(9, &[2])].concat()),
        ("page".into(), [&[3][..], &patch(4_096, &[0xff; 64])].concat()),
    ]
}
