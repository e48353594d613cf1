//! The sender: one account, its nonces, and its transactions until they are final.
//!
//! One key is one wish, and is included once at most while this sender runs: all versions of a transaction share its nonce, and a
//! key is free for another transaction only after the nonce was used by somebody else, or after an inclusion that failed or is
//! final. The sender keeps nothing on disk. After a restart it lets what an earlier run left in the pool be included first, and
//! tries each call before it sends it, so that a wish that was fulfilled meanwhile is refused by the contract and not sent. What
//! is not included in time is replaced under its own nonce. If all of this is deceived by a node, the contract is still the last
//! instance: each call names the life, the version or the lock that it is for, and works once; the second one costs its gas.

use crate::config::ChainConfig;
use crate::estimate::rehearse;
use crate::fees::Fees;
use crate::handle::{ChainOutput, Request, TxCost};
use crate::rpc::{Rpc, RpcError, Trial};
use crate::wallet::OwnerKey;
use alloy::consensus::TxEip1559;
use alloy::eips::BlockId;
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::rpc::types::TransactionReceipt;
use perunika_contracts::encode_call;
use perunika_core::B256;
use perunika_core::chain::{Block, Call, TxKey, TxOutcome};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// Most pending transactions that are looked at in one round, lowest nonces first.
const LOOK_MAX: usize = 64;
/// Most times that an unknown transaction is outbid at once; each time by an eighth.
const OUTBIDS_MAX: u32 = 24;
/// Gas of a transfer of nothing, which fills a gap between nonces.
const FILLER_GAS: u64 = 21_000;
/// Rounds in which an unknown transaction may have lost its nonce before it is given up.
const LOST_ROUNDS: u32 = 3;
/// Most gas that a transaction may have (EIP-7825).
const GAS_MAX: u64 = 1 << 24;
/// Most gas that an opening in one transaction may need. Its other side's owner may be a contract that is asked whether it agrees, and
/// could spend whatever it is given; who has good reasons opens in two transactions.
const AT_ONCE_GAS_MAX: u64 = 600_000;
/// Gas on top of an estimate: the contract wants a reserve before it pays out, and slots may have changed meanwhile.
const GAS_RESERVE: u64 = 60_000;

/// The limit for a call that is estimated to need `estimate`.
pub(crate) fn gas_limit(estimate: u64) -> u64 {
    estimate.saturating_add(estimate / 4).saturating_add(GAS_RESERVE).min(GAS_MAX).max(estimate)
}

/// Inclusion, as long as it is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mined {
    block: u64,
    hash: B256,
}

/// A transaction that was sent.
#[derive(Debug)]
struct Sent {
    /// None for one that only fills a gap between nonces.
    key: Option<TxKey>,
    name: &'static str,
    trial: Trial,
    tx: TxEip1559,
    raw: Bytes,
    /// Of all its versions; they share the nonce, so one at most is included.
    hashes: Vec<B256>,
    sent_at: Instant,
    lost_rounds: u32,
    mined: Option<Mined>,
    /// As reported last.
    end: Option<(TxOutcome, TxCost)>,
}

/// Where the next transaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free(u64),
    /// A transaction waits there that this sender does not know, and it waited long enough.
    Replace(u64),
    /// Such a transaction waits there; it may be one of ours, from before a restart.
    Wait,
}

/// Whether a request is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    Later,
}

/// What the node said to a transaction.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Taken,
    /// The nonce is used up.
    NonceUsed,
    /// A transaction with this nonce that offers more is known, or the price of gas has risen above this one's.
    Underpriced,
    Refused(String),
    /// Nobody knows whether it arrived.
    Silence,
}

#[derive(Debug)]
pub(crate) struct Sender {
    rpc: Rpc,
    config: Arc<ChainConfig>,
    owner: OwnerKey,
    outputs: mpsc::Sender<ChainOutput>,
    head: watch::Receiver<Block>,
    queue: VecDeque<Request>,
    sent: BTreeMap<u64, Sent>,
    /// `None` until the node was asked.
    next_nonce: Option<u64>,
    /// Since when an unknown transaction waits under this nonce.
    stranger: Option<(u64, Instant)>,
    checked_head: B256,
}

impl Sender {
    pub(crate) fn new(
        rpc: Rpc,
        config: Arc<ChainConfig>,
        owner: OwnerKey,
        outputs: mpsc::Sender<ChainOutput>,
        head: watch::Receiver<Block>,
    ) -> Self {
        Self {
            rpc,
            config,
            owner,
            outputs,
            head,
            queue: VecDeque::new(),
            sent: BTreeMap::new(),
            next_nonce: None,
            stranger: None,
            checked_head: B256::ZERO,
        }
    }

