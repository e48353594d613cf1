//! The buyer: one task for each download. Ask, check, make durable, pay; from the start again whenever something breaks.

use super::account::Tab;
use super::offer::Offer;
use super::part::Part;
use super::progress::Progress;
use super::proto::Say;
use super::{Inner, key, lock, tree};
use crate::engine::Stopped;
use alloy_primitives::keccak256;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use perunika_client::types::{Job, JobState};
use perunika_core::Address;
use perunika_core::B256;
use perunika_core::info::VirtualInfo;
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::signed::Amount;
use perunika_store::{Op, WriteBatch};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// How long the seller may be silent before everything is asked for again.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Between two attempts: the first, the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// Requests under way: while one chunk is paid, the next is asked for.
const WINDOW: usize = 2;
/// Every so many payments the seller is asked for its signature.
const COSIGN_EVERY: u64 = 64;
/// Chunks that one download pays for a second time, so that a channel with an old debt works again.
const OLD_DEBTS_MAX: u32 = 3;

/// What is durable about a download, besides its chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) offer: Offer,
    output: PathBuf,
    /// The virtual channel that the caller named.
    pub(crate) wished: Option<B256>,
    /// Most that the hubs may charge for a renewal of the channel, if the caller said so.
    pub(crate) renew_fee_max: Option<Amount>,
    /// This node's stake in the first channel that had to be renewed.
    pub(super) first_stake: Option<Amount>,
    /// Where what it spends is counted, if the caller has limits.
    pub(crate) budget: Option<B256>,
    pub(super) tab: Tab,
    /// Spent through earlier tabs.
    spent_before: Amount,
    /// Chunks that were paid though they were here already.
    old_debts: u32,
    pub(crate) done: bool,
}

impl Record {
    pub(crate) fn new(offer: Offer, output: &Path) -> Self {
        Self {
            offer,
            output: output.into(),
            wished: None,
            renew_fee_max: None,
            first_stake: None,
            budget: None,
            tab: Tab::default(),
            spent_before: 0,
            old_debts: 0,
            done: false,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // INVARIANT: plain structs always serialise.
        #[allow(clippy::expect_used)]
        postcard::to_stdvec(self).expect("a record serialises")
    }

    /// A command that spends, on the budget of the caller.
    pub(super) fn counted(&self, command: Command) -> Command {
        match self.budget {
            Some(budget) => Command::Within { budget, command: Box::new(command) },
            None => command,
        }
    }

    fn spent(&self) -> Amount {
        self.spent_before + self.offer.price * u128::from(self.tab.chunks)
    }
}

/// Name of a download: the same offer to the same place is the same job.
pub(crate) fn job_id(offer: &Offer, output: &Path) -> String {
    // Nobody goes on in another asset than the one that a download was begun with.
    let asset = if offer.asset.is_zero() { &[][..] } else { offer.asset.as_slice() };
    let bytes = [offer.root.as_slice(), offer.seller.as_slice(), asset, output.as_os_str().as_encoded_bytes()].concat();
    hex::encode(&keccak256(bytes)[..8])
}

/// What a download hears of its seller.
#[derive(Debug)]
pub(crate) enum Word {
    Said(Say),
    /// The connection broke.
    Lost,
}

/// What others see of a download.
#[derive(Debug)]
pub(crate) struct JobCell {
    pub(crate) id: String,
    pub(crate) seller: Address,
    asset: Address,
    root: B256,
    name: String,
    output: PathBuf,
    chunks: u32,
    size: u64,
    progress: Mutex<Progress>,
    inbox: mpsc::Sender<Word>,
}

impl JobCell {
    pub(crate) fn new(id: String, record: &Record) -> (Self, mpsc::Receiver<Word>) {
        let (inbox, words) = mpsc::channel(16);
        let offer = &record.offer;
        let cell = Self {
            id,
            seller: offer.seller,
            asset: offer.asset,
            root: offer.root,
            name: offer.name.clone(),
            output: record.output.clone(),
            chunks: offer.chunks(),
            size: offer.size,
            progress: Mutex::new(Progress::new()),
            inbox,
        };
        (cell, words)
    }

