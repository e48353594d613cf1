//! The peers that this node knows, and the way to the network.

mod place;

use crate::engine::{EngineHandle, Peers, Stopped};
use crate::metrics::{Dropped, Metrics};
use crate::places::{Hints, OWN, of_path};
use crate::shop::Dial;
use crate::tasks::Tasks;
use crate::wire;
use perunika_client::types::Peer;
use perunika_core::Address;
use perunika_core::message::Message;
use perunika_net::{NetHandle, Payload, PeerAddr, PeerKey, SendError};
use perunika_store::{Op, Store, StoreError, WriteBatch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Places of peers, the newest first, one a line.
const PREFIX: &[u8] = b"peer/";
/// Places of participants of virtual channels.
const HINT_PREFIX: &[u8] = b"hint/";
/// Application messages above this size, bytes, let others pass.
const BULK_FROM: usize = 16 << 10;
/// Places that are kept for one peer.
const PLACES_MAX: usize = 4;
/// Connected peers without a channel whose places are remembered while they are connected.
const VISITORS_MAX: usize = 4_096;
/// How long a command waits for connections that it needs.
const REACH_MAX: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// Knows where peers are; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct PeerBook {
    net: NetHandle,
    store: Store,
    tasks: Tasks,
    me: Address,
    announce: Option<String>,
    epoch: Instant,
    known: Arc<Mutex<Known>>,
    /// Counts connections that the engine has heard of.
    arrivals: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    /// Named by the owner, or parties of a channel: called for ever.
    peers: BTreeMap<Address, Vec<PeerAddr>>,
    /// Connected and otherwise unknown.
    visitors: BTreeMap<Address, Vec<PeerAddr>>,
    /// Named by others.
    hints: Hints,
    /// Whom this node has asked, for which keys.
    asked: BTreeMap<Address, BTreeSet<Address>>,
    /// Keys whose hint is stored, and what is stored.
    lasting: BTreeMap<Address, PeerAddr>,
}

impl Known {
    /// Where a key can be called, by the best source.
    fn place(&self, key: &Address) -> Option<PeerAddr> {
        let told = |map: &BTreeMap<Address, Vec<PeerAddr>>| map.get(key).and_then(|places| places.first().cloned());
        told(&self.visitors).or_else(|| told(&self.peers)).or_else(|| self.hints.get(key).cloned())
    }

    /// What a connected key says of itself.
    fn visit(&mut self, key: Address, places: &[PeerAddr], now_ms: u64) {
        if self.visitors.len() < VISITORS_MAX || self.visitors.contains_key(&key) {
            self.visitors.insert(key, places.to_vec());
        }
        if let Some(place) = places.first().filter(|_| self.hints.get(&key).is_some()) {
            self.hints.keep(key, place.clone(), now_ms);
        }
    }

    /// Hints of a peer, as far as its allowance goes: those that are worth a call, and the keys of whom nothing is known any more.
    fn take(
        &mut self,
        from: Address,
        places: Vec<PeerAddr>,
        connected: &[PeerKey],
        now_ms: u64,
    ) -> (Vec<PeerAddr>, Vec<Address>) {
        let (mut calls, mut gone) = (Vec::new(), Vec::new());
        for place in places {
            let here = connected.contains(&place.key);
            // Of peers this node hears from themselves; and what changes nothing and calls nobody costs nothing.
            let settled = self.peers.get(&Address::from(place.key.0)).is_some_and(|places| !places.is_empty());
            if settled || (here && self.hints.has(from, &place)) {
                continue;
            }
            if !self.hints.allow(from, now_ms) {
                tracing::debug!(%from, "a peer names too many places");
                break;
            }
            if let Some(lost) = self.hints.keep(from, place.clone(), now_ms) {
                gone.extend(lost);
                if !here {
                    calls.push(place);
                }
            }
        }
        // One that was told later in the same list is known again.
        gone.retain(|key| self.hints.get(key).is_none());
        calls.retain(|place| self.hints.has(from, place));
        (calls, gone)
    }

