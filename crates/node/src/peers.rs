//! The peers that this node knows, and the way to the network.

use crate::engine::Peers;
use crate::shop::Dial;
use crate::wire;
use perunika_client::types::Peer;
use perunika_core::Address;
use perunika_core::message::Message;
use perunika_net::{NetHandle, Payload, PeerAddr, PeerKey, SendError};
use perunika_store::{Store, StoreError, WriteBatch};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PREFIX: &[u8] = b"peer/";
/// Application messages above this size, bytes, let others pass.
const BULK_FROM: usize = 16 << 10;

/// Knows where peers are; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct PeerBook {
    net: NetHandle,
    store: Store,
    announce: Option<String>,
    known: Arc<Mutex<BTreeMap<Address, PeerAddr>>>,
}

impl PeerBook {
    /// With the peers of the config file and of earlier runs; connects to all of them.
    pub(crate) async fn open(
        net: NetHandle,
        store: Store,
        announce: Option<String>,
        configured: &[PeerAddr],
    ) -> Result<Self, StoreError> {
        let book = Self { net, store, announce, known: Arc::default() };
        let stored = book.store.scan_prefix(PREFIX)?.into_iter();
        let stored = stored.filter_map(|(_, value)| String::from_utf8(value).ok()?.parse().ok());
        for address in stored.chain(configured.iter().cloned()) {
            book.connect(address).await;
        }
        Ok(book)
    }

    /// Remembers a peer and stays connected with it.
    pub(crate) async fn add(&self, address: PeerAddr) -> Result<Peer, StoreError> {
        let key = Address::from(address.key.0);
        let batch = WriteBatch::new().put([PREFIX, key.as_slice()].concat(), address.to_string());
        self.store.commit(batch).await?;
        self.connect(address).await;
        Ok(self.show(key))
    }

    pub(crate) fn list(&self) -> Vec<Peer> {
        let connected = self.net.connected().into_iter().map(|key| Address::from(key.0));
        let mut keys: Vec<Address> = self.known().keys().copied().chain(connected).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|key| self.show(key)).collect()
    }

    /// Where peers connect.
    pub(crate) fn listen(&self) -> Vec<String> {
        self.net.local_addrs().iter().map(ToString::to_string).collect()
    }

    /// `host:port` that others are told.
    pub(crate) fn place(&self) -> Option<String> {
        self.announce.clone().or_else(|| self.listen().into_iter().next())
    }

    fn show(&self, key: Address) -> Peer {
        let connected = self.net.connected().contains(&PeerKey(key.into_array()));
        Peer { key, address: self.known().get(&key).map(ToString::to_string), connected }
    }

    async fn connect(&self, address: PeerAddr) {
        self.known().insert(Address::from(address.key.0), address.clone());
        if let Err(error) = self.net.add_peer(address).await {
            tracing::debug!(%error, "a peer was not added");
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Address, PeerAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dial for PeerBook {
    fn dial(&self, address: PeerAddr) {
        let book = self.clone();
        if !book.known().contains_key(&Address::from(address.key.0)) {
            tokio::spawn(async move { book.connect(address).await });
        }
    }
}

/// Sends what the engine releases.
#[derive(Debug)]
pub(crate) struct NetPeers(pub(crate) NetHandle);

impl Peers for NetPeers {
    fn send(&self, to: Address, message: &Message) {
        let large = matches!(message, Message::App { data } if data.len() > BULK_FROM);
        let bytes = wire::encode(message);
        let payload = if large { Payload::Bulk(bytes) } else { Payload::Control(bytes) };
        match self.0.send(PeerKey(to.into_array()), payload) {
            Ok(()) | Err(SendError::NotConnected(_)) => {}
            Err(error) => tracing::warn!(%error, "a message was dropped"),
        }
    }

    fn drop_connection(&self, peer: Address, reason: &str) {
        self.0.drop_connection(PeerKey(peer.into_array()), reason);
    }
}