    pub(crate) fn show(&self) -> Job {
        let mut job = Job {
            id: self.id.clone(),
            state: JobState::Running,
            reason: None,
            name: self.name.clone(),
            output: self.output.display().to_string(),
            channel: None,
            chunks_done: 0,
            chunks_total: self.chunks,
            bytes: 0,
            size: self.size,
            mb_per_s: 0.0,
            payments: 0,
            payments_per_s: 0.0,
            spent_wei: 0.into(),
            asset: self.asset,
        };
        lock(&self.progress).show(&mut job);
        job
    }

    /// Whether it is under way and pays through this channel.
    pub(crate) fn holds(&self, vc: B256) -> bool {
        let progress = lock(&self.progress);
        progress.channel == Some(vc) && matches!(progress.state, JobState::Running | JobState::Waiting)
    }

    /// Whether it is unfinished and its file goes there; one that failed goes on at the next start.
    pub(crate) fn will_write(&self, output: &Path) -> bool {
        self.output == output && lock(&self.progress).state != JobState::Done
    }

    pub(crate) fn hold(&self, vc: B256) {
        lock(&self.progress).channel = Some(vc);
    }

    pub(crate) fn hear(&self, say: &Say) {
        let (Say::Started { root, .. } | Say::Chunk { root, .. } | Say::Refused { root, .. }) = say else { return };
        if *root == self.root {
            // What does not fit is asked for again.
            let _ = self.inbox.try_send(Word::Said(say.clone()));
        }
    }

    pub(crate) fn lost(&self) {
        // A full inbox has words that end in silence soon enough.
        let _ = self.inbox.try_send(Word::Lost);
    }

    fn set(&self, state: JobState, reason: Option<String>) {
        let mut progress = lock(&self.progress);
        progress.state = state;
        progress.reason = reason;
    }
}

/// Why an attempt ended.
pub(super) enum Broken {
    /// It may go better in a moment.
    Later(String),
    /// It will not.
    Never(String),
}

impl Broken {
    fn refused(reason: &str, later: bool) -> Self {
        let reason = format!("the seller refuses: {}", reason.replace(char::is_control, " "));
        if later { Self::Later(reason) } else { Self::Never(reason) }
    }

    pub(super) fn never(error: impl std::fmt::Display) -> Self {
        Self::Never(error.to_string())
    }
}

type PayReply = (Amount, Result<Reply, Stopped>);

pub(super) struct Buyer {
    pub(super) shop: Arc<Inner>,
    pub(super) cell: Arc<JobCell>,
    pub(super) record: Record,
    inbox: mpsc::Receiver<Word>,
    part: Arc<Mutex<Part>>,
    pub(super) missing: BTreeSet<u32>,
    wanted: VecDeque<u32>,
    /// The chunk that the seller sends again unasked because it is not paid.
    owed: Option<u32>,
    /// The seller's share when all payments of this node are in.
    share: Amount,
    /// What this node has left in the channel behind these payments.
    left: Amount,
    payments: u64,
    pub(super) replies: FuturesUnordered<JoinHandle<PayReply>>,
}

/// Downloads until the file is there, or cannot be had.
pub(crate) async fn run(shop: Arc<Inner>, cell: Arc<JobCell>, record: Record, inbox: mpsc::Receiver<Word>) {
    if record.done {
        let mut progress = lock(&cell.progress);
        (progress.state, progress.spent) = (JobState::Done, record.spent());
        (progress.chunks_done, progress.bytes) = (cell.chunks, cell.size);
        return;
    }
    let outcome = match Buyer::open(shop, Arc::clone(&cell), record, inbox).await {
        Ok(buyer) => buyer.download().await,
        Err(reason) => Err(reason),
    };
    match outcome {
        Ok(()) => cell.set(JobState::Done, None),
        Err(reason) => cell.set(JobState::Failed, Some(reason)),
    }
}

impl Buyer {
    async fn open(
        shop: Arc<Inner>,
        cell: Arc<JobCell>,
        record: Record,
        inbox: mpsc::Receiver<Word>,
    ) -> Result<Self, String> {
        let (output, id, size) = (record.output.clone(), cell.id.clone(), record.offer.size);
        let opened = tokio::task::spawn_blocking(move || Part::open(&output, &id, size));
        let part = opened.await.map_err(|e| e.to_string())?.map_err(|e| format!("cannot write the file: {e}"))?;
        let part = Arc::new(Mutex::new(part));
        let found = verify(&shop, &cell.id, &record.offer, &part).await?;
        let mut missing: BTreeSet<u32> = (0..record.offer.chunks()).collect();
        {
            let mut progress = lock(&cell.progress);
            progress.spent = record.spent();
            progress.chunks_done = found.len() as u32;
            progress.bytes = found.iter().map(|index| record.offer.chunk_len(*index) as u64).sum();
        }
        missing.retain(|index| found.binary_search(index).is_err());
        Ok(Self {
            shop,
            cell,
            record,
            inbox,
            part,
            missing,
            wanted: VecDeque::new(),
            owed: None,
            share: 0,
            left: 0,
            payments: 0,
            replies: FuturesUnordered::new(),
        })
    }