    /// Of keys with a hint: the places that are not stored yet.
    fn make_lasting(&mut self, keys: &[Address]) -> Vec<PeerAddr> {
        let hinted = keys.iter().filter(|key| self.hints.get(key).is_some());
        let places: Vec<PeerAddr> = hinted.filter_map(|key| self.place(key)).collect();
        let mut new = |place: &PeerAddr| self.lasting.insert(place.key.0.into(), place.clone()).as_ref() != Some(place);
        places.into_iter().filter(|place| new(place)).collect()
    }

    /// Of the places in an answer: those that the peer was asked for.
    fn expected(&self, from: &Address, places: Vec<PeerAddr>) -> Vec<PeerAddr> {
        let Some(asked) = self.asked.get(from) else { return Vec::new() };
        places.into_iter().filter(|place| asked.contains(&Address::from(place.key.0))).collect()
    }
}

fn net_key(key: &Address) -> PeerKey {
    PeerKey(key.into_array())
}

impl PeerBook {
    /// With the peers of the config file and of earlier runs; connects to all of them.
    pub(crate) async fn open(
        net: NetHandle,
        store: Store,
        tasks: Tasks,
        me: Address,
        announce: Option<String>,
        configured: &[PeerAddr],
    ) -> Result<Self, StoreError> {
        let (arrivals, _) = watch::channel(0);
        let book = Self { net, store, tasks, me, announce, epoch: Instant::now(), known: Arc::default(), arrivals };
        let stored: Vec<PeerAddr> = book.stored(PREFIX)?;
        // The oldest first: each is put before those that are known.
        for address in stored.into_iter().rev().chain(configured.iter().cloned()) {
            book.connect(address).await;
        }
        for place in book.stored(HINT_PREFIX)? {
            {
                let mut known = book.known();
                let key = Address::from(place.key.0);
                known.lasting.insert(key, place.clone());
                known.hints.keep(OWN, place.clone(), book.now_ms());
            }
            book.hint(place).await;
        }
        Ok(book)
    }

