//! The follower: polls the head and reads what may have changed.

use crate::branch::{Branch, Way};
use crate::config::ChainConfig;
use crate::connect::{ConnectError, verify};
use crate::handle::{ChainOutput, Following};
use crate::rpc::{Header, Rpc, RpcError};
use crate::watched::{Object, Pair, Search, View, Watched};
use alloy::primitives::{BloomInput, Bytes};
use alloy::rpc::types::Log;
use futures::future::try_join_all;
use perunika_contracts::Event;
use perunika_core::chain::{Block, ChainUpdate, Watch};
use perunika_core::{B256, Domain};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// At each new head so many objects are read although nothing is known to have happened to them, in turn: at least the former, and
/// enough for all to have their turn within the latter number of heads. What a node withholds costs time, but not truth.
const RECHECK_MIN: usize = 16;
const RECHECK_HEADS: usize = 128;
/// Looks at a head below the last one before it is more than a node that lags.
const BEHIND_MAX: u32 = 20;
/// Every so many heads, and at each that does not follow the last one, the node is asked again for its chain and the contract.
const HEADS_BETWEEN_VERIFICATIONS: u32 = 128;
/// Most searches for events in one look, for one object.
const SEARCH_CHUNKS_MAX: usize = 64;
/// Pause after a search that reached the first block without result.
const SEARCH_PAUSE: Duration = Duration::from_secs(60);
/// Refusals in a row that count as being offline.
const REFUSALS_MAX: u32 = 3;
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Both blocks of the last report.
#[derive(Clone, Copy, Debug)]
struct Last {
    head: Block,
    settled: Block,
}

#[derive(Debug)]
pub(crate) struct Follower {
    rpc: Rpc,
    config: Arc<ChainConfig>,
    domain: Domain,
    outputs: mpsc::Sender<ChainOutput>,
    head: watch::Sender<Block>,
    watched: BTreeMap<Object, Watched>,
    /// Slot of the ledger channel that the current life, by id, belongs to.
    lives: HashMap<B256, Object>,
    last: Option<Last>,
    branch: Branch,
    /// The last object that was read in turn.
    rechecked: Option<Object>,
    /// Looks in a row that found a head below the last one.
    behind: u32,
    heads_since_verified: u32,
    /// A block that was final, and is gone.
    lost: Option<Block>,
    failures: u32,
    offline: bool,
}

/// What a new head says about the last one.
enum Relation {
    Same,
    /// Of an earlier time, from a node that lags.
    Behind,
    Follows(Way),
    /// Not known to have to do with it.
    Unknown,
}

impl Follower {
    pub(crate) fn new(
        rpc: Rpc,
        config: Arc<ChainConfig>,
        outputs: mpsc::Sender<ChainOutput>,
        head: watch::Sender<Block>,
    ) -> Self {
        Self {
            rpc,
            domain: config.domain(),
            branch: Branch::new(config.finality_depth),
            config,
            outputs,
            head,
            watched: BTreeMap::new(),
            lives: HashMap::new(),
            last: None,
            rechecked: None,
            behind: 0,
            heads_since_verified: 0,
            lost: None,
            failures: 0,
            offline: false,
        }
    }

