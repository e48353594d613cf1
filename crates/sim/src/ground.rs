//! The ground truth: revm with the deployed Adjudicator, one block a second.

use crate::token::{self, TOKENS};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use perunika_contracts::{Event, Preimage, Stored, creation_code, encode_call, revert_reason, view};
use perunika_core::Domain;
use perunika_core::chain::{Block, Call, ChainUpdate, EscrowView, LedgerView, NanoView, RecordView, Seen, Watch};
use perunika_devnet::{CallRequest, Chain, Genesis};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// First timestamp of the chain, seconds.
pub const START: u64 = 1_900_000_000;
/// What every account has at the start, of ether and of each token, smallest units.
pub const ENDOWMENT: u128 = 1_000_000_000_000_000_000_000;
const GAS: u64 = 16_000_000;
/// Gas of a block where nothing else is said.
pub(crate) const GAS_LIMIT: u64 = 60_000_000;

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who sent it.
    pub from: Address,
    /// Function name.
    pub name: &'static str,
    /// Gas used; `Err` with the reason if it reverted.
    pub result: Result<u64, String>,
    /// Gas fee paid, wei.
    pub fee: u128,
}

/// A call that waits for the next block. Whoever makes blocks may order the queue, and hold a call back for as long as the protocol
/// assumes that inclusion takes.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Who sent it.
    pub from: Address,
    /// What, for everybody to see.
    pub call: Call,
    /// Timestamp of the head when it was sent, seconds.
    pub since: u64,
    /// It is in no block with an earlier timestamp, seconds.
    pub hold_until: u64,
    to: Address,
    data: Bytes,
    value: U256,
    pub(crate) ticket: u64,
}

/// A chain with one Adjudicator.
pub struct Ground {
    /// The chain itself.
    pub chain: Chain,
    /// Chain id and address of the contract.
    pub domain: Domain,
    /// Blocks behind the head that count as final.
    pub depth: u64,
    /// Calls that wait for the next block, in the order in which it would take them.
    pub queue: Vec<Queued>,
    /// Blocks are full: a call waits up to so many seconds until it is outbid by none.
    pub full_s: u64,
    /// Calls behind `receipts`.
    sent: Vec<Queued>,
    preimages: BTreeMap<Stored, Preimage>,
    totals: BTreeMap<B256, u128>,
    pending: Vec<(B256, Queued)>,
    /// Every event, oldest first, with the block's height.
    pub events: Vec<(u64, Event)>,
    /// Every call, oldest first.
    pub receipts: Vec<Receipt>,
    /// Hashes of the transactions behind `receipts`.
    hashes: Vec<B256>,
    /// Heights of the blocks with transactions: between two of them nothing changes.
    active: Vec<u64>,
    /// How often the chain was reorganised.
    reorgs: u64,
    memory: RefCell<Memory>,
}

/// Who has money at the start, the creation code of the contract, gas of a block.
type Deployment = (Vec<Address>, Bytes, u64);

/// Views that were read, by the height of the last block with transactions.
#[derive(Default)]
struct Memory {
    ledgers: BTreeMap<(B256, u64), LedgerView>,
    escrows: BTreeMap<(B256, u64), EscrowView>,
    records: BTreeMap<(B256, u64), RecordView>,
    nanos: BTreeMap<(B256, B256, u64), Option<NanoView>>,
    revealed: BTreeMap<(B256, u64), u64>,
}

