//! A chain with an Adjudicator, and two participants of one ledger channel with a driver each.

use alloy::providers::{Provider, RootProvider};
use perunika_chain::{ChainConfig, ChainHandle, ChainOutput, OwnerKey, TxCost, connect, deploy};
use perunika_core::chain::{
    Block, Call, DisputeView, EscrowView, LedgerView, NanoView, Phase, RecordView, Roots, Seen, TxKey, TxOutcome, Watch,
};
use perunika_core::params::{ChannelParams, Party};
use perunika_core::sig::{MemoryKey, RawKey, Signature};
use perunika_core::signed::{Eip712, State};
use perunika_core::{Address, B256, Domain, tree};
use perunika_devnet::{Config, Server, ServerHandle, dev_key};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

pub(crate) const DEPOSIT_A: u128 = 1_000;
pub(crate) const DEPOSIT_B: u128 = 500;
pub(crate) const CHALLENGE: u32 = 120;
/// Far above what a step takes; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that mines each transaction at once and no empty blocks, on a free port.
pub(crate) fn quiet() -> Config {
    Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), block_time: None, ..Config::default() }
}

pub(crate) fn owner(index: u32) -> OwnerKey {
    OwnerKey::from_bytes(&dev_key(index)).expect("a key")
}

/// One participant: its driver, what it heard, and its channel key.
pub(crate) struct Node {
    pub(crate) chain: ChainHandle,
    pub(crate) key: MemoryKey,
    outputs: Receiver<ChainOutput>,
    pub(crate) head: Block,
    pub(crate) ledgers: BTreeMap<B256, Seen<LedgerView>>,
    pub(crate) records: BTreeMap<B256, Seen<RecordView>>,
    pub(crate) escrows: BTreeMap<B256, Seen<EscrowView>>,
    pub(crate) nanos: BTreeMap<(B256, B256), Seen<Option<NanoView>>>,
    pub(crate) revealed: BTreeMap<B256, Seen<u64>>,
    pub(crate) offline: Vec<bool>,
    reasons: Vec<String>,
    /// Final blocks that are gone.
    pub(crate) broken: Vec<Block>,
    pub(crate) ended: Vec<(TxKey, &'static str, TxOutcome, Option<TxCost>)>,
    pub(crate) removed: Vec<B256>,
    submitted: u8,
}

impl Node {
    pub(crate) async fn start(config: ChainConfig, index: u32) -> Self {
        let (chain, outputs) = connect(config, owner(index)).await.expect("connects");
        Self {
            chain,
            // The owner's own key, so that an end of a virtual channel may register it.
            key: MemoryKey::new(dev_key(index), dev_key(index)).expect("a key"),
            outputs,
            head: Block::default(),
            ledgers: BTreeMap::new(),
            records: BTreeMap::new(),
            escrows: BTreeMap::new(),
            nanos: BTreeMap::new(),
            revealed: BTreeMap::new(),
            offline: Vec::new(),
            reasons: Vec::new(),
            broken: Vec::new(),
            ended: Vec::new(),
            removed: Vec::new(),
            submitted: 0,
        }
    }

    fn hear(&mut self, output: ChainOutput) {
        match output {
            ChainOutput::Update(update) => {
                self.head = update.head;
                self.ledgers.extend(update.ledgers);
                self.records.extend(update.records);
                self.escrows.extend(update.escrows);
                self.nanos.extend(update.nanos);
                self.revealed.extend(update.revealed);
            }
            ChainOutput::Transaction { key, name, outcome, cost } => self.ended.push((key, name, outcome, cost)),
            ChainOutput::Removed { hash } => self.removed.push(hash),
            ChainOutput::Offline { reason } => {
                self.offline.push(true);
                self.reasons.push(reason);
            }
            ChainOutput::FinalityBroken { lost } => self.broken.push(lost),
            ChainOutput::Online => self.offline.push(false),
        }
    }

    /// Listens until `found` finds something in what was heard.
    pub(crate) async fn until<T>(&mut self, what: &str, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(value) = found(self) {
                    return value;
                }
                let output = self.outputs.recv().await.expect("the driver runs");
                self.hear(output);
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(value) => value,
            Err(_) => panic!("never saw: {what}; ledgers {:?}, ended {:?}", self.ledgers, self.ended),
        }
    }

    /// Waits until the driver gives up on its node, and says why it did.
    pub(crate) async fn offline_reason(&mut self) -> String {
        self.until("offline", |node| node.reasons.last().cloned()).await
    }

    /// Why a transaction failed, if it was reported to have done so.
    pub(crate) fn failure(&self, key: TxKey) -> Option<&str> {
        self.ended.iter().filter(|end| end.0 == key).find_map(|end| match &end.2 {
            TxOutcome::Failed { reason } => Some(reason.as_str()),
            TxOutcome::Mined { .. } => None,
        })
    }

    /// Listens until the next output.
    pub(crate) async fn next(&mut self) -> ChainOutput {
        let output = timeout(PATIENCE, self.outputs.recv()).await.expect("in time").expect("the driver runs");
        self.hear(output.clone());
        output
    }

    pub(crate) fn submit(&mut self, call: Call) -> TxKey {
        self.submitted += 1;
        let key = TxKey(B256::with_last_byte(self.submitted));
        self.chain.submit(key, call, None);
        key
    }

    /// Submits a call and waits for its end.
    pub(crate) async fn call(&mut self, call: Call) -> (TxOutcome, Option<TxCost>) {
        let key = self.submit(call);
        self.end_of(key).await
    }

