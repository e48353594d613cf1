//! The seller: files on offer, and one task for each virtual channel that somebody buys through.

use super::account::Account;
use super::offer::Offer;
use super::proto::Say;
use super::tree::{self, Tree};
use super::{Inner, key};
use perunika_core::info::VirtualStage;
use perunika_core::io::Command;
use perunika_core::params::Side;
use perunika_core::signed::Amount;
use perunika_core::{Address, B256};
use perunika_store::WriteBatch;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Wishes of one buyer that may wait.
const WANTS_MAX: usize = 4;
/// A session without a word is forgotten; its account stays.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// A file on offer.
#[derive(Debug)]
pub(crate) struct Selling {
    pub(crate) offer: Offer,
    pub(crate) path: PathBuf,
    pub(crate) delivered: AtomicU64,
    tree: Tree,
}

/// What is durable about it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) offer: Offer,
    pub(crate) path: PathBuf,
}

impl Selling {
    /// Reads the whole file once, unless the node closes. Blocks.
    pub(crate) fn read(
        path: &Path,
        asset: Address,
        price: Amount,
        chunk_bytes: u32,
        seller: Address,
        closing: &CancellationToken,
    ) -> Result<Self, String> {
        let fail = |error: io::Error| format!("cannot read {}: {error}", path.display());
        let mut file = File::open(path).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut offer = Offer { seller, place: String::new(), name, size, chunk_bytes, price, asset, root: B256::ZERO };
        offer.check()?;
        let mut leaves = Vec::with_capacity(offer.chunks() as usize);
        let mut buffer = vec![0; chunk_bytes as usize];
        for index in 0..offer.chunks() {
            if closing.is_cancelled() {
                return Err("the node is stopping".into());
            }
            let chunk = &mut buffer[..offer.chunk_len(index)];
            file.read_exact(chunk).map_err(fail)?;
            leaves.push(tree::leaf(chunk));
        }
        let tree = Tree::new(leaves);
        offer.root = tree.root();
        Ok(Self { offer, path: path.into(), delivered: AtomicU64::new(0), tree })
    }

    /// One chunk with its proof. Blocks.
    fn chunk(&self, index: u32) -> Result<Say, String> {
        use std::io::{Seek as _, SeekFrom};
        let mut data = vec![0; self.offer.chunk_len(index)];
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(u64::from(index) * u64::from(self.offer.chunk_bytes)))?;
            file.read_exact(&mut data)?;
            Ok(data)
        };
        let data = read().map_err(|_| "the seller cannot read the file any more".to_string())?;
        if self.tree.leaf(index) != Some(tree::leaf(&data)) {
            return Err("the file has changed since it was offered".into());
        }
        Ok(Say::Chunk { root: self.offer.root, index, data, proof: self.tree.proof(index) })
    }
}

/// Why the seller does not deliver.
#[derive(Debug)]
struct Refusal {
    reason: String,
    /// Whether it may go better in a moment.
    later: bool,
}

impl Refusal {
    fn later(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), later: true }
    }

    fn never(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), later: false }
    }

    fn say(self, root: B256) -> Say {
        Say::Refused { root, reason: self.reason, later: self.later }
    }
}

/// A word of the buyer to its session.
#[derive(Debug)]
pub(crate) enum Ask {
    Start(B256),
    Want(B256, u32),
}

/// The way to a session.
#[derive(Debug)]
pub(crate) struct SessionHandle {
    pub(crate) asks: mpsc::Sender<Ask>,
    /// The seller's share, from the newest durable payment.
    pub(crate) share: watch::Sender<Option<Amount>>,
}

struct Session {
    shop: Arc<Inner>,
    buyer: Address,
    vc: B256,
    /// What is in the channel, of both ends.
    stake: Amount,
    /// What is paid with in this channel.
    asset: Address,
    share: watch::Receiver<Option<Amount>>,
    account: Option<(Account, Arc<Selling>)>,
    wants: VecDeque<u32>,
}

/// Opens the session of a virtual channel; it ends by itself.
pub(crate) fn open_session(shop: &Arc<Inner>, buyer: Address, vc: B256) -> SessionHandle {
    let (asks, inbox) = mpsc::channel(16);
    let (share_in, share) = watch::channel(None);
    let session = Session {
        shop: Arc::clone(shop),
        buyer,
        vc,
        stake: 0,
        asset: Address::ZERO,
        share,
        account: None,
        wants: VecDeque::new(),
    };
    let (shop, seed) = (Arc::clone(shop), share_in.clone());
    let tasks = shop.tasks.clone();
    tasks.spawn(async move {
        if let Err(reason) = session.run(inbox, seed).await {
            tracing::debug!(%buyer, %vc, reason, "a sale ended");
        }
        shop.forget_session(vc, buyer);
    });
    SessionHandle { asks, share: share_in }
}

