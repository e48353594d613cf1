//! Files for money: chunk by chunk over application messages, each chunk paid through a virtual channel.
//!
//! The seller numbers the chunks of a download as it sends them and sends number *n* only when *n* chunks are paid, so it is
//! never more than one unpaid chunk ahead. The buyer checks each chunk against the offer's Merkle root, makes it durable and
//! pays then. Both read what was paid from the channel itself, so no crash of either makes one pay twice.
//!
//! A payment by hand through a channel that a download uses is therefore counted as payment for chunks.

mod account;
mod buyer;
mod channel;
mod offer;
mod part;
mod progress;
mod proto;
mod reach;
mod seller;
mod tree;

pub use offer::{BadOffer, Offer};
pub use reach::Reach;

use crate::engine::EngineHandle;
use crate::tasks::Tasks;
use buyer::{JobCell, Record};
use perunika_client::types::{self, Job, JobState};
use perunika_core::io::Event;
use perunika_core::signed::Amount;
use perunika_core::{Address, B256};
use perunika_net::PeerAddr;
use perunika_store::{Store, StoreError, WriteBatch};
pub(crate) use proto::Say;
pub(crate) use reach::Folders;
use seller::{Ask, Listing, Selling, SessionHandle};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Largest chunk, bytes; with its proof it fits into one message.
pub const CHUNK_MAX: u32 = 1_000_000;
/// Virtual channels that somebody buys through at once.
const SESSIONS_MAX: usize = 1_024;

/// Keys of the shop's records.
pub(crate) mod key {
    use perunika_core::B256;

    pub(crate) const OFFERS: &[u8] = b"shop/offer/";
    pub(crate) const JOBS: &[u8] = b"shop/job/";

    pub(crate) fn offer(root: B256) -> Vec<u8> {
        [OFFERS, root.as_slice()].concat()
    }

    pub(crate) fn account(vc: B256) -> Vec<u8> {
        [b"shop/account/", vc.as_slice()].concat()
    }

    pub(crate) fn job(id: &str) -> Vec<u8> {
        [JOBS, id.as_bytes()].concat()
    }

    pub(crate) fn chunks(id: &str) -> Vec<u8> {
        [b"shop/got/", id.as_bytes(), b"/"].concat()
    }

    pub(crate) fn chunk(id: &str, index: u32) -> Vec<u8> {
        [&chunks(id)[..], &index.to_be_bytes()].concat()
    }
}

/// Whether bytes are a record of an offer or of a download, as a start reads them.
pub(crate) fn readable(bytes: &[u8]) -> bool {
    let job = Record::read(bytes).map(|record| JobCell::new("fuzzed".into(), &record).0.show());
    let listing = postcard::from_bytes::<Listing>(bytes).map(|listing| listing.offer.to_string());
    job.is_some() || listing.is_ok()
}

/// What a download pays through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayBy {
    /// The virtual channel; any active one with the seller, if none.
    pub channel: Option<B256>,
    /// Most that the hubs may charge each time that the channel is renewed because its stake is spent, in the asset of the offer; a hundredth of its
    /// stakes, if none.
    pub renew_fee_max: Option<Amount>,
    /// Where everything that it spends is counted, if the caller has limits.
    pub budget: Option<B256>,
}

/// Makes a connection to a seller.
pub(crate) trait Dial: Send + Sync {
    /// Remembers where a peer is and stays connected with it.
    fn dial(&self, address: PeerAddr);
}

/// Why the shop refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShopError {
    /// The caller's fault.
    #[error("{0}")]
    Caller(String),
    /// The node's fault.
    #[error("{0}")]
    Node(String),
}

impl From<StoreError> for ShopError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.to_string())
    }
}

