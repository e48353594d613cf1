//! The seed phrase on disk, encrypted with a password: Argon2id for the key, ChaCha20-Poly1305 for the secret.

use crate::files;
use crate::keys::{KeyError, Phrase};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FORMAT: u32 = 1;
/// 64 MiB, three passes: about a tenth of a second on a small server.
const DEFAULT_COST: Cost = Cost { memory_kib: 64 << 10, passes: 3, lanes: 1 };
/// A file may not make the node allocate or compute without end.
const MEMORY_MAX_KIB: u32 = 1 << 20;
const PASSES_MAX: u32 = 100;

/// Why a keystore cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The password does not open it; a change of the ciphertext looks the same.
    #[error("the password does not open the keystore {}: it is another one, or the file is damaged", .0.display())]
    WrongPassword(PathBuf),
    /// There is one already.
    #[error("there is a keystore already in {}; it is never overwritten", .0.display())]
    Exists(PathBuf),
    /// The file cannot be used.
    #[error("cannot use the keystore {}: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// What it holds is no seed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    kdf: String,
    cost: Cost,
    salt: String,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

/// Encrypts the phrase into a new file.
pub fn create(path: &Path, phrase: &Phrase, password: &str) -> Result<(), KeystoreError> {
    create_with(path, phrase, password, DEFAULT_COST)
}

/// Decrypts the phrase.
pub fn open(path: &Path, password: &str) -> Result<Phrase, KeystoreError> {
    let unusable = |reason: String| KeystoreError::Unusable { path: path.into(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let file: File = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    if file.format != FORMAT || file.kdf != "argon2id" || file.cipher != "chacha20-poly1305" {
        return Err(unusable(format!("format {} is not known to this program", file.format)));
    }
    let bytes = |name: &str, text: &str, len: Option<usize>| {
        let bytes = hex::decode(text).ok().filter(|bytes| len.is_none_or(|len| bytes.len() == len));
        bytes.ok_or_else(|| unusable(format!("`{name}` is damaged")))
    };
    let salt = bytes("salt", &file.salt, Some(16))?;
    let nonce = bytes("nonce", &file.nonce, Some(12))?;
    let ciphertext = bytes("ciphertext", &file.ciphertext, None)?;
    let key = derive(password, &salt, file.cost).map_err(unusable)?;
    let cipher = ChaCha20Poly1305::new(Key::from_slice(key.as_ref()));
    let payload = Payload { msg: &ciphertext, aad: b"perunika keystore 1" };
    let entropy =
        cipher.decrypt(Nonce::from_slice(&nonce), payload).map_err(|_| KeystoreError::WrongPassword(path.into()))?;
    Ok(Phrase::from_entropy(&Zeroizing::new(entropy))?)
}

fn create_with(path: &Path, phrase: &Phrase, password: &str, cost: Cost) -> Result<(), KeystoreError> {
    let unusable = |reason: String| KeystoreError::Unusable { path: path.into(), reason };
    if path.exists() {
        return Err(KeystoreError::Exists(path.into()));
    }
    let mut salt = [0u8; 16];
    let mut nonce = [0u8; 12];
    for bytes in [&mut salt[..], &mut nonce[..]] {
        getrandom::fill(bytes).map_err(|error| unusable(error.to_string()))?;
    }
    let file = seal(phrase, password, cost, salt, nonce).map_err(unusable)?;
    let json = serde_json::to_string_pretty(&file).map_err(|error| unusable(error.to_string()))?;
    files::write_private(path, json.as_bytes()).map_err(|error| unusable(error.to_string()))
}

fn seal(phrase: &Phrase, password: &str, cost: Cost, salt: [u8; 16], nonce: [u8; 12]) -> Result<File, String> {
    let key = derive(password, &salt, cost)?;
    let cipher = ChaCha20Poly1305::new(Key::from_slice(key.as_ref()));
    let entropy = phrase.entropy();
    let payload = Payload { msg: &entropy, aad: b"perunika keystore 1" };
    let ciphertext = cipher.encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| "the encryption failed")?;
    Ok(File {
        format: FORMAT,
        kdf: "argon2id".into(),
        cost,
        salt: hex::encode(salt),
        cipher: "chacha20-poly1305".into(),
        nonce: hex::encode(nonce),
        ciphertext: hex::encode(ciphertext),
    })
}

/// For fuzzing only: a keystore that costs next to nothing, the same one each time.
pub(crate) fn cheap(password: &str) -> Option<String> {
    let phrase = Phrase::from_entropy(&[5; 32]).ok()?;
    let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    serde_json::to_string(&seal(&phrase, password, cost, [1; 16], [2; 12]).ok()?).ok()
}

fn derive(password: &str, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, String> {
    if cost.memory_kib > MEMORY_MAX_KIB || cost.passes > PASSES_MAX {
        return Err("the cost of its key derivation is beyond all measure".into());
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, key.as_mut())
        .map_err(|error| error.to_string())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn stored(password: &str) -> (tempfile::TempDir, PathBuf, Phrase) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keystore.json");
        let phrase = Phrase::generate().unwrap();
        create_with(&path, &phrase, password, CHEAP).unwrap();
        (folder, path, phrase)
    }

    #[test]
    fn the_right_password_opens_it() {
        let (_folder, path, phrase) = stored("lípa");
        assert_eq!(*open(&path, "lípa").unwrap().words(), *phrase.words());
    }

    #[test]
    fn a_wrong_password_is_said_in_one_sentence() {
        let (_folder, path, _) = stored("right");
        let error = open(&path, "wrong").unwrap_err();
        let start = format!("the password does not open the keystore {}: ", path.display());
        assert!(error.to_string().starts_with(&start), "{error}");
    }

    #[test]
    fn a_damaged_file_never_opens() {
        let (_folder, path, _) = stored("p");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut file: File = serde_json::from_str(&text).unwrap();
        let flipped = if file.ciphertext.starts_with('0') { "1" } else { "0" };
        file.ciphertext.replace_range(0..1, flipped);
        std::fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
        assert!(matches!(open(&path, "p"), Err(KeystoreError::WrongPassword(_))));
        file.cost.memory_kib = u32::MAX;
        std::fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
        assert!(matches!(open(&path, "p"), Err(KeystoreError::Unusable { .. })));
        std::fs::write(&path, &text[..40]).unwrap();
        assert!(matches!(open(&path, "p"), Err(KeystoreError::Unusable { .. })));
    }

    #[test]
    fn a_keystore_is_never_overwritten_and_holds_no_plain_words() {
        let (_folder, path, phrase) = stored("p");
        assert!(matches!(create_with(&path, &phrase, "p", CHEAP), Err(KeystoreError::Exists(_))));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex::encode(phrase.entropy().as_slice())));
    }
}
