//! From one seed phrase to every secret of a node (BIP-39, BIP-32).
//!
//! | secret | path |
//! |---|---|
//! | owner account: deposits, pays gas, receives | `m/44'/60'/0'/0/0` |
//! | channel key: signs states | `m/7265'/0'/0'` |
//! | activation key: secrets of virtual channels | `m/7265'/1'/0'` |
//! | transport key: the libp2p identity | `m/7265'/2'/0'` |
//!
//! Only the owner's path is that of ordinary wallets; a wallet that restores the phrase finds the money there.

use bip32::{DerivationPath, XPrv};
use bip39::{Language, Mnemonic};
use perunika_core::sig::{MemoryKey, RawKey as _};
use perunika_core::{Address, B256};
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

const OWNER: &str = "m/44'/60'/0'/0/0";
const CHANNEL: &str = "m/7265'/0'/0'";
const ACTIVATION: &str = "m/7265'/1'/0'";
const TRANSPORT: &str = "m/7265'/2'/0'";

/// A phrase or a secret that cannot be used, in words that do not repeat it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 12 or 24 words.
    #[error("a seed phrase has 12 or 24 words, this one has {0}")]
    WordCount(usize),
    /// A word is not in the list.
    #[error("word {0} of the seed phrase is not in the English BIP-39 list")]
    UnknownWord(usize),
    /// The words do not fit each other.
    #[error("the checksum of the seed phrase is wrong: a word is mistyped or in the wrong place")]
    Checksum,
    /// One in 2^127 phrases.
    #[error("the seed phrase gives no valid key; create another one")]
    Unlucky,
    /// No randomness.
    #[error("the system gives no random bytes: {0}")]
    Entropy(String),
}

/// A BIP-39 phrase of 12 or 24 English words. Wiped on drop, absent from debug output.
#[derive(Clone)]
pub struct Phrase(Mnemonic);

impl Phrase {
    /// A fresh phrase of 12 words.
    pub fn generate() -> Result<Self, KeyError> {
        let mut entropy = Zeroizing::new([0u8; 16]);
        getrandom::fill(entropy.as_mut()).map_err(|error| KeyError::Entropy(error.to_string()))?;
        Self::from_entropy(entropy.as_ref())
    }

    /// Reads words separated by any white space.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let words = Zeroizing::new(text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" "));
        let count = words.split(' ').filter(|word| !word.is_empty()).count();
        if count != 12 && count != 24 {
            return Err(KeyError::WordCount(count));
        }
        match Mnemonic::parse_in_normalized(Language::English, &words) {
            Ok(phrase) => Ok(Self(phrase)),
            Err(bip39::Error::UnknownWord(index)) => Err(KeyError::UnknownWord(index + 1)),
            Err(_) => Err(KeyError::Checksum),
        }
    }

    /// From 16 or 32 bytes.
    pub(crate) fn from_entropy(entropy: &[u8]) -> Result<Self, KeyError> {
        Mnemonic::from_entropy_in(Language::English, entropy).map(Self).map_err(|_| KeyError::Checksum)
    }

    pub(crate) fn entropy(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_entropy())
    }

    /// The words, to be shown to their owner once.
    pub fn words(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.words().collect::<Vec<_>>().join(" "))
    }

    /// Every secret of the node.
    pub fn keys(&self) -> Result<Keys, KeyError> {
        let seed = Zeroizing::new(self.0.to_seed_normalized(""));
        let secret = |path: &str| -> Result<Secret, KeyError> {
            let path: DerivationPath = path.parse().map_err(|_| KeyError::Unlucky)?;
            let key = XPrv::derive_from_path(seed.as_ref(), &path).map_err(|_| KeyError::Unlucky)?;
            Ok(Secret(key.private_key().to_bytes().into()))
        };
        Ok(Keys {
            owner: secret(OWNER)?,
            channel: secret(CHANNEL)?,
            activation: secret(ACTIVATION)?,
            transport: secret(TRANSPORT)?,
        })
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(..)")
    }
}

/// 32 secret bytes. Wiped on drop, absent from debug output.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The bytes, for whoever takes the secret over.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The secrets of a node.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Secret key of the account that deposits and receives (secp256k1).
    pub owner: Secret,
    channel: Secret,
    activation: Secret,
    /// Secret of the transport identity.
    pub transport: Secret,
}

impl Keys {
    /// The key that signs states, with the activation key beside it.
    pub fn channel_key(&self) -> Result<MemoryKey, KeyError> {
        let (key, activation) = (B256::from(self.channel.0), B256::from(self.activation.0));
        MemoryKey::new(key, activation).ok_or(KeyError::Unlucky)
    }

    /// Address of the channel key: the name of this node.
    pub fn node_address(&self) -> Result<Address, KeyError> {
        Ok(self.channel_key()?.address())
    }

    /// Address of the owner account.
    pub fn owner_address(&self) -> Result<Address, KeyError> {
        let key = MemoryKey::new(B256::from(self.owner.0), B256::ZERO).ok_or(KeyError::Unlucky)?;
        Ok(key.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "test test test test test test test test test test test junk";

    #[test]
    fn the_owner_is_where_wallets_look() {
        let keys = Phrase::parse(KNOWN).unwrap().keys().unwrap();
        let owner = keys.owner_address().unwrap();
        assert_eq!(owner.to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    }

    #[test]
    fn every_purpose_has_a_secret_of_its_own() {
        let keys = Phrase::parse(KNOWN).unwrap().keys().unwrap();
        let mut all = [&keys.owner, &keys.channel, &keys.activation, &keys.transport].map(|s| *s.expose());
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
        assert_ne!(keys.node_address().unwrap(), keys.owner_address().unwrap());
    }

    #[test]
    fn a_generated_phrase_can_be_typed_in_again() {
        let phrase = Phrase::generate().unwrap();
        let typed = format!("  {} ", phrase.words().replace(' ', "\n ").to_uppercase());
        assert_eq!(*Phrase::parse(&typed).unwrap().words(), *phrase.words());
    }

    #[test]
    fn a_bad_phrase_is_refused_without_being_repeated() {
        assert_eq!(Phrase::parse("test test").unwrap_err(), KeyError::WordCount(2));
        assert_eq!(Phrase::parse(&KNOWN.replace("junk", "jnuk")).unwrap_err(), KeyError::UnknownWord(12));
        assert_eq!(Phrase::parse(&KNOWN.replace("junk", "test")).unwrap_err(), KeyError::Checksum);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let phrase = Phrase::parse(KNOWN).unwrap();
        let shown = format!("{phrase:?} {:?}", phrase.keys().unwrap());
        assert!(!shown.contains("junk") && !shown.contains("172"), "{shown}");
    }
}