    /// Until the handles or the receiver of the outputs are gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Request>) {
        let outputs = self.outputs.clone();
        let pause = Duration::from_millis(self.config.poll_ms.max(1));
        loop {
            tokio::select! {
                biased;
                () = outputs.closed() => return,
                command = commands.recv() => {
                    let Some(request) = command else { return };
                    self.add(request);
                    while let Ok(request) = commands.try_recv() {
                        self.add(request);
                    }
                }
                () = sleep(pause), if !self.is_idle() => {}
                _ = self.head.changed(), if !self.sent.is_empty() => {}
            }
            if let Err(error) = self.round().await {
                tracing::debug!(%error, "the sender waits for the chain");
                sleep(pause).await;
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.sent.is_empty()
    }

    pub(crate) fn add(&mut self, request: Request) {
        if !self.queue.iter().any(|queued| queued.key == request.key) {
            self.queue.push_back(request);
        }
    }

    pub(crate) async fn round(&mut self) -> Result<(), RpcError> {
        self.check_mined().await?;
        while let Some(request) = self.queue.pop_front() {
            // Only now, for a reorg may just have made it pending again.
            if self.is_under_way(request.key).await {
                continue;
            }
            match self.send(&request).await {
                Ok(Progress::Done) => {}
                Ok(Progress::Later) => {
                    self.queue.push_front(request);
                    break;
                }
                Err(error @ (RpcError::Unreachable(_) | RpcError::Missing(_))) => {
                    self.queue.push_front(request);
                    return Err(error);
                }
                Err(error) => self.fail(Some(request.key), request.call.name(), error.to_string()).await,
            }
        }
        self.check_pending().await?;
        self.resend().await
    }

    /// Whether this wish has a transaction that is pending, or included with success and not final. The end of the latter is
    /// reported once more, for whoever asks again waits for one.
    async fn is_under_way(&self, key: TxKey) -> bool {
        let mut pending = false;
        for sent in self.sent.values().filter(|sent| sent.key == Some(key)) {
            match &sent.end {
                _ if sent.mined.is_none() => pending = true,
                Some((outcome @ TxOutcome::Mined { .. }, cost)) => {
                    self.report(key, sent.name, outcome.clone(), Some(*cost)).await;
                    return true;
                }
                _ => {}
            }
        }
        pending
    }

    /// From a request to a transaction that is on its way, or to a report of why not. An error means that nothing was sent.
    async fn send(&mut self, request: &Request) -> Result<Progress, RpcError> {
        let name = request.call.name();
        let head_time = self.head.borrow().time;
        if let Some(deadline) = request.deadline.filter(|deadline| head_time > *deadline) {
            let reason =
                format!("{name} was not sent: its deadline {deadline} has passed, the chain is at {head_time}");
            self.fail(Some(request.key), name, reason).await;
            return Ok(Progress::Done);
        }
        let encoded = match encode_call(&request.call, &self.config.domain(), self.owner.address()) {
            Ok(encoded) => encoded,
            Err(error) => {
                self.fail(Some(request.key), name, error.to_string()).await;
                return Ok(Progress::Done);
            }
        };
        // The trial comes after the wait, so that it sees what was waited for.
        let slot = self.slot().await?;
        if slot == Slot::Wait {
            return Ok(Progress::Later);
        }
        let (trial, gas) = rehearse(&self.rpc, self.owner.address(), self.config.adjudicator, &encoded).await?;
        if matches!(request.call, Call::OpenBoth { .. }) && gas > AT_ONCE_GAS_MAX {
            let reason = format!("it would need {gas} gas: the other side makes it too dear");
            self.fail(Some(request.key), name, reason).await;
            return Ok(Progress::Done);
        }
        let fees = self.rpc.suggested_fees().await?.capped(self.config.max_fee_per_gas_wei);
        self.launch(Some(request.key), name, trial, gas_limit(gas), fees, slot).await
    }

    /// Signs and sends.
    async fn launch(
        &mut self,
        key: Option<TxKey>,
        name: &'static str,
        trial: Trial,
        gas_limit: u64,
        mut fees: Fees,
        slot: Slot,
    ) -> Result<Progress, RpcError> {
        let (nonce, replaces) = match slot {
            Slot::Free(nonce) => (nonce, false),
            Slot::Replace(nonce) => (nonce, true),
            Slot::Wait => return Ok(Progress::Later),
        };
        for _ in 0..OUTBIDS_MAX {
            let tx = self.transaction(nonce, gas_limit, fees, &trial);
            let (hash, raw) = match self.owner.sign(tx.clone()) {
                Ok(signed) => signed,
                Err(reason) => {
                    self.fail(key, name, reason).await;
                    return Ok(Progress::Done);
                }
            };
            match self.hand_in(&raw).await {
                Answer::Underpriced if replaces => match fees.outbid(fees, self.config.max_fee_per_gas_wei) {
                    Some(more) => fees = more,
                    None => break,
                },
                Answer::NonceUsed | Answer::Underpriced => break,
                Answer::Refused(reason) => {
                    self.fail(key, name, reason).await;
                    return Ok(Progress::Done);
                }
                Answer::Taken | Answer::Silence => {
                    tracing::debug!(name, nonce, %hash, "sent");
                    self.next_nonce = Some(nonce + 1).filter(|next| !replaces && !self.sent.contains_key(next));
                    let (sent_at, hashes) = (Instant::now(), vec![hash]);
                    let sent =
                        Sent { key, name, trial, tx, raw, hashes, sent_at, lost_rounds: 0, mined: None, end: None };
                    self.sent.insert(nonce, sent);
                    return Ok(Progress::Done);
                }
            }
        }
        self.next_nonce = None;
        Ok(Progress::Later)
    }

    fn transaction(&self, nonce: u64, gas_limit: u64, fees: Fees, trial: &Trial) -> TxEip1559 {
        TxEip1559 {
            chain_id: self.config.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.tip,
            to: trial.to.map_or(TxKind::Create, TxKind::Call),
            value: trial.value,
            access_list: Default::default(),
            input: trial.data.clone(),
        }
    }

    /// The lowest nonce that is free. A transaction that was given up leaves a gap, and everything above waits until it is filled.
    async fn slot(&mut self) -> Result<Slot, RpcError> {
        // With nothing on its way the node knows better: a deep reorganisation may have taken nonces back.
        let is_busy = self.sent.values().any(|sent| sent.mined.is_none());
        if let Some(nonce) = self.next_nonce.filter(|_| is_busy) {
            return Ok(Slot::Free(nonce));
        }
        let owner = self.owner.address();
        let (included, counted) = (self.rpc.included_nonce(owner).await?, self.rpc.next_nonce(owner).await?);
        if let Some(strange) = (included..counted).find(|nonce| !self.sent.contains_key(nonce)) {
            let since = self.stranger.filter(|(nonce, _)| *nonce == strange).map_or_else(Instant::now, |(_, at)| at);
            self.stranger = Some((strange, since));
            let is_late = since.elapsed() >= Duration::from_millis(self.config.resend_after_ms);
            return Ok(if is_late { Slot::Replace(strange) } else { Slot::Wait });
        }
        self.stranger = None;
        let free = (counted..).find(|nonce| !self.sent.contains_key(nonce)).unwrap_or(counted);
        Ok(Slot::Free(*self.next_nonce.insert(free)))
    }

    async fn hand_in(&self, raw: &Bytes) -> Answer {
        match self.rpc.send_raw(raw).await {
            Ok(()) => Answer::Taken,
            Err(RpcError::Unreachable(_) | RpcError::Missing(_)) => Answer::Silence,
            Err(RpcError::Reverted(data)) => Answer::Refused(perunika_contracts::revert_reason(&data)),
            Err(RpcError::Refused(message)) => classify(message),
        }
    }

    /// Looks for receipts of what is pending.
    async fn check_pending(&mut self) -> Result<(), RpcError> {
        let pending = self.sent.iter().filter(|(_, sent)| sent.mined.is_none());
        let pending: Vec<(u64, Vec<B256>)> =
            pending.take(LOOK_MAX).map(|(nonce, sent)| (*nonce, sent.hashes.clone())).collect();
        for (nonce, hashes) in pending {
            for hash in hashes {
                if let Some(receipt) = self.rpc.receipt(hash).await? {
                    self.conclude(nonce, &receipt).await;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reports an inclusion and keeps the transaction until it is final.
    async fn conclude(&mut self, nonce: u64, receipt: &TransactionReceipt) {
        let (Some(block), Some(hash)) = (receipt.block_number, receipt.block_hash) else { return };
        let Some(sent) = self.sent.get(&nonce) else { return };
        let (key, name) = (sent.key, sent.name);
        let outcome = if receipt.status() {
            TxOutcome::Mined { gas: receipt.gas_used }
        } else {
            TxOutcome::Failed { reason: self.post_mortem(name, &sent.trial, block).await }
        };
        let cost = TxCost {
            hash: receipt.transaction_hash,
            block,
            gas: receipt.gas_used,
            gas_price_wei: receipt.effective_gas_price,
        };
        if let Some(lost) = sent.end.as_ref().map(|(_, cost)| cost.hash).filter(|lost| *lost != cost.hash) {
            self.take_back(lost).await;
        }
        self.update(nonce, |sent| {
            (sent.mined, sent.lost_rounds) = (Some(Mined { block, hash }), 0);
            sent.end = Some((outcome.clone(), cost));
        });
        if let Some(key) = key {
            self.report(key, name, outcome, Some(cost)).await;
        }
    }

    /// Why an included call reverted: as it does on the state before its block, or after.
    async fn post_mortem(&self, name: &str, trial: &Trial, block: u64) -> String {
        for number in [block.saturating_sub(1), block] {
            if let Err(RpcError::Reverted(data)) = self.rpc.try_at(trial, BlockId::number(number)).await {
                return format!("{name} was included and reverted: {}", perunika_contracts::revert_reason(&data));
            }
        }
        format!("{name} was included and reverted")
    }

    /// At a new head: forgets what is final, and takes up again what a reorg removed.
    async fn check_mined(&mut self) -> Result<(), RpcError> {
        let head = *self.head.borrow_and_update();
        if head.hash == self.checked_head {
            return Ok(());
        }
        let mined: Vec<(u64, Mined, Vec<B256>)> =
            self.sent.iter().filter_map(|(nonce, sent)| Some((*nonce, sent.mined?, sent.hashes.clone()))).collect();
        for (nonce, mined, hashes) in mined {
            let mut found = None;
            for hash in hashes {
                found = found.or(self.rpc.receipt(hash).await?);
            }
            let place =
                |receipt: &TransactionReceipt| Some(Mined { block: receipt.block_number?, hash: receipt.block_hash? });
            match found.and_then(|receipt| Some((place(&receipt)?, receipt))) {
                // In another block it may have ended in another way.
                Some((now, receipt)) if now != mined => self.conclude(nonce, &receipt).await,
                Some(_) if mined.block.saturating_add(self.config.finality_depth) <= head.number => {
                    self.sent.remove(&nonce);
                }
                Some(_) => {}
                None => {
                    tracing::warn!(nonce, block = mined.block, "a reorg removed a transaction; it is sent again");
                    let lost = self.sent.get_mut(&nonce).and_then(|sent| sent.end.take());
                    self.update(nonce, |sent| (sent.mined, sent.lost_rounds) = (None, 0));
                    if let Some((_, cost)) = lost {
                        self.take_back(cost.hash).await;
                    }
                    self.hand_in_again(nonce).await;
                }
            }
        }
        self.checked_head = head.hash;
        Ok(())
    }

    fn update(&mut self, nonce: u64, change: impl FnOnce(&mut Sent)) {
        if let Some(sent) = self.sent.get_mut(&nonce) {
            change(sent);
        }
    }

    /// Sends again what waits too long, for more.
    async fn resend(&mut self) -> Result<(), RpcError> {
        let patience = Duration::from_millis(self.config.resend_after_ms);
        let is_late = |sent: &Sent| sent.mined.is_none() && sent.sent_at.elapsed() >= patience;
        let late: Vec<u64> =
            self.sent.iter().filter(|(_, sent)| is_late(sent)).take(LOOK_MAX).map(|(nonce, _)| *nonce).collect();
        if late.is_empty() {
            return Ok(());
        }
        let suggested = self.rpc.suggested_fees().await?;
        for nonce in late {
            let Some(sent) = self.sent.get_mut(&nonce) else { continue };
            let fees = Fees { max: sent.tx.max_fee_per_gas, tip: sent.tx.max_priority_fee_per_gas };
            sent.sent_at = Instant::now();
            if let Some(fees) = fees.outbid(suggested, self.config.max_fee_per_gas_wei) {
                let mut tx = sent.tx.clone();
                (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (fees.max, fees.tip);
                if let Ok((hash, raw)) = self.owner.sign(tx.clone()) {
                    tracing::info!(name = sent.name, nonce, max_fee_wei = fees.max, "sent again for more");
                    sent.hashes.push(hash);
                    (sent.tx, sent.raw) = (tx, raw);
                }
            }
            self.hand_in_again(nonce).await;
        }
        self.fill_gap(suggested.capped(self.config.max_fee_per_gas_wei)).await
    }

    /// What waits above a nonce that nobody uses waits for ever. The next transaction goes there; if there is none, an empty one.
    async fn fill_gap(&mut self, fees: Fees) -> Result<(), RpcError> {
        let owner = self.owner.address();
        let (included, counted) = (self.rpc.included_nonce(owner).await?, self.rpc.next_nonce(owner).await?);
        let pending = self.sent.iter().filter(|(_, sent)| sent.mined.is_none()).map(|(nonce, _)| *nonce);
        let Some(highest) = pending.max() else { return Ok(()) };
        // Begun where the node counts to: it may name any numbers, and each that is not free is one of ours.
        let gap = (included.max(counted)..highest).find(|nonce| !self.sent.contains_key(nonce));
        let Some(nonce) = gap else { return Ok(()) };
        if !self.queue.is_empty() {
            self.next_nonce = None;
            return Ok(());
        }
        tracing::warn!(nonce, "fills a gap between nonces");
        let trial = Trial { from: owner, to: Some(owner), value: U256::ZERO, data: Bytes::new() };
        self.launch(None, "transfer of nothing", trial, FILLER_GAS, fees, Slot::Free(nonce)).await?;
        // The highest nonce of all counts, not this one's successor.
        self.next_nonce = None;
        Ok(())
    }

    async fn hand_in_again(&mut self, nonce: u64) {
        let Some(sent) = self.sent.get(&nonce) else { return };
        match self.hand_in(&sent.raw).await {
            Answer::Taken | Answer::Underpriced | Answer::Silence => {}
            // Its receipt may be on its way; only if it stays away did another transaction take the nonce.
            Answer::NonceUsed => {
                let lost_rounds = sent.lost_rounds + 1;
                self.update(nonce, |sent| sent.lost_rounds = lost_rounds);
                if lost_rounds >= LOST_ROUNDS {
                    self.give_up(nonce, "another transaction of this account took its place").await;
                }
            }
            Answer::Refused(reason) => self.give_up(nonce, &reason).await,
        }
    }

    /// The nonce may be free again, so the node is asked before the next one is used.
    async fn give_up(&mut self, nonce: u64, reason: &str) {
        let Some(sent) = self.sent.remove(&nonce) else { return };
        self.next_nonce = None;
        self.fail(sent.key, sent.name, reason.to_owned()).await;
    }

    async fn fail(&self, key: Option<TxKey>, name: &'static str, reason: String) {
        match key {
            Some(key) => self.report(key, name, TxOutcome::Failed { reason }, None).await,
            None => tracing::warn!(name, reason, "failed"),
        }
    }

    /// What was reported as included is so no more.
    async fn take_back(&self, hash: B256) {
        let _ = self.outputs.send(ChainOutput::Removed { hash }).await;
    }

    async fn report(&self, key: TxKey, name: &'static str, outcome: TxOutcome, cost: Option<TxCost>) {
        tracing::info!(name, ?outcome, "transaction");
        // Without a listener the next round ends the task.
        let _ = self.outputs.send(ChainOutput::Transaction { key, name, outcome, cost }).await;
    }
}

/// Nodes agree on these phrases, if on little else.
fn classify(message: String) -> Answer {
    let lower = message.to_lowercase();
    if lower.contains("already known") || lower.contains("already imported") || lower.contains("already in the pool") {
        Answer::Taken
    } else if lower.contains("nonce too low") || lower.contains("nonce is too low") {
        Answer::NonceUsed
    } else if lower.contains("underpriced")
        || lower.contains("less than block base fee")
        || lower.contains("fee too low")
    {
        Answer::Underpriced
    } else {
        Answer::Refused(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_nodes() {
        assert_eq!(classify("already known".into()), Answer::Taken);
        assert_eq!(classify("nonce too low: next nonce 5, tx nonce 4".into()), Answer::NonceUsed);
        assert_eq!(classify("replacement transaction underpriced".into()), Answer::Underpriced);
        assert_eq!(classify("max fee per gas less than block base fee".into()), Answer::Underpriced);
        let poor = "insufficient funds for gas * price + value";
        assert_eq!(classify(poor.into()), Answer::Refused(poor.into()));
    }

    #[test]
    fn the_gas_limit_has_a_reserve_and_a_ceiling() {
        assert_eq!(gas_limit(100_000), 185_000);
        assert_eq!(gas_limit(GAS_MAX), GAS_MAX);
        assert_eq!(gas_limit(u64::MAX), u64::MAX);
    }
}
