//! The follower: polls the head and reads what may have changed.

use crate::config::ChainConfig;
use crate::connect::{ConnectError, verify};
use crate::handle::ChainOutput;
use crate::rpc::{Header, Rpc, RpcError};
use crate::watched::{Object, Pair, Search, View, Watched};
use alloy::rpc::types::Log;
use futures::future::try_join_all;
use perunika_contracts::{Event, dispute_topics};
use perunika_core::chain::{Block, ChainUpdate, Watch};
use perunika_core::{B256, Domain};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Most blocks between two looks whose events are read one by one; behind more, everything is read again.
const WALK_MAX: usize = 32;
/// Every so many heads everything is read again, so that events that a node withholds cost time but not truth.
const HEADS_BETWEEN_FULL_READS: u32 = 256;
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
    heads_since_full_read: u32,
    failures: u32,
    offline: bool,
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
            config,
            outputs,
            head,
            watched: BTreeMap::new(),
            lives: HashMap::new(),
            last: None,
            heads_since_full_read: 0,
            failures: 0,
            offline: false,
        }
    }

    /// Until the handles or the receiver of the outputs are gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Watch>) {
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

    fn add(&mut self, watch: Watch) {
        let object = Object::of(&watch);
        if let Watch::Ledger(params) = &watch {
            self.lives.insert(params.id(&self.domain, 0), object);
        }
        self.watched.entry(object).or_insert_with(|| Watched::new(watch));
    }

    fn pause(&self) -> Duration {
        let poll = Duration::from_millis(self.config.poll_ms.max(1));
        if self.failures == 0 { poll } else { (poll * (1 << self.failures.min(6))).min(BACKOFF_MAX.max(poll)) }
    }

    /// Passes the result on. False if nobody listens.
    async fn tell(&mut self, result: Result<Option<ChainUpdate>, RpcError>) -> bool {
        let mut outputs = Vec::new();
        match result {
            Ok(update) => {
                self.failures = 0;
                if std::mem::take(&mut self.offline) {
                    outputs.push(ChainOutput::Online);
                }
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
    async fn look(&mut self) -> Result<Option<ChainUpdate>, RpcError> {
        if self.failures > 0 {
            let gone = |error: ConnectError| RpcError::Unreachable(error.to_string());
            verify(&self.rpc, &self.config).await.map_err(gone)?;
        }
        let head = self.rpc.head().await?;
        let is_new = self.last.is_none_or(|last| last.head.hash != head.block.hash);
        if is_new {
            self.mark(&head).await?;
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
        for (object, pair) in pairs {
            resolved.push((object, self.resolve(object, pair, head.block.number).await));
        }
        if self.rpc.header_by_number(head.block.number).await?.map(|header| header.block) != Some(head.block) {
            tracing::debug!(number = head.block.number, "the head was replaced while it was read");
            return Ok(None);
        }
        Ok(Some(self.accept(head.block, settled, resolved)))
    }

    /// Marks what the blocks since the last look touched; everything, if they are not known to follow it.
    async fn mark(&mut self, head: &Header) -> Result<(), RpcError> {
        self.heads_since_full_read += 1;
        let path = match self.last {
            Some(last) if self.heads_since_full_read < HEADS_BETWEEN_FULL_READS => self.path(last.head, head).await?,
            _ => None,
        };
        let Some(path) = path else {
            for watched in self.watched.values_mut() {
                (watched.stale, watched.search) = (true, Search::default());
            }
            return Ok(());
        };
        let logs = try_join_all(path.iter().map(|block| self.rpc.logs_in(block.hash))).await?;
        for (block, logs) in path.iter().zip(logs) {
            for log in &logs {
                self.hear(log, block.number);
            }
        }
        Ok(())
    }

    /// The blocks above `from` up to `head`, if `head` descends from `from` and is near.
    async fn path(&self, from: Block, head: &Header) -> Result<Option<Vec<Block>>, RpcError> {
        let mut path = vec![head.block];
        let mut parent = head.parent;
        while parent != from.hash {
            let lowest = path.last().map_or(0, |block| block.number);
            if lowest <= from.number + 1 || path.len() >= WALK_MAX {
                return Ok(None);
            }
            let Some(header) = self.rpc.header_by_hash(parent).await? else { return Ok(None) };
            path.push(header.block);
            parent = header.parent;
        }
        Ok(Some(path))
    }

    fn hear(&mut self, log: &Log, block: u64) {
        let Some(event) = Event::decode(log.topics(), &log.data().data) else { return };
        let Some(id) = event.object() else { return };
        let ledger = self.lives.get(&id).copied();
        for object in [Object::Escrow(id), Object::Record(id)].into_iter().chain(ledger) {
            if let Some(watched) = self.watched.get_mut(&object) {
                watched.touched = watched.touched.max(block);
                watched.preimages.learn(&event);
            }
        }
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
        let missing = || RpcError::Unreachable(format!("the node lacks block {number}"));
        Ok(self.rpc.header_by_number(number).await?.ok_or_else(missing)?.block)
    }

    async fn read(&self, due: &[Object], head: Block, settled: Block) -> Result<Vec<(Object, Pair)>, RpcError> {
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
            .map(|((object, watched), (head, settled))| {
                let malformed = |error| RpcError::Unreachable(format!("{error}"));
                // At the head an empty answer would mean that the contract is gone: that is no view, but another chain.
                let head = watched.read(head).map_err(malformed)?;
                Ok((*object, Pair { head, settled: watched.read_early(settled).map_err(malformed)? }))
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

    fn accept(&mut self, head: Block, settled: Block, pairs: Vec<(Object, Pair)>) -> ChainUpdate {
        if pairs.len() == self.watched.len() {
            self.heads_since_full_read = 0;
        }
        let mut update = ChainUpdate { head, settled, ..ChainUpdate::default() };
        for (object, mut pair) in pairs {
            let Some(watched) = self.watched.get_mut(&object) else { continue };
            if std::mem::take(&mut watched.stale) {
                watched.touched = head.number;
            }
            watched.unresolved = pair.is_unresolved();
            if !pair.is_disputed() {
                watched.preimages.forget();
                watched.search = Search::default();
            }
            if let Watch::Ledger(_) = watched.watch {
                let life = watched.id_of(&pair.head, &self.domain);
                if let Some(seen) = &watched.seen {
                    self.lives.remove(&watched.id_of(&seen.head, &self.domain));
                }
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
    let Some(stored) = view.unresolved() else { return Ok(()) };
    let id = watched.id_of(view, domain);
    let mut to = watched.search.below.unwrap_or(head);
    for chunks in 0.. {
        if let Some(preimage) = watched.preimages.find(stored) {
            view.fill(preimage);
            watched.search = Search::default();
            break;
        }
        if chunks == SEARCH_CHUNKS_MAX || !watched.may_search(Instant::now()) {
            break;
        }
        let from = to.saturating_sub(config.log_chunk_blocks.max(1) - 1);
        for log in rpc.logs_about(id, &dispute_topics(), from, to).await? {
            if let Some(event) = Event::decode(log.topics(), &log.data().data) {
                watched.preimages.learn(&event);
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