    async fn download(mut self) -> Result<(), String> {
        self.shop.dial(&self.record.offer);
        let mut pause = PAUSES.0;
        loop {
            let before = self.missing.len();
            match self.attempt().await {
                // Others may write to the disk, too.
                Ok(()) if self.lost_chunks().await? == 0 => return self.finish().await,
                Ok(()) => {}
                Err(Broken::Never(reason)) => {
                    lock(&self.cell.progress).spent = self.record.spent();
                    return Err(reason);
                }
                Err(Broken::Later(reason)) => {
                    pause = if self.missing.len() < before { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
                    self.cell.set(JobState::Waiting, Some(reason));
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Looks at the whole file once more; what differs is missing again.
    async fn lost_chunks(&mut self) -> Result<usize, String> {
        let offer = &self.record.offer;
        let found = verify(&self.shop, &self.cell.id, offer, &self.part).await?;
        self.missing = (0..offer.chunks()).filter(|index| found.binary_search(index).is_err()).collect();
        let bytes = found.iter().map(|index| offer.chunk_len(*index) as u64).sum();
        let mut progress = lock(&self.cell.progress);
        (progress.chunks_done, progress.bytes) = (found.len() as u32, bytes);
        Ok(self.missing.len())
    }

    async fn attempt(&mut self) -> Result<(), Broken> {
        while !self.missing.is_empty() || self.can_still_pay().await? {
            let info = self.choose_channel().await?;
            self.start(&info).await?;
            self.cell.set(JobState::Running, None);
            lock(&self.cell.progress).begin(Instant::now());
            self.pay_due();
            if !self.can_pay_for(1) {
                // What the seller sends unasked could not be paid here.
                self.wanted.clear();
            }
            while !self.missing.is_empty() {
                self.ask().await?;
                if self.wanted.is_empty() {
                    break;
                }
                self.step().await?;
            }
            self.settle().await?;
            if !self.missing.is_empty() {
                self.refill(info.id).await?;
            }
        }
        Ok(())
    }

    /// Agrees with the seller from where to count.
    async fn start(&mut self, info: &VirtualInfo) -> Result<(), Broken> {
        let (root, vc) = (self.record.offer.root, info.id);
        while self.inbox.try_recv().is_ok() {}
        self.wanted.clear();
        self.say(Say::Start { root, vc }).await?;
        let (seller_base, owed) = loop {
            match hear(&mut self.inbox).await? {
                Say::Started { vc: of, base, owed, .. } if of == vc => break (base, owed),
                Say::Refused { reason, later, .. } => return Err(Broken::refused(&reason, later)),
                _ => {}
            }
        };
        // Only this node's own view counts for what it has paid: signed payments that the seller may not have yet included.
        let now = self.channel(vc).await?.ok_or_else(|| Broken::Later("the channel ended".into()))?;
        let (Some(share), Some(mine)) = (now.theirs, now.mine) else {
            return Err(Broken::Later("the channel ended".into()));
        };
        let same = self.record.tab.vc == Some(vc) && self.record.tab.seller_base == seller_base;
        if same {
            self.share = self.share.max(share);
            // Payments that the engine has not taken yet.
            self.left = mine.saturating_sub(self.share - share);
        } else {
            let owed = self.owed_through_predecessor(info).await?;
            self.record.spent_before = self.record.spent().saturating_sub(self.record.offer.price * u128::from(owed));
            self.record.tab = Tab { vc: Some(vc), base: share, seller_base, chunks: owed };
            (self.share, self.left) = (share, mine);
            self.remember().await?;
        }
        // It comes unasked; asked for, it would be a new one.
        self.wanted.extend(owed);
        self.owed = owed;
        Ok(())
    }

    /// Keeps the window of requests full.
    async fn ask(&mut self) -> Result<(), Broken> {
        let (root, Some(vc)) = (self.record.offer.root, self.record.tab.vc) else { return Ok(()) };
        while self.wanted.len() < WINDOW && self.can_pay_for(self.wanted.len() + 1) {
            let next = self.missing.iter().find(|index| !self.wanted.contains(index)).copied();
            let Some(index) = next else { return Ok(()) };
            self.wanted.push_back(index);
            self.say(Say::Want { root, vc, index }).await?;
        }
        Ok(())
    }

    /// Whether the channel has enough for so many chunks more.
    fn can_pay_for(&self, chunks: usize) -> bool {
        self.left >= self.record.offer.price.saturating_mul(chunks as u128)
    }

    /// Waits for a word of the seller or the end of a payment.
    async fn step(&mut self) -> Result<(), Broken> {
        tokio::select! {
            Some(reply) = self.replies.next(), if !self.replies.is_empty() => self.on_reply(reply).await,
            said = hear(&mut self.inbox) => match said? {
                Say::Chunk { index, data, proof, .. } => self.on_chunk(index, data, &proof).await,
                Say::Refused { reason, later, .. } => Err(Broken::refused(&reason, later)),
                _ => Ok(()),
            },
        }
    }

    async fn on_chunk(&mut self, index: u32, data: Vec<u8>, proof: &[B256]) -> Result<(), Broken> {
        let missing = self.missing.contains(&index);
        if !missing && !self.is_old_debt(index) {
            self.wanted.retain(|wanted| *wanted != index);
            return Ok(());
        }
        let offer = &self.record.offer;
        let leaf = tree::leaf(&data);
        if data.len() != offer.chunk_len(index) || !tree::verify(offer.root, offer.chunks(), index, leaf, proof) {
            return Err(Broken::Never(format!("the seller sent something else as chunk {index}; it is not paid")));
        }
        self.record.old_debts += u32::from(!missing);
        let bytes = data.len() as u64;
        self.wanted.retain(|wanted| *wanted != index);
        self.missing.remove(&index);
        // The next request travels while this chunk goes to the disk.
        self.ask().await?;
        self.keep(index, leaf, data).await?;
        if missing {
            lock(&self.cell.progress).got(bytes, Instant::now());
        }
        self.pay_due();
        Ok(())
    }

    /// Whether a chunk that is here already has to be paid nevertheless: it came through an earlier account and nothing
    /// goes on before it is paid.
    fn is_old_debt(&self, index: u32) -> bool {
        self.owed == Some(index) && self.record.tab.chunks == 0 && self.record.old_debts < OLD_DEBTS_MAX
    }

    /// Makes a verified chunk durable, and with it that it must be paid.
    async fn keep(&mut self, index: u32, leaf: B256, data: Vec<u8>) -> Result<(), Broken> {
        let offset = u64::from(index) * u64::from(self.record.offer.chunk_bytes);
        let part = Arc::clone(&self.part);
        let written = tokio::task::spawn_blocking(move || lock(&part).write(offset, &data));
        written.await.map_err(Broken::never)?.map_err(|e| Broken::Never(format!("cannot write the file: {e}")))?;
        self.record.tab.chunks += 1;
        let batch = WriteBatch::new()
            .put(key::chunk(&self.cell.id, index), leaf.as_slice())
            .put(key::job(&self.cell.id), self.record.bytes());
        self.commit(batch).await
    }

    /// Pays what is verified and not paid.
    fn pay_due(&mut self) {
        let Some(ch) = self.record.tab.vc else { return };
        let amount = self.record.tab.due(self.record.offer.price, self.share);
        if amount == 0 {
            return;
        }
        self.share += amount;
        self.left = self.left.saturating_sub(amount);
        self.payments += 1;
        let cosign = self.missing.is_empty() || self.payments.is_multiple_of(COSIGN_EVERY);
        let engine = self.shop.engine.clone();
        // A task of its own: the payment goes on if the download does not.
        let pay = self.record.counted(Command::Pay { ch, amount, cosign, reference: Vec::new() });
        let pay = async move { (amount, engine.command(pay).await) };
        self.replies.push(tokio::spawn(pay));
    }

    async fn on_reply(&mut self, ended: Result<PayReply, JoinError>) -> Result<(), Broken> {
        let (amount, reply) = ended.map_err(Broken::never)?;
        match reply {
            Ok(Reply::Refused(fault)) => {
                self.share = self.share.saturating_sub(amount);
                self.left = self.left.saturating_add(amount);
                match fault {
                    Fault::Caller(reason) if self.is_ending().await? => Err(Broken::Later(reason)),
                    Fault::Caller(reason) | Fault::Limit(reason) => {
                        Err(Broken::Never(format!("the payment is not possible: {reason}")))
                    }
                    Fault::Peer(reason) | Fault::Chain(reason) => Err(Broken::Later(reason)),
                }
            }
            Ok(Reply::Rejected { reason }) => {
                self.share = self.share.saturating_sub(amount);
                self.left = self.left.saturating_add(amount);
                Err(Broken::Later(reason))
            }
            Ok(_) => {
                let mut progress = lock(&self.cell.progress);
                progress.paid();
                progress.spent = self.record.spent();
                Ok(())
            }
            Err(stopped) => Err(Broken::never(stopped)),
        }
    }

    /// Waits until the last payments have arrived.
    async fn settle(&mut self) -> Result<(), Broken> {
        while !self.replies.is_empty() {
            let Ok(Some(reply)) = timeout(SILENCE_MAX, self.replies.next()).await else {
                return Err(Broken::Later("the seller has not confirmed the last payment yet".into()));
            };
            self.on_reply(reply).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), String> {
        let part = Arc::clone(&self.part);
        let finished = tokio::task::spawn_blocking(move || lock(&part).finish());
        finished.await.map_err(|e| e.to_string())?.map_err(|e| format!("cannot rename the file: {e}"))?;
        self.record.done = true;
        lock(&self.cell.progress).spent = self.record.spent();
        let marks = (0..self.record.offer.chunks()).map(|index| Op::Delete { key: key::chunk(&self.cell.id, index) });
        let batch: WriteBatch = marks.collect::<WriteBatch>().put(key::job(&self.cell.id), self.record.bytes());
        self.shop.store.commit(batch).await.map_err(|e| e.to_string())
    }

    async fn say(&self, say: Say) -> Result<(), Broken> {
        let command = Command::SendApp { to: self.record.offer.seller, data: say.encode() };
        match self.shop.engine.command(command).await {
            Ok(Reply::Refused(_)) => Err(Broken::Later("the seller is not connected".into())),
            Ok(_) => Ok(()),
            Err(stopped) => Err(Broken::never(stopped)),
        }
    }

    /// Makes the record durable.
    pub(super) async fn remember(&self) -> Result<(), Broken> {
        self.commit(WriteBatch::new().put(key::job(&self.cell.id), self.record.bytes())).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), Broken> {
        self.shop.store.commit(batch).await.map_err(Broken::never)
    }
}

async fn hear(inbox: &mut mpsc::Receiver<Word>) -> Result<Say, Broken> {
    match timeout(SILENCE_MAX, inbox.recv()).await {
        Ok(Some(Word::Said(say))) => Ok(say),
        Ok(Some(Word::Lost)) => Err(Broken::Later("the connection to the seller is lost".into())),
        Ok(None) => Err(Broken::Never("the node is stopping".into())),
        Err(_) => Err(Broken::Later("the seller does not answer".into())),
    }
}

/// Which of the chunks that were received are in the file, in ascending order.
async fn verify(shop: &Inner, id: &str, offer: &Offer, part: &Arc<Mutex<Part>>) -> Result<Vec<u32>, String> {
    let prefix = key::chunks(id);
    let marks = shop.store.scan_prefix(&prefix).map_err(|e| e.to_string())?;
    let marks: BTreeMap<u32, B256> = marks
        .into_iter()
        .filter_map(|(key, value)| {
            let index = u32::from_be_bytes(key.get(prefix.len()..)?.try_into().ok()?);
            Some((index, B256::try_from(value.as_slice()).ok()?))
        })
        .collect();
    let (part, offer) = (Arc::clone(part), offer.clone());
    let verified = tokio::task::spawn_blocking(move || lock(&part).verify(&offer, &marks));
    verified.await.map_err(|e| e.to_string())?.map_err(|e| format!("cannot read the file: {e}"))
}