/// All that the views of the chain depend on, for somebody who sees it with some lag: reorganisations so far, last block with
/// transactions up to the head, the same up to the newest final block.
pub(crate) type Horizon = (u64, u64, u64);

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Ground {
    /// Deploys the contract.
    pub fn new(accounts: &[Address]) -> Self {
        Self::with_adjudicator(accounts, creation_code())
    }

    /// Deploys the contract, or another one, on a chain whose blocks have room for so much gas; a call asks for 16 million.
    pub fn with_blocks(accounts: &[Address], code: Option<Bytes>, gas_limit: u64) -> Self {
        Self::deployed(accounts, code.unwrap_or_else(creation_code), gas_limit)
    }

    /// Deploys this creation code in its place: a contract in which a guard is missing.
    pub fn with_adjudicator(accounts: &[Address], code: Bytes) -> Self {
        Self::deployed(accounts, code, GAS_LIMIT)
    }

    fn deployed(accounts: &[Address], code: Bytes, gas_limit: u64) -> Self {
        thread_local! {
            /// The last one: a clone is a chain of its own, and deploying takes longer than a short story.
            static DEPLOYED: RefCell<Option<(Deployment, Ground)>> = const { RefCell::new(None) };
        }
        let asked = (accounts.to_vec(), code, gas_limit);
        DEPLOYED.with_borrow_mut(|last| match last {
            Some((same, ground)) if *same == asked => ground.untouched(),
            _ => {
                let ground = Self::deploy(&asked.0, asked.1.clone(), gas_limit);
                let copy = ground.untouched();
                *last = Some((asked, ground));
                copy
            }
        })
    }

    /// A ground of its own, as this one was when nothing had happened.
    fn untouched(&self) -> Self {
        Self::on(self.chain.clone(), self.domain)
    }

    fn deploy(accounts: &[Address], code: Bytes, gas_limit: u64) -> Self {
        let deployer = Address::repeat_byte(0xdd);
        let genesis = accounts
            .iter()
            .chain([&deployer])
            .fold(Genesis { gas_limit, ..Genesis::at(START) }, |g, account| g.fund(*account, U256::from(ENDOWMENT)));
        let genesis = TOKENS.iter().fold(genesis, |mut g, (token, manner)| {
            let account = g.alloc.entry(*token).or_default();
            (account.code, account.storage) = (token::code(*manner), token::endowed(accounts, ENDOWMENT));
            g
        });
        let mut chain = Chain::new(genesis);
        let hash =
            chain.send_unsigned(deployer, None, U256::ZERO, code, 16_000_000).expect("the deployment is accepted");
        chain.mine(START + 1).expect("a block");
        let adjudicator = chain.mined(hash).and_then(|(_, tx)| tx.contract_address).expect("the contract is deployed");
        chain.mine(START + 2).expect("a block");
        let domain = Domain { chain_id: chain.chain_id(), adjudicator };
        Self::on(chain, domain)
    }

    fn on(chain: Chain, domain: Domain) -> Self {
        Self {
            chain,
            domain,
            depth: 1,
            queue: Vec::new(),
            full_s: 0,
            sent: Vec::new(),
            preimages: BTreeMap::new(),
            totals: BTreeMap::new(),
            pending: Vec::new(),
            events: Vec::new(),
            receipts: Vec::new(),
            hashes: Vec::new(),
            active: Vec::new(),
            reorgs: 0,
            memory: RefCell::default(),
        }
    }

    /// Timestamp of the head, seconds.
    pub fn time(&self) -> u64 {
        self.chain.head().header.timestamp
    }

    /// Wei of an account at the head.
    pub fn balance(&self, account: Address) -> u128 {
        self.chain.balance(account, self.chain.height()).expect("the head is known").to::<u128>()
    }

    /// What an account has of an asset (zero address for ETH) at the head, smallest units.
    pub fn balance_of(&self, asset: Address, account: Address) -> u128 {
        if asset == Address::ZERO {
            return self.balance(account);
        }
        self.ask(asset, token::balance_call(account))
    }

    /// What an owner lets the Adjudicator take of a token, at the head.
    pub fn allowance(&self, token: Address, owner: Address) -> u128 {
        self.ask(token, token::allowance_call(owner, self.domain.adjudicator))
    }

    fn ask(&self, token: Address, data: Bytes) -> u128 {
        let request = CallRequest { to: Some(token), data, ..CallRequest::default() };
        let output = self.chain.call(&request, self.chain.height()).expect("a view").output;
        U256::try_from_be_slice(&output).and_then(|word| word.try_into().ok()).unwrap_or_default()
    }

    /// Puts a call into the pool; `ticket` comes back with its result. `Err`: it would revert now, nothing was sent.
    pub fn submit(&mut self, from: Address, call: &Call, ticket: u64) -> Result<(), String> {
        let encoded = encode_call(call, &self.domain, from).map_err(|e| e.to_string())?;
        let to = encoded.token.unwrap_or(self.domain.adjudicator);
        let mut choices = vec![encoded.data];
        choices.extend(encoded.otherwise);
        let mut reason = String::new();
        for data in choices {
            match self.dry_run(from, to, data.clone(), encoded.value) {
                Ok(()) => {
                    self.enqueue((from, to), call, data, encoded.value, ticket);
                    return Ok(());
                }
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    /// Whether a call would succeed in the next block. Nothing is sent.
    pub fn would_succeed(&self, from: Address, call: &Call) -> bool {
        let Ok(encoded) = encode_call(call, &self.domain, from) else { return false };
        let to = encoded.token.unwrap_or(self.domain.adjudicator);
        self.dry_run(from, to, encoded.data, encoded.value).is_ok()
    }

    /// Puts a call into the pool without asking whether it would succeed.
    pub fn submit_blind(&mut self, from: Address, call: &Call) -> Result<(), String> {
        let encoded = encode_call(call, &self.domain, from).map_err(|e| e.to_string())?;
        let to = encoded.token.unwrap_or(self.domain.adjudicator);
        self.enqueue((from, to), call, encoded.data, encoded.value, u64::MAX);
        Ok(())
    }

    fn enqueue(&mut self, (from, to): (Address, Address), call: &Call, data: Bytes, value: U256, ticket: u64) {
        let since = self.time();
        // Who waits longest is no matter of chance here, so that one seed tells one story whoever asks.
        let wait = if self.full_s == 0 { 0 } else { u64::from(keccak256(&data)[31]) % (self.full_s + 1) };
        let hold_until = if wait == 0 { 0 } else { since + wait };
        self.queue.push(Queued { from, call: call.clone(), since, hold_until, to, data, value, ticket });
    }

    /// Hands what may be in a block at this time to the chain, in the order of the queue.
    fn release(&mut self, timestamp: u64) -> Vec<(u64, Result<u64, String>)> {
        let (due, held) = std::mem::take(&mut self.queue).into_iter().partition(|q| q.hold_until <= timestamp);
        self.queue = held;
        let due: Vec<Queued> = due;
        let mut refused = Vec::new();
        for call in due {
            match self.chain.send_unsigned(call.from, Some(call.to), call.value, call.data.clone(), GAS) {
                Ok(hash) => self.pending.push((hash, call)),
                Err(reason) => refused.push((call.ticket, Err(reason.to_string()))),
            }
        }
        refused
    }

    fn dry_run(&self, from: Address, to: Address, data: Bytes, value: U256) -> Result<(), String> {
        let request = CallRequest { from, to: Some(to), value, data, gas_limit: Some(GAS), ..CallRequest::default() };
        let at = perunika_devnet::At::Next { timestamp: self.time() + 1 };
        let result = self.chain.call(&request, at).map_err(|e| e.to_string())?;
        if result.is_success() { Ok(()) } else { Err(revert_reason(&result.output)) }
    }

    /// Mines a block at `timestamp` (or a second after its parent); gives the tickets with their results.
    pub fn mine(&mut self, timestamp: u64) -> Vec<(u64, Result<u64, String>)> {
        let at = timestamp.max(self.time() + 1);
        let mut results = self.release(at);
        let block = self.chain.mine(at).expect("a block");
        let mut waiting = Vec::new();
        for (hash, call) in std::mem::take(&mut self.pending) {
            let Some((_, tx)) = self.chain.mined(hash) else {
                waiting.push((hash, call));
                continue;
            };
            let result = match tx.outcome {
                perunika_devnet::Outcome::Success => Ok(tx.gas_used),
                _ => Err(revert_reason(&tx.output)),
            };
            let fee = u128::from(tx.gas_used) * tx.effective_gas_price;
            self.hashes.push(hash);
            self.receipts.push(Receipt { from: call.from, name: call.call.name(), result: result.clone(), fee });
            results.push((call.ticket, result));
            self.sent.push(call);
        }
        self.pending = waiting;
        if !block.transactions.is_empty() {
            self.active.push(block.header.number);
        }
        self.read_events(&block);
        results
    }

    /// Drops the last `depth` blocks; their transactions are lost, as if they had never been sent. What they were is given back.
    pub fn reorg(&mut self, depth: u64) -> Vec<Queued> {
        let lost = self.chain.reorg(depth).expect("the chain is that long");
        let height = self.chain.height();
        self.reorgs += 1;
        self.active.retain(|at| *at <= height);
        *self.memory.borrow_mut() = Memory::default();
        self.events.retain(|(at, _)| *at <= height);
        let mut back = Vec::new();
        for tx in lost {
            if let Some(index) = self.hashes.iter().position(|hash| hash == tx.tx_hash()) {
                self.hashes.remove(index);
                self.receipts.remove(index);
                back.push(self.sent.remove(index));
            }
        }
        // Their nonces begin anew: what waits in the pool is sent again from the queue.
        for (hash, call) in std::mem::take(&mut self.pending) {
            self.chain.forget(hash);
            self.queue.push(call);
        }
        back
    }

    fn read_events(&mut self, block: &perunika_devnet::Block) {
        for index in 0..block.transactions.len() {
            for log in block.rpc_logs(index) {
                if log.address() != self.domain.adjudicator {
                    continue;
                }
                let Some(event) = Event::decode(log.topics(), &log.data().data) else { continue };
                self.keep_preimage(&event);
                self.events.push((block.header.number, event));
            }
        }
    }

    fn keep_preimage(&mut self, event: &Event) {
        match event {
            Event::Registered { preimage, .. } | Event::Refuted { preimage, .. } => {
                self.preimages.insert(preimage.stored(), *preimage);
            }
            Event::Disclosed { vc, total, .. } => {
                self.totals.insert(*vc, *total);
            }
            Event::VirtualRegistered { vc, preimage, .. } | Event::VirtualRefuted { vc, preimage } => {
                let total = self.totals.get(vc).copied().unwrap_or_default();
                let whole = preimage.with_total(*vc, total);
                self.preimages.insert(whole.stored(), whole);
            }
            _ => {}
        }
    }

    fn read(&self, data: Bytes, height: u64) -> Bytes {
        let request = CallRequest { to: Some(self.domain.adjudicator), data, ..CallRequest::default() };
        self.chain.call(&request, height).expect("a view").output
    }

    fn seen<T>(&self, lag: u64, at: impl Fn(u64) -> T) -> Seen<T> {
        let (head, settled) = self.heights(lag);
        Seen { head: at(head), settled: at(settled) }
    }

    /// The head and the newest final block for somebody who knows nothing of the last `lag` blocks.
    fn heights(&self, lag: u64) -> (u64, u64) {
        let head = self.chain.height().saturating_sub(lag);
        (head, head.saturating_sub(self.depth))
    }

    /// The last block with transactions up to a height.
    fn active_at(&self, height: u64) -> u64 {
        let later = self.active.partition_point(|at| *at <= height);
        later.checked_sub(1).map_or(0, |index| self.active[index])
    }

    pub(crate) fn reorgs(&self) -> u64 {
        self.reorgs
    }

    pub(crate) fn horizon(&self, lag: u64) -> Horizon {
        let (head, settled) = self.heights(lag);
        (self.reorgs, self.active_at(head), self.active_at(settled))
    }

    fn fill<T: view::Disputed>(&self, mut slots: view::Slots<T>) -> T {
        if let Some(preimage) = slots.stored.and_then(|s| self.preimages.get(&s)) {
            slots.fill(preimage);
        }
        slots.view
    }

    /// The slots of a ledger channel at a height.
    pub fn ledger_at(&self, params: &perunika_core::params::ChannelParams, height: u64) -> LedgerView {
        let key = (params.slot_key(), self.active_at(height));
        if let Some(view) = self.memory.borrow().ledgers.get(&key) {
            return *view;
        }
        let view = self.fill(view::ledger(&self.read(view::ledger_call(params), height)).expect("a ledger view"));
        self.memory.borrow_mut().ledgers.insert(key, view);
        view
    }

    /// The record of a virtual channel at a height.
    pub fn record_at(&self, vc: B256, height: u64) -> RecordView {
        let key = (vc, self.active_at(height));
        if let Some(view) = self.memory.borrow().records.get(&key) {
            return *view;
        }
        let view = self.fill(view::record(&self.read(view::record_call(vc), height)).expect("a record view"));
        self.memory.borrow_mut().records.insert(key, view);
        view
    }

    /// The escrow of a life at a height.
    pub fn escrow_at(&self, id: B256, height: u64) -> EscrowView {
        let key = (id, self.active_at(height));
        if let Some(view) = self.memory.borrow().escrows.get(&key) {
            return *view;
        }
        let view = view::escrow(&self.read(view::escrow_call(id), height)).expect("an escrow view");
        self.memory.borrow_mut().escrows.insert(key, view);
        view
    }

    /// The slots of a nanocontract at a height, with the storage that its last forced step left.
    pub fn nano_at(&self, ch: B256, entry: B256, height: u64) -> Option<NanoView> {
        let key = (ch, entry, self.active_at(height));
        if let Some(view) = self.memory.borrow().nanos.get(&key) {
            return view.clone();
        }
        let view = self.read_nano(ch, entry, height);
        self.memory.borrow_mut().nanos.insert(key, view.clone());
        view
    }

    fn read_nano(&self, ch: B256, entry: B256, height: u64) -> Option<NanoView> {
        let mut slots = view::nano(&self.read(view::nano_call(ch, entry), height)).expect("a nano view");
        let is_about = |event: &&(u64, Event)| {
            event.0 <= height
                && matches!(&event.1, Event::NanoStepped { ch: c, entry: e, .. } if (*c, *e) == (ch, entry))
        };
        for (_, event) in self.events.iter().rev().filter(is_about) {
            if slots.fill(event) {
                break;
            }
        }
        slots.view
    }

    /// When the secret with this hash was published, seconds; 0 if it was not at that height.
    pub fn revealed_at(&self, hash: B256, height: u64) -> u64 {
        let key = (hash, self.active_at(height));
        if let Some(time) = self.memory.borrow().revealed.get(&key) {
            return *time;
        }
        let time = view::revealed(&self.read(view::revealed_call(hash), height)).expect("a time");
        self.memory.borrow_mut().revealed.insert(key, time);
        time
    }

    /// The vault balance of an owner at the head, of an asset (zero address for ETH).
    pub fn vault(&self, asset: Address, owner: Address) -> u128 {
        let answer = self.read(view::vault_call(asset, owner), self.chain.height());
        view::vault(&answer).expect("a vault view").to::<u128>()
    }

    /// What a chain driver that watches these objects, and knows nothing of the last `lag` blocks, would report now.
    pub fn observe(&self, watches: &[Watch], lag: u64) -> ChainUpdate {
        let Seen { head, settled } = self.seen(lag, |h| self.block(h));
        let mut update = ChainUpdate { head, settled, ..Default::default() };
        for watch in watches {
            match watch {
                Watch::Ledger(params) => {
                    update.ledgers.push((params.slot_key(), self.seen(lag, |h| self.ledger_at(params, h))));
                }
                Watch::Escrow(id) => update.escrows.push((*id, self.seen(lag, |h| self.escrow_at(*id, h)))),
                Watch::Record(vc) => update.records.push((*vc, self.seen(lag, |h| self.record_at(*vc, h)))),
                Watch::Nano { ch, entry } => {
                    update.nanos.push(((*ch, *entry), self.seen(lag, |h| self.nano_at(*ch, *entry, h))));
                }
                Watch::Revealed(hash) => update.revealed.push((*hash, self.seen(lag, |h| self.revealed_at(*hash, h)))),
            }
        }
        update
    }

    /// The blocks alone, where nothing that is watched can have changed.
    pub(crate) fn observe_blocks(&self, lag: u64) -> ChainUpdate {
        let Seen { head, settled } = self.seen(lag, |h| self.block(h));
        ChainUpdate { head, settled, ..Default::default() }
    }

    fn block(&self, height: u64) -> Block {
        let block = self.chain.block(height).expect("a known block");
        Block { number: height, time: block.header.timestamp, hash: block.hash }
    }
}