/// The shop of a node. Clones share it.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").field("me", &self.0.me).finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) engine: EngineHandle,
    pub(crate) store: Store,
    pub(crate) me: Address,
    place: String,
    folders: Folders,
    dial: Box<dyn Dial>,
    pub(crate) tasks: Tasks,
    offers: Mutex<BTreeMap<B256, Arc<Selling>>>,
    /// Offers of earlier runs whose files are being read again.
    reading: Mutex<BTreeSet<B256>>,
    /// By virtual channel and who asks: nobody keeps the real buyer out.
    sessions: Mutex<BTreeMap<(B256, Address), SessionHandle>>,
    jobs: Mutex<BTreeMap<String, Arc<JobCell>>>,
    /// Held from the look at the jobs until a new one is among them.
    fetching: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shop {
    /// A shop; `place` is the `host:port` that its offers name. [`Self::run`] makes it work.
    pub(crate) fn new(
        engine: EngineHandle,
        store: Store,
        me: Address,
        place: String,
        folders: Folders,
        dial: Box<dyn Dial>,
        tasks: Tasks,
    ) -> Self {
        Self(Arc::new(Inner {
            engine,
            store,
            me,
            place,
            folders,
            dial,
            tasks,
            offers: Mutex::default(),
            reading: Mutex::default(),
            sessions: Mutex::default(),
            jobs: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }))
    }

    /// Routes what arrives until the engine stops.
    pub(crate) async fn run(
        self,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut app: mpsc::Receiver<(Address, Vec<u8>)>,
    ) -> Result<(), ShopError> {
        let closing = self.0.tasks.closing();
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => return Ok(()),
                event = events.recv() => match event {
                    Some(Event::Received { ch, share, .. }) => self.0.on_paid(ch, share),
                    Some(_) => {}
                    None => return Ok(()),
                },
                message = app.recv() => match message {
                    Some((from, data)) => self.route(from, &data),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Offers a file for so much of an asset (zero address: ETH) a chunk.
    pub async fn serve(
        &self,
        path: PathBuf,
        asset: Address,
        price: Amount,
        chunk_bytes: u32,
        reach: Reach,
    ) -> Result<types::Offer, ShopError> {
        let (shop, closing) = (Arc::clone(&self.0), self.0.tasks.closing());
        let read = tokio::task::spawn_blocking(move || {
            let path = shop.folders.to_sell(&path, reach)?;
            Ok::<_, String>((Selling::read(&path, asset, price, chunk_bytes, shop.me, &closing)?, path))
        });
        let (mut selling, path) = read.await.map_err(|e| ShopError::Node(e.to_string()))?.map_err(ShopError::Caller)?;
        selling.offer.place = self.0.place.clone();
        let listing = Listing { offer: selling.offer.clone(), path };
        let bytes = postcard::to_stdvec(&listing).map_err(|e| ShopError::Node(e.to_string()))?;
        self.0.store.commit(WriteBatch::new().put(key::offer(selling.offer.root), bytes)).await?;
        let selling = Arc::new(selling);
        lock(&self.0.offers).insert(selling.offer.root, Arc::clone(&selling));
        Ok(show_offer(&selling))
    }

    /// Files on offer.
    pub fn offers(&self) -> Vec<types::Offer> {
        lock(&self.0.offers).values().map(|selling| show_offer(selling)).collect()
    }

    /// Starts a download, or resumes it: the same offer and output are the same job.
    pub async fn fetch(&self, offer: Offer, output: PathBuf, pay_by: PayBy, reach: Reach) -> Result<Job, ShopError> {
        if offer.seller == self.0.me {
            return Err(ShopError::Caller("this node itself offers that file".into()));
        }
        let shop = Arc::clone(&self.0);
        let real = tokio::task::spawn_blocking(move || shop.folders.to_write(&output, reach));
        let real = real.await.map_err(|e| ShopError::Node(e.to_string()))?.map_err(ShopError::Caller)?;
        let output = real.as_path();
        let id = buyer::job_id(&offer, output);
        let _one_at_a_time = self.0.fetching.lock().await;
        let running = lock(&self.0.jobs).get(&id).map(|job| job.show());
        let settled = |job: &Job| match job.state {
            JobState::Failed => false,
            JobState::Done => output.exists(),
            JobState::Running | JobState::Waiting => true,
        };
        if let Some(job) = running.filter(settled) {
            return Ok(job);
        }
        if let Some(other) = lock(&self.0.jobs).values().find(|job| job.id != id && job.will_write(output)) {
            let (path, other) = (output.display(), &other.id);
            return Err(ShopError::Caller(format!("{path} belongs to the unfinished download {other}")));
        }
        part::check_output(output).map_err(ShopError::Caller)?;
        let known = self.0.store.get(&key::job(&id))?.and_then(|bytes| Record::read(&bytes));
        // A finished file that is gone is bought again.
        let mut record = known.filter(|record| !record.done).unwrap_or_else(|| Record::new(offer, output));
        record.wished = pay_by.channel.or(record.wished);
        record.renew_fee_max = pay_by.renew_fee_max.or(record.renew_fee_max);
        record.budget = pay_by.budget;
        self.0.store.commit(WriteBatch::new().put(key::job(&id), record.bytes())).await?;
        Ok(self.launch(id, record))
    }

    /// A download.
    pub fn job(&self, id: &str) -> Option<Job> {
        lock(&self.0.jobs).get(id).map(|job| job.show())
    }

    /// All downloads.
    pub fn jobs(&self) -> Vec<Job> {
        lock(&self.0.jobs).values().map(|job| job.show()).collect()
    }

    /// The connection to a peer broke: nothing that was asked for will come.
    pub(crate) fn lost(&self, peer: Address) {
        lock(&self.0.jobs).values().filter(|job| job.seller == peer).for_each(|job| job.lost());
    }

    fn launch(&self, id: String, record: Record) -> Job {
        let (cell, inbox) = JobCell::new(id.clone(), &record);
        let cell = Arc::new(cell);
        lock(&self.0.jobs).insert(id, Arc::clone(&cell));
        let job = cell.show();
        self.0.tasks.spawn(buyer::run(Arc::clone(&self.0), cell, record, inbox));
        job
    }

    /// Offers the files of earlier runs again and resumes their downloads.
    pub(crate) fn reopen(&self) -> Result<(), ShopError> {
        for (_, bytes) in self.0.store.scan_prefix(key::OFFERS)? {
            if let Ok(listing) = postcard::from_bytes::<Listing>(&bytes) {
                lock(&self.0.reading).insert(listing.offer.root);
                tokio::task::spawn_blocking({
                    let shop = Arc::clone(&self.0);
                    move || shop.offer_again(&listing)
                });
            }
        }
        for (key, bytes) in self.0.store.scan_prefix(key::JOBS)? {
            let id = String::from_utf8_lossy(&key[key::JOBS.len()..]).into_owned();
            if let Some(record) = Record::read(&bytes) {
                self.launch(id, record);
            }
        }
        Ok(())
    }

    fn route(&self, from: Address, data: &[u8]) {
        match Say::decode(data) {
            Some(Say::Start { root, vc }) => self.0.ask(from, vc, Ask::Start(root)),
            Some(Say::Want { root, vc, index }) => self.0.ask(from, vc, Ask::Want(root, index)),
            Some(say) => {
                let jobs: Vec<Arc<JobCell>> = lock(&self.0.jobs).values().cloned().collect();
                jobs.iter().filter(|job| job.seller == from).for_each(|job| job.hear(&say));
            }
            None => tracing::debug!(%from, "an application message that is none of the shop's"),
        }
    }
}

impl Inner {
    /// A file on offer; the error says whether it is still being read after a start.
    pub(crate) fn selling(&self, root: B256) -> Result<Arc<Selling>, bool> {
        let found = lock(&self.offers).get(&root).cloned();
        found.ok_or_else(|| lock(&self.reading).contains(&root))
    }

    pub(crate) fn dial(&self, offer: &Offer) {
        if let Ok(address) = format!("{}@{}", offer.seller, offer.place).parse() {
            self.dial.dial(address);
        }
    }

    /// Gives a channel to a download, unless another one that is under way has it.
    pub(crate) fn claim_channel(&self, vc: B256, job: &JobCell) -> bool {
        let jobs = lock(&self.jobs);
        let free = !jobs.values().any(|other| other.id != job.id && other.holds(vc));
        if free {
            job.hold(vc);
        }
        free
    }

    pub(crate) fn forget_session(&self, vc: B256, buyer: Address) {
        let mut sessions = lock(&self.sessions);
        if sessions.get(&(vc, buyer)).is_some_and(|session| session.asks.is_closed()) {
            sessions.remove(&(vc, buyer));
        }
    }

    fn ask(self: &Arc<Self>, buyer: Address, vc: B256, ask: Ask) {
        let mut sessions = lock(&self.sessions);
        if sessions.get(&(vc, buyer)).is_none_or(|session| session.asks.is_closed()) {
            if sessions.len() >= SESSIONS_MAX {
                return tracing::warn!(%buyer, "too many sales at once");
            }
            sessions.insert((vc, buyer), seller::open_session(self, buyer, vc));
        }
        if let Some(session) = sessions.get(&(vc, buyer)) {
            // A buyer that asks faster than it is answered asks again.
            let _ = session.asks.try_send(ask);
        }
    }

    fn on_paid(&self, ch: B256, share: Amount) {
        let ends = (ch, Address::ZERO)..=(ch, Address::repeat_byte(0xff));
        for (_, session) in lock(&self.sessions).range(ends) {
            session.share.send_replace(Some(share));
        }
    }

    fn offer_again(&self, listing: &Listing) {
        let Listing { offer, path } = listing;
        match Selling::read(path, offer.asset, offer.price, offer.chunk_bytes, self.me, &self.tasks.closing()) {
            Ok(mut selling) if selling.offer.root == offer.root => {
                selling.offer.place = self.place.clone();
                lock(&self.offers).insert(offer.root, Arc::new(selling));
            }
            Ok(_) => tracing::warn!(path = %path.display(), "a file on offer has changed and is not offered any more"),
            Err(reason) => tracing::warn!(reason, "a file is not offered any more"),
        }
        lock(&self.reading).remove(&offer.root);
    }
}

fn show_offer(selling: &Selling) -> types::Offer {
    let offer = &selling.offer;
    types::Offer {
        offer: offer.to_string(),
        name: offer.name.clone(),
        size: offer.size,
        chunk_bytes: offer.chunk_bytes,
        chunks: offer.chunks(),
        price: offer.price.into(),
        asset: offer.asset,
        root: offer.root,
        seller: offer.seller,
        address: offer.place.clone(),
        delivered: selling.delivered.load(Ordering::Relaxed),
    }
}