    fn stored(&self, prefix: &[u8]) -> Result<Vec<PeerAddr>, StoreError> {
        let texts = self.store.scan_prefix(prefix)?.into_iter().filter_map(|(_, value)| String::from_utf8(value).ok());
        Ok(texts.flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()).collect())
    }

    /// Remembers a peer and stays connected with it.
    pub(crate) async fn add(&self, address: PeerAddr) -> Result<Peer, StoreError> {
        let key = Address::from(address.key.0);
        self.keep(key, vec![address.clone()]).await?;
        self.connect(address).await;
        Ok(self.show(key))
    }

    /// Puts places before the known ones of a peer, durably.
    async fn keep(&self, key: Address, newest: Vec<PeerAddr>) -> Result<(), StoreError> {
        let places = {
            let mut known = self.known();
            let before = known.peers.remove(&key).unwrap_or_default();
            let places = merge(newest.into_iter().chain(before.iter().cloned()));
            known.peers.insert(key, places.clone());
            places
        };
        let text = places.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let name = [PREFIX, key.as_slice()].concat();
        // What is known need not be stored: a download calls without a word to the store.
        if self.store.get(&name)?.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        self.store.commit(WriteBatch::new().put(name, text)).await
    }

    pub(crate) fn list(&self) -> Vec<Peer> {
        let connected = self.net.connected().into_iter().map(|key| Address::from(key.0));
        let mut keys: Vec<Address> = self.known().peers.keys().copied().chain(connected).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|key| self.show(key)).collect()
    }

    /// Whether the network takes commands.
    pub(crate) fn is_running(&self) -> bool {
        self.net.is_running()
    }

    /// How many peers have a connection.
    pub(crate) fn connected(&self) -> usize {
        self.net.connected().len()
    }

    /// Where peers connect.
    pub(crate) fn listen(&self) -> Vec<String> {
        self.net.local_addrs().iter().map(ToString::to_string).collect()
    }

    /// `host:port` that others are told: what the config file announces, else where this node listens; of a listener on all
    /// addresses the one from which this machine calls others.
    pub(crate) fn place(&self) -> Option<String> {
        let listening = || self.net.local_addrs().first().map(|addr| place::specific(*addr).to_string());
        self.announce.clone().or_else(listening)
    }

    fn show(&self, key: Address) -> Peer {
        let connected = self.net.connected().contains(&net_key(&key));
        Peer { key, address: self.known().place(&key).map(|place| place.to_string()), connected }
    }

    async fn connect(&self, address: PeerAddr) {
        let key = Address::from(address.key.0);
        {
            let mut known = self.known();
            let before = known.peers.remove(&key).unwrap_or_default();
            known.peers.insert(key, merge([address.clone()].into_iter().chain(before)));
        }
        if let Err(error) = self.net.add_peer(address).await {
            tracing::debug!(%error, "a peer was not added");
        }
    }

    async fn hint(&self, place: PeerAddr) {
        if let Err(error) = self.net.hint_peer(place).await {
            tracing::debug!(%error, "a place was not tried");
        }
    }

    /// [`Self::learned`] in a task of its own: the answer of the engine must not hold up what it answers to.
    pub(crate) fn learn(&self, key: Address, places: Vec<PeerAddr>, engine: &EngineHandle) {
        // At once: the connection may end before the task begins.
        self.visited(key, &places);
        let (book, engine) = (self.clone(), engine.clone());
        self.tasks.spawn(async move { book.learned(key, places, &engine).await });
    }

    fn visited(&self, key: Address, places: &[PeerAddr]) {
        let stored = {
            let mut known = self.known();
            known.visit(key, places, self.now_ms());
            known.lasting.contains_key(&key)
        };
        if stored {
            self.make_lasting(&[key]);
        }
    }

    /// The engine has heard of a connection.
    pub(crate) fn arrived(&self) {
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// The connection of a peer ended.
    pub(crate) fn left(&self, key: Address) {
        self.known().visitors.remove(&key);
    }

    /// A connected peer said where it is. What it says of itself is kept if this node has to do with it: if its owner named it, or if
    /// they share a channel.
    async fn learned(&self, key: Address, places: Vec<PeerAddr>, engine: &EngineHandle) {
        let familiar = self.known().peers.contains_key(&key);
        if familiar || engine.query(move |participant| participant.has_channel_with(key)).await == Ok(true) {
            self.befriend(key, places).await;
        }
    }

    /// A channel with this peer exists: from now on it is called again whenever the connection is lost.
    pub(crate) async fn partner(&self, key: Address) {
        let places = self.known().visitors.get(&key).cloned();
        if let Some(places) = places {
            self.befriend(key, places).await;
        }
    }

    async fn befriend(&self, key: Address, places: Vec<PeerAddr>) {
        if let Err(error) = self.keep(key, places.clone()).await {
            tracing::warn!(%error, "where a peer is was not stored");
        }
        // The best place first, which is put before the others: it comes last.
        for place in places.into_iter().rev() {
            if let Err(error) = self.net.add_peer(place).await {
                tracing::debug!(%error, "a peer was not added");
            }
        }
    }

    /// What a peer's message says of where the other participants of its virtual channel are. Those that are not connected are called.
    pub(crate) fn told(&self, from: Address, message: &Message, places: Vec<PeerAddr>) {
        let (path, lasting) = match message {
            Message::QuoteAsk { path, .. } => (path, false),
            Message::VcOpen { params, .. } => (&params.path, true),
            _ => return,
        };
        self.take(from, of_path(path, from, self.me, places), lasting);
    }

    /// The answer to a question of this node; anything that it did not ask for is ignored.
    pub(crate) fn answered(&self, from: Address, places: Vec<PeerAddr>) {
        let expected = self.known().expected(&from, places);
        self.take(from, expected, false);
    }

    fn take(&self, from: Address, places: Vec<PeerAddr>, lasting: bool) {
        let connected = self.net.connected();
        let keys: Vec<Address> = places.iter().map(|place| Address::from(place.key.0)).collect();
        let (calls, gone) = self.known().take(from, places, &connected, self.now_ms());
        if lasting {
            self.make_lasting(&keys);
        }
        if !calls.is_empty() || !gone.is_empty() {
            let book = self.clone();
            self.tasks.spawn(async move {
                book.forget(gone).await;
                for place in calls {
                    book.hint(place).await;
                }
            });
        }
    }

    /// Stores where the participants of a virtual channel are that is being opened, so that they are found after a restart.
    fn make_lasting(&self, keys: &[Address]) {
        let new = self.known().make_lasting(keys);
        let put = |place: PeerAddr| Op::Put {
            key: [HINT_PREFIX, &place.key.0].concat(),
            value: place.to_string().into_bytes(),
        };
        let batch: WriteBatch = new.into_iter().map(put).collect();
        if !batch.is_empty() {
            let store = self.store.clone();
            self.tasks.spawn(async move {
                if let Err(error) = store.commit(batch).await {
                    tracing::warn!(%error, "where a participant is was not stored");
                }
            });
        }
    }

    /// Keys whose hints are gone.
    async fn forget(&self, gone: Vec<Address>) {
        let mut batch = WriteBatch::new();
        for key in gone {
            // Of peers that were added nothing is forgotten.
            let _ = self.net.forget_peer(net_key(&key)).await;
            if self.known().lasting.remove(&key).is_some() {
                batch = batch.delete([HINT_PREFIX, key.as_slice()].concat());
            }
        }
        if !batch.is_empty()
            && let Err(error) = self.store.commit(batch).await
        {
            tracing::warn!(%error, "places that nobody needs were not removed");
        }
    }

    /// The places that go with a message to `to`: those of the others in its path.
    fn places_for(&self, to: Address, message: &Message) -> Vec<PeerAddr> {
        let path = match message {
            Message::QuoteAsk { path, .. } => path,
            Message::VcOpen { params, .. } => {
                self.make_lasting(&params.path);
                &params.path
            }
            _ => return Vec::new(),
        };
        let known = self.known();
        path.iter().filter(|key| **key != to && **key != self.me).filter_map(|key| known.place(key)).collect()
    }

    /// Answers a peer that asks where others are, as far as its allowance goes.
    pub(crate) fn asked(&self, from: Address, keys: &[Address]) {
        let places: Vec<PeerAddr> = {
            let mut known = self.known();
            let now_ms = self.now_ms();
            let allowed: Vec<&Address> = keys.iter().take_while(|_| known.hints.allow(from, now_ms)).collect();
            allowed.into_iter().filter_map(|key| known.place(key)).collect()
        };
        if !places.is_empty() {
            // It asks again if this is lost.
            let _ = self.net.send(net_key(&from), Payload::Control(wire::places(&places)));
        }
    }

    /// Waits, for a bounded time, until everybody in a path is connected: calls those whose place is known, and asks the others of the
    /// path for the rest.
    pub(crate) async fn reach(&self, path: &[Address]) {
        let mut arrivals = self.arrivals.subscribe();
        let work = async {
            loop {
                // Looked at before the network, so that no arrival is missed.
                arrivals.borrow_and_update();
                let connected: BTreeSet<Address> =
                    self.net.connected().into_iter().map(|key| Address::from(key.0)).collect();
                let absent: Vec<Address> = path.iter().copied().filter(|key| !connected.contains(key)).collect();
                if absent.is_empty() {
                    return;
                }
                self.call(&absent, path.iter().filter(|key| connected.contains(*key))).await;
                if arrivals.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(REACH_MAX, work).await;
        self.known().asked.clear();
    }

    async fn call(&self, absent: &[Address], friends: impl Iterator<Item = &Address>) {
        let friends: Vec<&Address> = friends.collect();
        let (mut calls, mut unknown) = (Vec::new(), Vec::new());
        {
            let mut known = self.known();
            for key in absent {
                match known.place(key) {
                    Some(place) => calls.push(place),
                    None => unknown.push(*key),
                }
            }
            for friend in &friends {
                known.asked.entry(**friend).or_default().extend(unknown.iter().copied());
            }
        }
        for place in calls {
            self.known().hints.keep(OWN, place.clone(), self.now_ms());
            self.hint(place).await;
        }
        for friend in friends {
            if !unknown.is_empty() {
                let _ = self.net.send(net_key(friend), Payload::Control(wire::where_is(&unknown)));
            }
        }
    }

    /// Forgets places that no virtual channel needs any more, now and then, and calls again those that one needs.
    pub(crate) async fn sweep(self, engine: EngineHandle) {
        let mut turn = tokio::time::interval(SWEEP_EVERY);
        loop {
            turn.tick().await;
            let idle = self.known().hints.is_empty();
            if !idle && self.sweep_once(&engine).await.is_err() {
                return;
            }
        }
    }

    async fn sweep_once(&self, engine: &EngineHandle) -> Result<(), Stopped> {
        let needed = engine.query(|participant| participant.companions()).await?;
        let connected = self.net.connected();
        let (gone, calls) = {
            let mut known = self.known();
            let gone = known.hints.sweep(&needed, self.now_ms());
            let absent = needed.iter().filter(|key| !connected.contains(&net_key(key)));
            let calls: Vec<PeerAddr> = absent.filter_map(|key| known.hints.get(key).cloned()).collect();
            (gone, calls)
        };
        self.forget(gone).await;
        for place in calls {
            self.hint(place).await;
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first of each place.
fn merge(places: impl Iterator<Item = PeerAddr>) -> Vec<PeerAddr> {
    let mut merged: Vec<PeerAddr> = Vec::new();
    for place in places {
        if merged.len() < PLACES_MAX && !merged.contains(&place) {
            merged.push(place);
        }
    }
    merged
}

impl Dial for PeerBook {
    fn dial(&self, address: PeerAddr) {
        let book = self.clone();
        if !book.known().peers.contains_key(&Address::from(address.key.0)) {
            self.tasks.spawn(async move { book.connect(address).await });
        }
    }
}

/// Sends what the engine releases.
#[derive(Debug)]
pub(crate) struct NetPeers {
    pub(crate) book: PeerBook,
    pub(crate) metrics: Arc<Metrics>,
}

/// What others may overtake: goods, and offers with much code. A step or an input of a nanocontract is never among it, however
/// long: somebody waits for it, and after a while goes to the chain.
fn is_bulky(message: &Message) -> bool {
    match message {
        Message::App { data } => data.len() > BULK_FROM,
        Message::NanoOffer { terms, code, .. } => terms.storage.len() + code.len() > BULK_FROM,
        _ => false,
    }
}

impl Peers for NetPeers {
    fn send(&self, to: Address, message: &Message) {
        let bytes = wire::encode_with(message, &self.book.places_for(to, message));
        let payload = if is_bulky(message) { Payload::Bulk(bytes) } else { Payload::Control(bytes) };
        match self.book.net.send(net_key(&to), payload) {
            Ok(()) => {}
            Err(SendError::NotConnected(_)) => self.metrics.dropped(Dropped::NotConnected),
            Err(error) => {
                self.metrics.dropped(Dropped::QueueFull);
                tracing::warn!(%error, "a message was dropped");
            }
        }
    }

    fn drop_connection(&self, peer: Address, reason: &str) {
        self.book.net.drop_connection(net_key(&peer), reason);
    }
}

#[cfg(test)]
mod tests;
