//! The encrypted seed phrase.

use super::store_file::place;
use crate::Seed;
use perunika_node::keystore::open;

/// Most work for the key's derivation, in KiB and passes: what is allowed beyond it is bounded by the keystore itself.
const WORK_MAX: u64 = 1 << 10;

/// A phrase or an error.
pub(super) fn run(bytes: &[u8]) -> bool {
    if costly(bytes) {
        return false;
    }
    let folder = tempfile::tempdir_in(place()).expect("a folder");
    let path = folder.path().join("keystore.json");
    std::fs::write(&path, bytes).expect("room for a file");
    match open(&path, "password") {
        Ok(phrase) => phrase.keys().is_ok(),
        Err(error) => {
            let _ = error.to_string();
            false
        }
    }
}

/// So much that a run would take long: honest files cost 192 MiB of memory traffic.
fn costly(bytes: &[u8]) -> bool {
    let cost = serde_json::from_slice::<serde_json::Value>(bytes).ok().and_then(|file| file.get("cost").cloned());
    let number = |name: &str| cost.as_ref().and_then(|cost| cost.get(name)?.as_u64()).unwrap_or_default();
    let work = number("memory_kib").max(1).saturating_mul(number("passes").max(1));
    work.saturating_mul(number("lanes").max(1)) > WORK_MAX
}

pub(super) fn seeds() -> Vec<Seed> {
    let sound = perunika_node::fuzzing::cheap_keystore("password");
    let text = String::from_utf8_lossy(&sound).into_owned();
    vec![
        ("opens".into(), sound),
        ("another_password".into(), perunika_node::fuzzing::cheap_keystore("another")),
        ("no_cost".into(), text.replace("\"memory_kib\":8", "\"memory_kib\":0").into_bytes()),
        ("short".into(), text.replace("01010101", "").into_bytes()),
    ]
}
