//! A node's folder.

use crate::config::Template;
use crate::files;
use crate::keys::{KeyError, Phrase};
use crate::keystore::{self, KeystoreError};
use perunika_core::Address;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refuses.
    #[error("cannot use {}: {reason}", .path.display())]
    Unusable {
        /// File or folder.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// A node lives there already.
    #[error("there is a node already in {}", .0.display())]
    Occupied(PathBuf),
    /// The keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Addresses of a fresh node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Of the channel key: the node's name among peers.
    pub key: Address,
    /// Of the account that deposits; it needs ETH.
    pub owner: Address,
}

/// Paths in a node's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The encrypted seed phrase.
    pub fn keystore(&self) -> PathBuf {
        self.0.join("keystore.json")
    }

    /// The API's bearer token.
    pub fn token(&self) -> PathBuf {
        self.0.join("api.token")
    }

    /// The store.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Where the API of the running node listens, as text; written at each start.
    pub fn api_address(&self) -> PathBuf {
        self.0.join("api.address")
    }

    /// The node as others write it, `0x<key>@host:port`, as text.
    pub fn peer_address(&self) -> PathBuf {
        self.0.join("peer.address")
    }

    /// Makes the folder with config file, keystore and token. Overwrites nothing.
    pub fn init(&self, template: &Template, phrase: &Phrase, password: &str) -> Result<Identity, FolderError> {
        let keys = phrase.keys()?;
        if self.config().exists() || self.keystore().exists() {
            return Err(FolderError::Occupied(self.0.clone()));
        }
        let identity = Identity { key: keys.node_address()?, owner: keys.owner_address()? };
        fs::create_dir_all(&self.0).map_err(|error| unusable(&self.0, &error))?;
        let had_token = self.token().exists();
        self.fill(template, phrase, password).inspect_err(|_| {
            // Nothing of a failed attempt blocks the next one.
            let _ = fs::remove_file(self.keystore());
            let _ = fs::remove_file(self.config());
            if !had_token {
                let _ = fs::remove_file(self.token());
            }
        })?;
        Ok(identity)
    }

    /// The keystore comes last: where one is, everything is.
    fn fill(&self, template: &Template, phrase: &Phrase, password: &str) -> Result<(), FolderError> {
        let config = self.config();
        files::write_private(&config, template.render().as_bytes()).map_err(|error| unusable(&config, &error))?;
        self.read_token()?;
        if template.listen.port() != 0 {
            self.write_peer_address(&format!("{}@{}", phrase.keys()?.node_address()?, template.listen))?;
        }
        Ok(keystore::create(&self.keystore(), phrase, password)?)
    }

    /// The token; a fresh one if there is none.
    pub fn read_token(&self) -> Result<String, FolderError> {
        let path = self.token();
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 32 => return Ok(text.trim().to_string()),
            Ok(_) => {
                return Err(FolderError::Unusable { path, reason: "the token has less than 32 characters".into() });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(&path, &error)),
        }
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| KeyError::Entropy(error.to_string()))?;
        let token = hex::encode(bytes);
        files::write_private(&path, token.as_bytes()).map_err(|error| unusable(&path, &error))?;
        Ok(token)
    }

    pub(crate) fn write_peer_address(&self, address: &str) -> Result<(), FolderError> {
        let path = self.peer_address();
        files::write_private(&path, address.as_bytes()).map_err(|error| unusable(&path, &error))
    }

    pub(crate) fn write_api_address(&self, address: &str) -> Result<(), FolderError> {
        let path = self.api_address();
        files::write_private(&path, address.as_bytes()).map_err(|error| unusable(&path, &error))
    }
}

fn unusable(path: &Path, error: &io::Error) -> FolderError {
    FolderError::Unusable { path: path.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use perunika_core::Domain;

    #[test]
    fn a_failed_init_leaves_nothing_that_blocks_the_next() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let template = Template::new("http://h", Domain { chain_id: 1, adjudicator: Address::ZERO });
        let phrase = Phrase::generate().unwrap();
        fs::write(folder.token(), "short").unwrap();
        assert!(folder.init(&template, &phrase, "p").is_err());
        assert!(!folder.config().exists() && !folder.keystore().exists());
        fs::remove_file(folder.token()).unwrap();
        folder.init(&template, &phrase, "p").unwrap();
        assert!(matches!(folder.init(&template, &phrase, "p"), Err(FolderError::Occupied(_))));
    }
}