    pub(crate) async fn end_of(&mut self, key: TxKey) -> (TxOutcome, Option<TxCost>) {
        let ended = |node: &Self| node.ended.iter().find(|end| end.0 == key).map(|end| (end.2.clone(), end.3));
        self.until("the end of a transaction", ended).await
    }

    /// Submits a call that must succeed.
    pub(crate) async fn succeed(&mut self, call: Call) -> TxCost {
        match self.call(call).await {
            (TxOutcome::Mined { gas }, Some(cost)) => {
                assert_eq!(gas, cost.gas);
                cost
            }
            other => panic!("not mined: {other:?}"),
        }
    }

    /// Submits a call that must fail, and gives the reason.
    pub(crate) async fn fail(&mut self, call: Call) -> String {
        match self.call(call).await {
            (TxOutcome::Failed { reason }, None) => reason,
            other => panic!("should not have been sent: {other:?}"),
        }
    }

    pub(crate) async fn ledger(&mut self, what: &str, found: impl Fn(&Seen<LedgerView>) -> bool) -> Seen<LedgerView> {
        self.until(what, |node| node.ledgers.values().find(|seen| found(seen)).copied()).await
    }

    pub(crate) async fn dispute(&mut self, ver: u64) -> DisputeView {
        let seen = self.ledger("a dispute", |seen| seen.head.dispute.is_some_and(|d| d.ver == ver)).await;
        seen.head.dispute.expect("just seen")
    }

    pub(crate) async fn record(&mut self, what: &str, found: impl Fn(&Seen<RecordView>) -> bool) -> Seen<RecordView> {
        self.until(what, |node| node.records.values().find(|seen| found(seen)).copied()).await
    }
}

pub(crate) struct World {
    pub(crate) server: ServerHandle,
    pub(crate) config: ChainConfig,
    pub(crate) domain: Domain,
    pub(crate) params: ChannelParams,
    pub(crate) a: Node,
    pub(crate) b: Node,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::start(quiet()).await.expect("starts");
        let adjudicator = deploy(&server.url(), &owner(9)).await.expect("deploys").address;
        let config =
            ChainConfig { poll_ms: 10, resend_after_ms: 50, ..ChainConfig::new(server.url(), 31_337, adjudicator) };
        let a = Node::start(config.clone(), 0).await;
        let b = Node::start(config.clone(), 1).await;
        let party = |node: &Node| Party { owner: node.chain.owner(), key: node.key.address() };
        let params = ChannelParams {
            a: party(&a),
            b: party(&b),
            asset: Address::ZERO,
            challenge: CHALLENGE,
            window: 60,
            k_max: 80,
            lane: 0,
        };
        let mut world = Self { server, domain: config.domain(), config, params, a, b };
        world.a.chain.watch(Watch::Ledger(params));
        world.b.chain.watch(Watch::Ledger(params));
        world.a.ledger("the virgin slot", |seen| seen.head.phase == Phase::Virgin).await;
        world
    }

    /// With the channel open.
    pub(crate) async fn open() -> Self {
        let mut world = Self::start().await;
        world.a.succeed(Call::Open { params: world.params, nonce: 0, value: DEPOSIT_A }).await;
        world.b.succeed(world.confirm()).await;
        world.a.ledger("open", |seen| seen.head.phase == Phase::Open).await;
        world.b.ledger("open", |seen| seen.head.phase == Phase::Open).await;
        world
    }

    pub(crate) fn confirm(&self) -> Call {
        Call::Confirm { params: self.params, id: self.id(), dep_a: DEPOSIT_A, value: DEPOSIT_B }
    }

    pub(crate) fn id(&self) -> B256 {
        self.params.id(&self.domain, 0)
    }

    pub(crate) fn state(&self, ver: u64, def_a: u128) -> State {
        State {
            ch: self.id(),
            ver,
            dep_a: DEPOSIT_A,
            dep_b: DEPOSIT_B,
            total: DEPOSIT_A + DEPOSIT_B,
            def_a,
            nanos: 0,
            locks: 0,
            entries: tree::empty_entries(),
        }
    }

    pub(crate) fn sign(&self, value: &impl Eip712) -> [Signature; 2] {
        let digest = self.domain.digest(value.struct_hash());
        [self.a.key.sign(digest), self.b.key.sign(digest)]
    }

    pub(crate) fn register(&self, state: State) -> Call {
        Call::Register { params: self.params, state, roots: Roots::default(), sigs: self.sign(&state).map(Some) }
    }

    pub(crate) fn refute(&self, state: State) -> Call {
        Call::Refute { params: self.params, state, roots: Roots::default(), sigs: self.sign(&state).map(Some) }
    }

    /// An empty block, so many seconds after the last one.
    pub(crate) fn pass(&self, seconds: u64) {
        self.server.with_chain(|chain| {
            let time = chain.head().header.timestamp + seconds;
            chain.mine(time).expect("mines");
        });
    }

    /// Replaces the last blocks by as many empty ones and one more; their transactions are lost.
    pub(crate) fn reorg(&self, depth: u64) {
        self.server.with_chain(|chain| {
            let time = chain.head().header.timestamp;
            chain.reorg(depth).expect("drops");
            for step in 0..=depth {
                chain.mine(time + 1 + step).expect("mines");
            }
        });
    }
}

/// Mines each transaction at once, or only when told.
pub(crate) async fn auto_mine(server: &ServerHandle, on: bool) {
    let provider: RootProvider = RootProvider::new_http(server.url().parse().expect("a URL"));
    let _: Option<bool> = provider.raw_request("evm_setAutomine".into(), (on,)).await.expect("obeys");
}