impl Session {
    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>, seed: watch::Sender<Option<Amount>>) -> Result<(), String> {
        let share = match self.check_channel().await {
            Ok((share, stake, asset)) => {
                (self.stake, self.asset) = (stake, asset);
                share
            }
            Err(refusal) => {
                let reason = refusal.reason.clone();
                let root = match inbox.recv().await {
                    Some(Ask::Start(root) | Ask::Want(root, _)) => root,
                    None => B256::ZERO,
                };
                self.say(refusal.say(root)).await?;
                return Err(reason);
            }
        };
        // A payment that arrived since the question is newer.
        seed.send_if_modified(|known| known.is_none() && known.replace(share).is_none());
        drop(seed);
        loop {
            tokio::select! {
                ask = tokio::time::timeout(IDLE_MAX, inbox.recv()) => match ask {
                    Ok(Some(ask)) => self.on_ask(ask).await?,
                    Ok(None) | Err(_) => return Ok(()),
                },
                changed = self.share.changed() => changed.map_err(|_| "the shop closed")?,
            }
            self.serve().await?;
        }
    }

    /// The share of this node in a virtual channel that the buyer can really pay through, the shares of both, and their asset.
    async fn check_channel(&self) -> Result<(Amount, Amount, Address), Refusal> {
        let (vc, me, buyer) = (self.vc, self.shop.me, self.buyer);
        let info = self.shop.engine.query(move |p| p.virtual_channel(vc)).await.map_err(Refusal::later)?;
        let info = info.ok_or_else(|| Refusal::later("the seller does not know this virtual channel"))?;
        let ends = [info.params.end(Side::A), info.params.end(Side::B)];
        if ends != [me, buyer] && ends != [buyer, me] {
            return Err(Refusal::never("this virtual channel is not one between buyer and seller"));
        }
        if info.stage != VirtualStage::Active {
            return Err(Refusal::later("the virtual channel is not active at the seller"));
        }
        let share = info.mine.ok_or_else(|| Refusal::later("the virtual channel is not active at the seller"))?;
        Ok((share, share.saturating_add(info.theirs.unwrap_or_default()), info.params.asset))
    }

    async fn on_ask(&mut self, ask: Ask) -> Result<(), String> {
        match ask {
            Ask::Start(root) => match self.start(root).await {
                Ok((base, owed)) => self.say(Say::Started { root, vc: self.vc, base, owed }).await,
                Err(refusal) => self.say(refusal.say(root)).await,
            },
            Ask::Want(root, index) => {
                let Some((account, selling)) = &self.account else {
                    return self.say(Refusal::later("the seller was started again").say(root)).await;
                };
                if account.root != root || index >= selling.offer.chunks() {
                    return self.say(Refusal::never("there is no such chunk").say(root)).await;
                }
                if self.wants.len() < WANTS_MAX && !self.wants.contains(&index) {
                    self.wants.push_back(index);
                }
                Ok(())
            }
        }
    }

    /// Opens the account of a download, or finds it again.
    async fn start(&mut self, root: B256) -> Result<(Amount, Option<u32>), Refusal> {
        self.wants.clear();
        let selling = self.shop.selling(root).map_err(|later| match later {
            true => Refusal::later("the seller is still reading the file"),
            false => Refusal::never("the seller does not offer this file any more"),
        })?;
        priced_in(&selling.offer, self.asset)?;
        let share = self.share();
        let known = match self.account.take() {
            Some((account, _)) => Some(account),
            None => self.load().map_err(Refusal::later)?,
        };
        let mut account = match known {
            Some(account) if account.root == root && account.price == selling.offer.price => account,
            Some(account) if account.owes(share) => {
                return Err(Refusal::never("the last chunk of another download through this channel is not paid yet"));
            }
            _ => Account::new(root, selling.offer.price, share),
        };
        let (base, owed) = (account.base, account.restart(share));
        self.wants.extend(owed);
        self.save(&account).await.map_err(Refusal::later)?;
        self.account = Some((account, selling));
        Ok((base, owed))
    }

    /// Sends what is wanted and may leave.
    async fn serve(&mut self) -> Result<(), String> {
        while let Some(index) = self.wants.front().copied() {
            let share = self.share();
            let Some((account, selling)) = &mut self.account else { return Ok(()) };
            if !account.has_room(index, share) {
                return Ok(());
            }
            let (number, changed) = account.reserve(index, share);
            let (account, selling) = (account.clone(), Arc::clone(selling));
            if changed {
                self.save(&account).await?;
            }
            if !account.may_send(number, self.share()) {
                return Ok(());
            }
            self.wants.pop_front();
            let root = account.root;
            if !account.can_be_paid(number, share, self.stake.saturating_sub(share)) {
                let dry = Refusal::later("this virtual channel has not enough left for another chunk");
                return self.say(dry.say(root)).await;
            }
            let task = Arc::clone(&selling);
            let chunk = tokio::task::spawn_blocking(move || task.chunk(index)).await.map_err(|e| e.to_string())?;
            match chunk {
                Ok(chunk) => {
                    selling.delivered.fetch_add(1, Ordering::Relaxed);
                    self.say(chunk).await?;
                }
                Err(reason) => self.say(Refusal::never(reason).say(root)).await?,
            }
        }
        Ok(())
    }

    fn share(&self) -> Amount {
        self.share.borrow().unwrap_or_default()
    }

    fn load(&self) -> Result<Option<Account>, String> {
        let bytes = self.shop.store.get(&key::account(self.vc)).map_err(|e| e.to_string())?;
        bytes.map(|bytes| postcard::from_bytes(&bytes).map_err(|e| e.to_string())).transpose()
    }

    async fn save(&self, account: &Account) -> Result<(), String> {
        let bytes = postcard::to_stdvec(account).map_err(|e| e.to_string())?;
        let batch = WriteBatch::new().put(key::account(self.vc), bytes);
        self.shop.store.commit(batch).await.map_err(|e| e.to_string())
    }

    /// What is lost because the buyer is away is asked for again.
    async fn say(&self, say: Say) -> Result<(), String> {
        let command = Command::SendApp { to: self.buyer, data: say.encode() };
        self.shop.engine.command(command).await.map(|_| ()).map_err(|e| e.to_string())
    }
}