    /// Until the handles or the receiver of the outputs are gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Following>) {
        let outputs = self.outputs.clone();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = outputs.closed() => return,
                command = commands.recv() => {
                    let Some(command) = command else { return };
                    self.add(command);
                    while let Ok(command) = commands.try_recv() {
                        self.add(command);
                    }
                    if self.failures > 0 {
                        continue;
                    }
                }
                () = sleep_until(next) => {}
            }
            let result = self.look().await;
            if !self.tell(result).await {
                return;
            }
            next = Instant::now() + self.pause();
        }
    }

    pub(crate) fn add(&mut self, command: Following) {
        match command {
            Following::Watch(watch) => {
                let watched = Watched::new(watch, &self.domain);
                let object = Object::of(&watched.watch);
                if let Object::Ledger(_) = object {
                    self.lives.entry(watched.id).or_insert(object);
                }
                self.watched.entry(object).or_insert(watched);
            }
            Following::Unwatch(watch) => {
                if let Some(watched) = self.watched.remove(&Object::of(&watch)) {
                    self.lives.remove(&watched.id);
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let poll = Duration::from_millis(self.config.poll_ms.max(1));
        if self.failures == 0 { poll } else { (poll * (1 << self.failures.min(6))).min(BACKOFF_MAX.max(poll)) }
    }

    /// Passes the result on. False if nobody listens.
    pub(crate) async fn tell(&mut self, result: Result<Option<ChainUpdate>, RpcError>) -> bool {
        let mut outputs = Vec::new();
        match result {
            Ok(update) => {
                self.failures = 0;
                if std::mem::take(&mut self.offline) {
                    outputs.push(ChainOutput::Online);
                }
                outputs.extend(self.lost.take().map(|lost| ChainOutput::FinalityBroken { lost }));
                outputs.extend(update.map(ChainOutput::Update));
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(%error, failures = self.failures, "the chain was not read");
                let counts = matches!(error, RpcError::Unreachable(_)) || self.failures >= REFUSALS_MAX;
                if counts && !self.offline {
                    self.offline = true;
                    outputs.push(ChainOutput::Offline { reason: error.to_string() });
                }
            }
        }
        for output in outputs {
            if self.outputs.send(output).await.is_err() {
                return false;
            }
        }
        true
    }

    /// One look at the chain. `None` if there is nothing new, or if the chain changed while it was read.
    pub(crate) async fn look(&mut self) -> Result<Option<ChainUpdate>, RpcError> {
        if self.failures > 0 {
            self.verify().await?;
        }
        let head = self.rpc.head().await?;
        let relation = self.relation(head).await?;
        let is_new = match &relation {
            Relation::Same => false,
            Relation::Behind => return self.stay_ahead(&head),
            Relation::Follows(_) | Relation::Unknown => true,
        };
        self.behind = 0;
        self.mark(&relation).await?;
        if let (Relation::Follows(_), Some(last)) = (&relation, self.last) {
            self.recheck(head.block, last.head.number).await?;
        }
        let due = self.due(is_new);
        if !is_new && due.is_empty() {
            return Ok(None);
        }
        let settled = match self.last {
            Some(last) if !is_new => last.settled,
            _ => self.settled_below(&head.block).await?,
        };
        let pairs = self.read(&due, head.block, settled).await?;
        let mut resolved = Vec::with_capacity(pairs.len());
        for (object, answer, pair) in pairs {
            resolved.push((object, answer, self.resolve(object, pair, head.block.number).await));
        }
        if self.rpc.header_at(head.block.number).await?.block != head.block {
            tracing::debug!(number = head.block.number, "the head was replaced while it was read");
            return Ok(None);
        }
        self.notice_deep_reorg(&relation, head.block).await?;
        match relation {
            Relation::Follows(way) => self.branch.follow(&way),
            Relation::Unknown => self.branch.restart(settled, head.block),
            Relation::Same | Relation::Behind => {}
        }
        Ok(Some(self.accept(head.block, settled, resolved)))
    }

    async fn verify(&self) -> Result<(), RpcError> {
        let gone = |error: ConnectError| RpcError::Unreachable(error.to_string());
        verify(&self.rpc, &self.config).await.map_err(gone)
    }

    async fn relation(&mut self, head: Header) -> Result<Relation, RpcError> {
        let Some(last) = self.last else { return Ok(Relation::Unknown) };
        let (number, hash) = (head.block.number, head.block.hash);
        if hash == last.head.hash {
            return Ok(Relation::Same);
        }
        if self.branch.has(number, hash) || (number < last.head.number && self.behind < BEHIND_MAX) {
            return Ok(Relation::Behind);
        }
        let way = self.branch.way(&self.rpc, head).await?;
        let goes_on = way.as_ref().is_some_and(|way| way.fork == last.head.number);
        if !goes_on || self.heads_since_verified >= HEADS_BETWEEN_VERIFICATIONS {
            // Perhaps it is not even the same chain any more.
            self.verify().await?;
            self.heads_since_verified = 0;
        }
        self.heads_since_verified += 1;
        Ok(way.map_or(Relation::Unknown, Relation::Follows))
    }

    /// A node that lags tells nothing new. The view stays, and ages: whoever needs a fresh one sees that no update comes.
    fn stay_ahead(&mut self, head: &Header) -> Result<Option<ChainUpdate>, RpcError> {
        self.behind = self.behind.saturating_add(1);
        if self.behind <= BEHIND_MAX {
            return Ok(None);
        }
        let last = self.last.map_or(0, |last| last.head.number);
        let number = head.block.number;
        Err(RpcError::Unreachable(format!("the node is at block {number}, after it had been at {last}")))
    }

    /// Marks what the blocks since the last look touched, and those that are gone; everything, if they are not known.
    async fn mark(&mut self, relation: &Relation) -> Result<(), RpcError> {
        let settled = self.last.map_or(0, |last| last.settled.number);
        let way = match relation {
            Relation::Same | Relation::Behind => return Ok(()),
            Relation::Follows(way) if way.fork >= settled => way,
            Relation::Follows(_) | Relation::Unknown => {
                for watched in self.watched.values_mut() {
                    (watched.stale, watched.search) = (true, Search::default());
                }
                return Ok(());
            }
        };
        let logs = try_join_all(way.blocks.iter().map(|block| self.rpc.logs_in(block))).await?;
        for watched in self.watched.values_mut().filter(|watched| watched.touched > way.fork) {
            watched.stale = true;
        }
        for (block, logs) in way.blocks.iter().zip(logs) {
            for log in &logs {
                self.hear(log, block.block.number);
            }
            self.suspect(block);
        }
        Ok(())
    }

    /// The bloom filter of a block names what its logs are about, whether or not the node gives them.
    fn suspect(&mut self, block: &Header) {
        if !self.rpc.may_have_logs(block) {
            return;
        }
        for watched in self.watched.values_mut() {
            if block.bloom.contains_input(BloomInput::Raw(watched.id.as_slice())) {
                watched.touched = watched.touched.max(block.block.number);
            }
        }
    }

    /// Reads some objects in turn, whatever the events say, and marks those that changed.
    async fn recheck(&mut self, head: Block, last: u64) -> Result<(), RpcError> {
        let turn = RECHECK_MIN.max(self.watched.len().div_ceil(RECHECK_HEADS));
        let after = self.watched.range((self.rechecked.map_or(Unbounded, Excluded), Unbounded));
        let some: Vec<(Object, Bytes)> = after.take(turn).map(|(object, watched)| (*object, watched.call())).collect();
        let calls: Vec<Bytes> = some.iter().map(|(_, call)| call.clone()).collect();
        let answers = self.rpc.views_at(&calls, head.hash).await?;
        self.rechecked = some.last().filter(|_| some.len() == turn).map(|(object, _)| *object);
        for ((object, _), answer) in some.iter().zip(answers) {
            let Some(watched) = self.watched.get_mut(object) else { continue };
            if watched.answer != answer && !watched.stale && watched.touched <= last {
                tracing::warn!(?object, block = head.number, "the node gave no event for a change");
                watched.stale = true;
            }
        }
        Ok(())
    }

    /// A branch that leaves the old one below its final block.
    async fn notice_deep_reorg(&mut self, relation: &Relation, head: Block) -> Result<(), RpcError> {
        let Some(Last { settled, .. }) = self.last else { return Ok(()) };
        let is_gone = match relation {
            Relation::Same | Relation::Behind => false,
            Relation::Follows(way) => way.fork < settled.number,
            Relation::Unknown => {
                head.number < settled.number
                    || self.rpc.header_by_number(settled.number).await?.is_some_and(|now| now.block != settled)
            }
        };
        if is_gone {
            tracing::error!(block = settled.number, hash = %settled.hash, "a block that was final is gone");
            self.lost = Some(settled);
        }
        Ok(())
    }

    fn hear(&mut self, log: &Log, block: u64) {
        let Some(event) = Event::decode(log.topics(), &log.data().data) else { return };
        for object in self.objects_of(&event) {
            if let Some(watched) = self.watched.get_mut(&object) {
                watched.touched = watched.touched.max(block);
                watched.learn(event.clone());
            }
        }
    }

    /// What an event may have changed. A nanocontract that moves also moves the end of its dispute.
    fn objects_of(&self, event: &Event) -> Vec<Object> {
        let id = event.object();
        let nano = event.nano().map(|(ch, entry)| Object::Nano(ch, entry));
        let channel = id.into_iter().flat_map(|id| [Object::Escrow(id), Object::Record(id)]);
        let ledger = id.and_then(|id| self.lives.get(&id).copied());
        let secret = event.secret().map(Object::Revealed);
        channel.chain(ledger).chain(nano).chain(secret).collect()
    }

    /// The objects to read: those that the chain may have changed at either block, and those whose State is still missing.
    fn due(&self, is_new: bool) -> Vec<Object> {
        let settled = self.last.map_or(0, |last| last.settled.number);
        let now = Instant::now();
        let is_due = |watched: &Watched| {
            watched.stale || (is_new && watched.touched > settled) || (watched.unresolved && watched.may_search(now))
        };
        self.watched.iter().filter(|(_, watched)| is_due(watched)).map(|(object, _)| *object).collect()
    }

    async fn settled_below(&self, head: &Block) -> Result<Block, RpcError> {
        if self.config.finality_depth == 0 {
            return Ok(*head);
        }
        let number = head.number.saturating_sub(self.config.finality_depth);
        Ok(self.rpc.header_at(number).await?.block)
    }

    /// The objects with what the node answered at the head, and the views.
    async fn read(&self, due: &[Object], head: Block, settled: Block) -> Result<Vec<(Object, Bytes, Pair)>, RpcError> {
        let watched: Vec<(Object, &Watched)> =
            due.iter().filter_map(|object| Some((*object, self.watched.get(object)?))).collect();
        let calls: Vec<_> = watched.iter().map(|(_, watched)| watched.call()).collect();
        let at_head = self.rpc.views_at(&calls, head.hash).await?;
        let at_settled =
            if settled == head { at_head.clone() } else { self.rpc.views_at(&calls, settled.hash).await? };
        let answers = at_head.iter().zip(&at_settled);
        watched
            .iter()
            .zip(answers)
            .map(|((object, watched), (answer, settled))| {
                let malformed = |error| RpcError::Unreachable(format!("{error}"));
                // At the head an empty answer would mean that the contract is gone: that is no view, but another chain.
                let head = watched.read(answer).map_err(malformed)?;
                let settled = watched.read_early(settled).map_err(malformed)?;
                Ok((*object, answer.clone(), Pair { head, settled }))
            })
            .collect()
    }

    /// Puts the States behind the stored hashes into both views, as far as they are found.
    async fn resolve(&mut self, object: Object, mut pair: Pair, head: u64) -> Pair {
        let Some(watched) = self.watched.get_mut(&object) else { return pair };
        for view in [&mut pair.head, &mut pair.settled] {
            if let Err(error) = find(&self.rpc, &self.config, &self.domain, watched, view, head).await {
                tracing::warn!(?object, %error, "no events for a dispute");
                watched.search.retry_at = Some(Instant::now() + SEARCH_PAUSE);
            }
        }
        pair
    }

    fn accept(&mut self, head: Block, settled: Block, pairs: Vec<(Object, Bytes, Pair)>) -> ChainUpdate {
        let mut update = ChainUpdate { head, settled, ..ChainUpdate::default() };
        for (object, answer, mut pair) in pairs {
            let Some(watched) = self.watched.get_mut(&object) else { continue };
            if std::mem::take(&mut watched.stale) {
                // Nothing is on its way to become final if both are the same already.
                watched.touched = if pair.head == pair.settled { 0 } else { head.number };
            }
            watched.answer = answer;
            watched.unresolved = pair.is_unresolved();
            if !pair.is_disputed() {
                watched.forget();
            }
            if let Watch::Ledger(_) = watched.watch {
                let life = watched.id_of(&pair.head, &self.domain);
                self.lives.remove(&std::mem::replace(&mut watched.id, life));
                self.lives.insert(life, object);
            }
            if watched.seen.as_ref() != Some(&pair) {
                pair.report(object, &mut update);
                watched.seen = Some(pair);
            }
        }
        self.last = Some(Last { head, settled });
        self.head.send_replace(head);
        update
    }
}

/// Finds the State of one view among the events heard, or searches back from the head.
async fn find(
    rpc: &Rpc,
    config: &ChainConfig,
    domain: &Domain,
    watched: &mut Watched,
    view: &mut View,
    head: u64,
) -> Result<(), RpcError> {
    if !view.is_unresolved() {
        return Ok(());
    }
    let (id, topics) = (watched.id_of(view, domain), watched.topics());
    let mut to = watched.search.below.unwrap_or(head);
    for chunks in 0.. {
        if watched.complete(view) {
            watched.search = Search::default();
            break;
        }
        if chunks == SEARCH_CHUNKS_MAX || !watched.may_search(Instant::now()) {
            break;
        }
        let from = to.saturating_sub(config.log_chunk_blocks.max(1) - 1);
        for log in rpc.logs_about(id, &topics, from, to).await? {
            if let Some(event) = Event::decode(log.topics(), &log.data().data) {
                watched.learn(event);
            }
        }
        watched.search = if from == 0 {
            Search { below: None, retry_at: Some(Instant::now() + SEARCH_PAUSE) }
        } else {
            to = from - 1;
            Search { below: Some(to), retry_at: None }
        };
    }
    Ok(())
}