/// So much of one asset is not so much of another.
fn priced_in(offer: &Offer, asset: Address) -> Result<(), Refusal> {
    let reason = "this virtual channel is of another asset than the price of the file";
    if offer.asset == asset { Ok(()) } else { Err(Refusal::never(reason)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_in_another_asset_does_not_count() {
        let (ether, token) = (super::super::offer::example(), Address::repeat_byte(3));
        let priced = Offer { asset: token, ..ether.clone() };
        assert!(priced_in(&ether, Address::ZERO).is_ok() && priced_in(&priced, token).is_ok());
        for (offer, asset) in [(&ether, token), (&priced, Address::ZERO), (&priced, Address::repeat_byte(4))] {
            let refusal = priced_in(offer, asset).unwrap_err();
            assert!(!refusal.later && refusal.reason.contains("another asset"));
        }
    }

    #[test]
    fn a_file_is_read_once_and_a_changed_chunk_is_noticed() {
        let (folder, open) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let path = folder.path().join("song.ogg");
        std::fs::write(&path, (0..250u8).collect::<Vec<_>>()).unwrap();
        let selling = Selling::read(&path, Address::ZERO, 5, 100, Address::ZERO, &open).unwrap();
        assert_eq!((selling.offer.chunks(), selling.offer.name.as_str()), (3, "song.ogg"));
        let Say::Chunk { root, index, data, proof } = selling.chunk(2).unwrap() else { panic!("no chunk") };
        assert_eq!(data, (200..250u8).collect::<Vec<_>>());
        assert!(tree::verify(root, 3, index, tree::leaf(&data), &proof));
        std::fs::write(&path, vec![0; 250]).unwrap();
        assert!(selling.chunk(2).is_err());
        open.cancel();
        assert!(Selling::read(&path, Address::ZERO, 5, 100, Address::ZERO, &open).unwrap_err().contains("stopping"));
    }

    #[test]
    fn what_cannot_be_sold_is_refused() {
        let (folder, open) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let path = folder.path().join("empty");
        assert!(Selling::read(&path, Address::ZERO, 5, 100, Address::ZERO, &open).unwrap_err().contains("cannot read"));
        std::fs::write(&path, b"").unwrap();
        assert!(Selling::read(&path, Address::ZERO, 5, 100, Address::ZERO, &open).unwrap_err().contains("empty"));
    }
}
