//! One participant: the machine that everything else is built around.
//!
//! It is level-triggered: an input changes what is known, then [`Participant::pump`] does whatever has become possible. That
//! makes every handler idempotent and a restart nothing special.

mod closing;
mod deposits;
mod exhaustion;
mod explore;
mod figures;
mod funding;
mod links;
mod moves;
mod nanos;
mod opening;
mod pay;
mod plan;
mod quotes;
mod reach;
mod receipts;
mod renewal;
mod resend;
mod spending;
mod sponsored;
mod views;
mod virtuals;

pub use figures::Figures;
pub use views::{Dossier, Evidence, Exhibit};

use crate::chain::{
    Block, Call, ChainUpdate, EscrowView, LedgerView, NanoView, RecordView, Seen, TxKey, TxOutcome, Watch,
};
use crate::encode::{Domain, Words};
use crate::funding::Source;
use crate::instance::Instance;
use crate::io::{Command, Env, Event, Fault, Input, Output, Reply, Step, Write};
use crate::ledger::{Ledger, Life};
use crate::message::Message;
use crate::nano::{Evaluator, NoEvaluator};
use crate::policy::Policy;
use crate::sig::RawKey;
use crate::signed::State;
use crate::signer::{Guard, Refusal, Signer};
use crate::virtual_channel::{Renewal, Virtual};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use thiserror::Error;

/// How long a virtual channel that is over is remembered behind its term, seconds.
const HISTORY_S: u64 = 7 * 86_400;
/// Latest time of a head that is believed, seconds: what the contract can count. A chain that lies about its time stops nobody.
const HEAD_TIME_MAX: u64 = (1 << 40) - 1;
/// Between two looks for what can be forgotten, milliseconds.
const TIDY_MS: u64 = 60_000;
/// Most that is forgotten in one look.
const TIDY_MAX: usize = 1_000;

/// What a participant is told about itself at the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Chain and contract.
    pub domain: Domain,
    /// Account that deposits and receives.
    pub owner: Address,
    /// Limits and prices.
    pub policy: Policy,
}

/// A durable record that cannot be read: the store is damaged or from another version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a stored record cannot be read (key {key:?})")]
pub struct Corrupt {
    /// Its key.
    pub key: Vec<u8>,
}

/// The chain as last seen.
#[derive(Clone, Debug, Default)]
struct ChainMemory {
    head: Block,
    settled: Block,
    /// Highest timestamp of a head so far, and when it came. The same head again is no sign of life.
    newest_time: u64,
    head_seen_ms: u64,
    ledgers: BTreeMap<B256, Seen<LedgerView>>,
    escrows: BTreeMap<B256, Seen<EscrowView>>,
    records: BTreeMap<B256, Seen<RecordView>>,
    /// By channel and struct hash of the Entry.
    nanos: BTreeMap<(B256, B256), Seen<Option<NanoView>>>,
    watched_nanos: BTreeSet<(B256, B256)>,
    /// Secrets by their hash, and when they were published.
    revealed: BTreeMap<B256, Seen<u64>>,
    watched_secrets: BTreeSet<B256>,
    /// When the plan of a dispute's nanocontracts was last made: head, milliseconds.
    planned_nanos: BTreeMap<B256, (B256, u64)>,
    /// What was sent as evidence, by object and version, and the highest version that this party had signed by then.
    shown: BTreeMap<(B256, u64), (State, u64)>,
    /// Calls about nanocontracts that were asked for, and those that failed.
    nano_calls: BTreeSet<TxKey>,
    failed_nanos: BTreeSet<TxKey>,
    /// The last registration or refutation of each.
    claimed_nanos: BTreeMap<(B256, B256), TxKey>,
    reported: BTreeSet<(B256, u64)>,
}

/// One participant as a deterministic state machine.
#[derive(Debug)]
pub struct Participant {
    config: Config,
    signer: Signer,
    ledgers: BTreeMap<B256, Ledger>,
    virtuals: BTreeMap<B256, Virtual>,
    /// By channel and name.
    nanos: BTreeMap<(B256, B256), Instance>,
    /// Their bytecode, by hash.
    codes: BTreeMap<B256, Vec<u8>>,
    evaluator: Arc<dyn Evaluator>,
    /// Secrets that are to be published, by their hash.
    secrets: BTreeMap<B256, B256>,
    /// Names of offers that came to nothing, by channel: another offer under such a name would be answered for the first one.
    spent_names: BTreeMap<B256, BTreeSet<B256>>,
    /// Gas that steps of a peer used here, and in which second.
    peer_gas: BTreeMap<Address, (u64, u64)>,
    chain: ChainMemory,
    connected: BTreeSet<Address>,
    openings: Vec<opening::Opening>,
    quotes: BTreeMap<B256, quotes::OpenQuote>,
    requests: BTreeMap<B256, quotes::Request>,
    /// Renewals that this node drives, by the virtual channel that ends. Forgotten in a crash: they are begun again.
    renewals: BTreeMap<B256, renewal::Driven>,
    in_flight: BTreeSet<TxKey>,
    /// Objects whose peer knows more than this node, as it seems.
    doubts: BTreeSet<B256>,
    /// What is not sent again yet: until when, milliseconds, and, of what was mined, the head by which it was planned.
    cooling: BTreeMap<TxKey, (u64, Option<B256>)>,
    mined: BTreeSet<TxKey>,
    close_tags: BTreeMap<B256, Vec<u64>>,
    /// Who waits for a deposit, a withdrawal, a move of the owner's money.
    top_up_tags: BTreeMap<B256, u64>,
    withdrawal_tags: BTreeMap<B256, u64>,
    move_tags: BTreeMap<TxKey, u64>,
    /// A day of the chain, and how many openings of others this node has paid for on it. A restart begins anew.
    sponsored: (u64, u32),
    open_tags: BTreeMap<B256, u64>,
    env: Env,
    /// When the last tick came: other inputs do not put off the next one.
    ticked_ms: u64,
    tidied_ms: u64,
    draws: u64,
    index: reach::Index,
    touched: BTreeSet<B256>,
    dirty_ledgers: BTreeSet<B256>,
    dirty_virtuals: BTreeSet<B256>,
    dirty_nanos: BTreeSet<(B256, B256)>,
    dirty_codes: BTreeSet<B256>,
    forgotten: Vec<Write>,
    /// Whose budget the command that runs is on.
    spender: Option<B256>,
    /// Disputes that the application was told of.
    told: Vec<Write>,
    outputs: Vec<Output>,
}

impl Participant {
    /// A participant without a past.
    pub fn new(config: Config, key: Box<dyn RawKey + Send>) -> Self {
        let signer = Signer::new(key, config.domain);
        Self {
            config,
            signer,
            ledgers: BTreeMap::new(),
            virtuals: BTreeMap::new(),
            nanos: BTreeMap::new(),
            codes: BTreeMap::new(),
            evaluator: Arc::new(NoEvaluator),
            secrets: BTreeMap::new(),
            spent_names: BTreeMap::new(),
            peer_gas: BTreeMap::new(),
            chain: ChainMemory::default(),
            connected: BTreeSet::new(),
            openings: Vec::new(),
            quotes: BTreeMap::new(),
            requests: BTreeMap::new(),
            renewals: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            doubts: BTreeSet::new(),
            cooling: BTreeMap::new(),
            mined: BTreeSet::new(),
            forgotten: Vec::new(),
            told: Vec::new(),
            spender: None,
            close_tags: BTreeMap::new(),
            top_up_tags: BTreeMap::new(),
            withdrawal_tags: BTreeMap::new(),
            move_tags: BTreeMap::new(),
            sponsored: (0, 0),
            open_tags: BTreeMap::new(),
            env: Env { now_ms: 0, entropy: B256::ZERO },
            ticked_ms: 0,
            tidied_ms: 0,
            draws: 0,
            index: reach::Index::default(),
            touched: BTreeSet::new(),
            dirty_ledgers: BTreeSet::new(),
            dirty_virtuals: BTreeSet::new(),
            dirty_nanos: BTreeSet::new(),
            dirty_codes: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }

    /// The machine that runs nanocontracts; without one none is agreed to.
    #[must_use]
    pub fn with_evaluator(mut self, evaluator: Arc<dyn Evaluator>) -> Self {
        self.evaluator = evaluator;
        self
    }

    /// A participant from what was durable: all records that were ever written and not deleted.
    pub fn restore(
        config: Config,
        key: Box<dyn RawKey + Send>,
        records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, Corrupt> {
        let mut this = Self::new(config, key);
        for (key, value) in records {
            this.restore_record(&key, &value).ok_or(Corrupt { key })?;
        }
        Ok(this)
    }

    fn restore_record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (kind, id) = key.split_first()?;
        let id = B256::try_from(id).ok()?;
        match kind {
            b'l' => {
                let ledger: Ledger = postcard::from_bytes(value).ok()?;
                self.index.enter_ledger(&ledger);
                self.ledgers.insert(id, ledger);
            }
            b'v' => {
                let virt = postcard::from_bytes(value).ok().filter(Virtual::is_sound)?;
                if virt.renewal.is_some() {
                    self.renewals.insert(id, renewal::Driven::default());
                }
                self.index.enter_virtual(&virt);
                self.virtuals.insert(id, virt);
            }
            b'n' => {
                let nano: Instance = postcard::from_bytes(value).ok()?;
                self.nanos.insert((nano.ch, nano.nid), nano);
            }
            b'c' => drop(self.codes.insert(id, value.to_vec())),
            b's' => {
                self.chain.watched_secrets.insert(id);
                self.secrets.insert(id, postcard::from_bytes(value).ok()?);
            }
            b'g' => self.signer.restore_guard(id, postcard::from_bytes::<Guard>(value).ok()?),
            b'b' => self.signer.restore_budget(id, postcard::from_bytes(value).ok()?),
            b'd' => self.signer.restore_draft(id, postcard::from_bytes(value).ok()?),
            b'e' => drop(self.chain.reported.insert((id, postcard::from_bytes(value).ok()?))),
            _ => return None,
        }
        Some(())
    }

    /// To be called once after `new` or `restore`: tells what to watch.
    pub fn start(&mut self, env: Env) -> Step {
        self.env = env;
        let live = self.index.ledgers().filter_map(|id| self.ledgers.get(&id));
        let ledgers: Vec<Watch> = live.flat_map(|l| [Watch::Ledger(l.params), Watch::Escrow(l.id)]).collect();
        let records = self.virtuals.values().filter(|v| !v.done).map(|v| Watch::Record(v.id));
        let secrets = self.chain.watched_secrets.iter().copied().map(Watch::Revealed);
        let watches: Vec<Watch> = ledgers.into_iter().chain(records).chain(secrets).collect();
        self.outputs.extend(watches.into_iter().map(Output::Watch));
        self.finish()
    }

    /// Takes one input; the outputs come sealed behind the writes.
    pub fn handle(&mut self, input: Input, env: Env) -> Step {
        self.env = env;
        self.draws = 0;
        match input {
            Input::Message { from, message } => self.on_message(from, message),
            Input::Connected(peer) => {
                self.connected.insert(peer);
                self.touch_peer(peer);
                self.resend_to(peer);
            }
            Input::Disconnected(peer) => {
                self.connected.remove(&peer);
            }
            Input::Chain(update) => self.on_chain(update),
            Input::Transaction { key, outcome } => self.on_transaction(key, &outcome),
            Input::Command { tag, command } => self.on_command(tag, command),
            Input::Authorised { id, not_after, funding } => {
                self.touched.insert(id);
                self.on_authorised(id, not_after, funding);
            }
            Input::Tick => self.on_tick(),
        }
        self.pump();
        self.finish()
    }

    /// When [`Input::Tick`] is wanted at the latest, monotonic milliseconds.
    pub fn next_wake_ms(&self) -> Option<u64> {
        Some(self.ticked_ms + self.config.policy.resend_ms.min(1_000))
    }

    fn on_message(&mut self, from: Address, message: Message) {
        self.touched.extend(message.object());
        match message {
            Message::ChannelAsk { .. }
            | Message::ChannelInfo { .. }
            | Message::ChannelOffer { .. }
            | Message::ChannelAgreed { .. }
            | Message::ChannelConsent { .. } => self.on_opening(from, message),
            Message::Item { ch, ver, base, def_a, sig, cosign, note } => {
                self.on_item(from, pay::Item { ch, ver, base, def_a, sig, cosign, note });
            }
            Message::PaymentReceipt { ch, ver, sig } => self.on_payment_receipt(from, ch, ver, sig),
            Message::ReceiptAsk { ch, ver } => self.on_receipt_ask(from, ch, ver),
            Message::Ack { ch, ver } => self.on_ack(from, ch, ver),
            Message::Accept { ch, ver, sig } => self.on_accept(from, ch, ver, sig),
            Message::Refuse { ch, ver, refused, reason } => self.on_refuse(from, ch, ver, &refused, reason),
            Message::Presign { ch, ver, op, sig } => self.on_presign(from, ch, ver, op, sig),
            Message::Propose { ch, ver, base, ops, sig } => {
                self.on_propose(from, links::Proposal { ch, ver, base, ops, sig });
            }
            Message::CloseAsk { ch } => self.on_close_ask(from, ch),
            Message::CloseSig { close, sig } => self.on_close_sig(from, close, sig),
            Message::AdjustAsk { ch } => self.on_adjust_ask(from, ch),
            Message::AdjustSig { adjust, sig } => self.on_adjust_sig(from, adjust, sig),
            Message::QuoteAsk { request, path, terms, renews } => {
                self.on_quote_ask(from, request, quotes::Asked { path, terms, renews });
            }
            Message::Quote { request, hash, link, fee } => self.on_quote(from, request, hash, link, fee),
            Message::QuoteRefused { request, reason } => self.on_quote_refused(from, request, &reason),
            Message::VcOpen { params, renews } => self.on_vc_open(from, params, renews),
            Message::Activate { vc, index, secret } => self.on_activate(from, vc, index, secret),
            Message::Abort { vc, .. } => self.on_abort(from, vc),
            Message::Start { vc, sig } => self.on_start(from, vc, sig),
            Message::Receipt { vc, secrets, sigs } => self.on_receipt(from, vc, &secrets, sigs),
            Message::VcCloseAsk { vc } => self.on_vc_close_ask(from, vc),
            Message::FinalSigs { vc, out_a, sigs } => self.on_final_sigs(from, vc, out_a, &sigs),
            Message::NanoOffer { ch, nid, terms, code, until } => {
                self.on_nano_offer(from, nid, nanos::Wished { ch, terms, code, within: None }, until);
            }
            Message::NanoAgree { ch, nid } => self.on_nano_agree(from, ch, nid),
            Message::NanoDecline { ch, nid, reason } => self.on_nano_decline(from, ch, nid, &reason),
            Message::NanoStep { ch, nid, ver, input, time, sig } => {
                self.on_nano_step(from, nanos::Stepped { ch, nid, ver, input, time, sig });
            }
            Message::NanoAccept { ch, nid, ver, sig } => self.on_nano_accept(from, ch, nid, ver, sig),
            Message::NanoRefuse { ch, nid, ver, reason } => self.on_nano_refuse(from, ch, nid, ver, reason),
            Message::NanoHand { ch, nid, count, input } => self.on_nano_hand(from, (ch, nid), count, input),
            Message::NanoTaken { ch, nid, count } => self.on_nano_taken(from, ch, nid, count),
            Message::App { data } => self.event(Event::App { from, data }),
        }
    }

    fn on_command(&mut self, tag: u64, command: Command) {
        self.touched.extend(command.object());
        if let Err(fault) = self.run_command(tag, command) {
            self.reply(tag, Reply::Refused(fault));
        }
    }

    fn run_command(&mut self, tag: u64, command: Command) -> Result<(), Fault> {
        match command {
            Command::OpenChannel { peer, asset, deposit, peer_deposit, lane, from } => {
                let deposits = [deposit, peer_deposit];
                self.open_channel(tag, opening::Wanted { peer, asset, deposits, lane, from, sponsored: false })
            }
            Command::AskOpening { peer, asset, deposit, peer_deposit, lane } => {
                let (deposits, from) = ([deposit, peer_deposit], Source::Wallet);
                self.open_channel(tag, opening::Wanted { peer, asset, deposits, lane, from, sponsored: true })
            }
            Command::Deposit { ch, amount, from } => self.top_up(tag, ch, amount, from),
            Command::Withdraw { ch, amount, to } => self.withdraw(tag, ch, amount, to),
            Command::Move(moved) => self.move_money(tag, moved),
            Command::Pay { ch, amount, cosign, reference } => {
                self.pay(tag, ch, pay::Payment { amount, cosign, reference })
            }
            Command::Within { budget, command } => self.on_command_within(tag, budget, *command),
            Command::SetBudget { budget, limits } => self.set_budget(tag, budget, limits),
            Command::CloseChannel { ch, force } => self.close_channel(tag, ch, force),
            Command::OpenVirtual { path, stake, peer_stake, asset, term, fee_max, renew } => {
                self.open_virtual(tag, quotes::Wanted { path, stake, peer_stake, asset, term, fee_max, renew })
            }
            Command::RenewVirtual { vc, stakes, term, fee_max } => {
                self.renew_virtual(tag, vc, Renewal { stakes, term, fee_max })
            }
            Command::Quote { path, stake, peer_stake, asset, term } => {
                self.ask_quotes(tag, quotes::Wanted { path, stake, peer_stake, asset, term, fee_max: 0, renew: false })
            }
            Command::CloseVirtual { vc } => self.close_virtual(tag, vc),
            Command::OpenNano { ch, terms, code, within } => {
                self.open_nano(tag, nanos::Wished { ch, terms, code, within })
            }
            Command::AnswerNano { ch, nid, refuse } => self.answer_nano(tag, ch, nid, refuse),
            Command::StepNano { ch, nid, input, force_after } => self.step_nano(tag, (ch, nid), input, force_after),
            Command::PrepareNano { ch, nid, inputs } => self.prepare_nano(tag, (ch, nid), inputs),
            Command::HandNano { ch, nid, input } => self.hand_nano(tag, (ch, nid), input),
            Command::CloseNano { ch, nid } => self.close_nano(tag, ch, nid),
            Command::Reveal { secret } => self.reveal(tag, secret),
            Command::ForceVirtual { vc } => self.force_virtual(tag, vc),
            Command::SendApp { to, data } => self.send_app(tag, to, data),
        }
    }

    fn send_app(&mut self, tag: u64, to: Address, data: Vec<u8>) -> Result<(), Fault> {
        if !self.connected.contains(&to) {
            return Err(Fault::Peer("the peer is not connected".into()));
        }
        self.send(to, Message::App { data });
        self.reply(tag, Reply::Done);
        Ok(())
    }

    fn on_chain(&mut self, update: ChainUpdate) {
        let saw = self.sees_the_chain();
        self.chain.head = update.head;
        self.chain.settled = update.settled;
        let head_time = update.head.time.min(HEAD_TIME_MAX);
        if head_time > self.chain.newest_time {
            self.chain.newest_time = head_time;
            self.chain.head_seen_ms = self.env.now_ms;
        }
        if !saw {
            // What was refused for want of a chain is possible again.
            self.touch_busy();
        }
        let slots = update.ledgers.iter().flat_map(|(slot, _)| self.index.of_slot(*slot));
        let escrows = update.escrows.iter().map(|(id, _)| *id);
        let nanos = update.nanos.iter().map(|((ch, _), _)| *ch);
        self.touched.extend(slots.chain(escrows).chain(update.records.iter().map(|(vc, _)| *vc)).chain(nanos));
        self.chain.ledgers.extend(update.ledgers);
        self.chain.escrows.extend(update.escrows);
        self.chain.records.extend(update.records);
        self.chain.nanos.extend(update.nanos);
        self.chain.revealed.extend(update.revealed);
        self.make_offers();
        self.follow_and_plan();
    }

    /// Takes over what the chain shows of everything that was touched, then plans what must go there.
    fn follow_and_plan(&mut self) {
        let marked = self.touched.clone();
        let reached = self.reached();
        self.touched = marked;
        for id in &reached.ledgers {
            self.follow_ledger(*id);
        }
        for id in &reached.ledgers {
            self.plan_ledger(*id);
        }
        for vc in &reached.virtuals {
            self.plan_virtual(*vc);
        }
    }

    fn on_transaction(&mut self, key: TxKey, outcome: &TxOutcome) {
        self.in_flight.remove(&key);
        if matches!(outcome, TxOutcome::Mined { .. }) {
            self.mined.insert(key);
        }
        let mined = matches!(outcome, TxOutcome::Mined { .. });
        let until = self.env.now_ms + if mined { 2_000 } else { 5_000 };
        // Its effect is in a later head than the one that is known here.
        self.cooling.insert(key, (until, mined.then_some(self.chain.head.hash)));
        if let TxOutcome::Failed { reason } = outcome {
            self.opening_failed(key, reason);
            self.nano_call_failed(key);
            self.top_up_failed(key, reason);
        }
        self.moved(key, outcome);
    }

    fn on_tick(&mut self) {
        let now = self.env.now_ms;
        self.ticked_ms = now;
        let head = self.chain.head.hash;
        self.cooling.retain(|_, (until, planned)| *until > now || *planned == Some(head));
        self.expire_quotes();
        self.expire_openings();
        self.expire_agreements();
        self.resend_openings();
        self.resend_own_consents();
        self.resend_requests();
        self.touch_busy();
        self.force_late_steps();
        self.publish_late_secrets();
        self.tick_closing();
        self.follow_and_plan();
        self.resend_due();
        self.resend_due_nanos();
        self.plan_secrets();
        self.forget_history();
    }

    /// Does what has become possible, until nothing more is.
    fn pump(&mut self) {
        self.pump_renewals();
        let mut pumped = BTreeSet::new();
        for _ in 0..reach::ROUNDS_MAX {
            let changed = self.dirty_ledgers.iter().chain(&self.dirty_virtuals).filter(|id| !pumped.contains(*id));
            self.touched.extend(changed.copied());
            if self.touched.is_empty() {
                break;
            }
            self.pump_reached(&mut pumped);
        }
    }

    fn pump_reached(&mut self, pumped: &mut BTreeSet<B256>) {
        let mut reached = self.reached();
        for vc in &reached.virtuals {
            self.pump_virtual(*vc);
        }
        let changed = reached.virtuals.intersection(&self.dirty_virtuals).filter_map(|vc| self.virtuals.get(vc));
        reached.ledgers.extend(changed.flat_map(|virt| virt.my_links().map(|(_, link)| link)));
        for id in &reached.ledgers {
            if self.ledgers.get(id).is_some_and(|l| l.life == Life::Open) {
                self.pump_queue(*id);
                self.pump_link(*id);
                self.pump_deposits(*id);
                self.pump_close(*id);
            }
            self.pump_nanos(*id);
        }
        for vc in &reached.virtuals {
            self.pump_virtual(*vc);
        }
        self.pump_renewals();
        pumped.extend(reached.ledgers);
        pumped.extend(reached.virtuals);
    }

    fn active_virtuals(&self) -> Vec<B256> {
        self.index.virtuals().collect()
    }

    fn live_ledgers(&self) -> Vec<B256> {
        let open = |id: &B256| self.ledgers.get(id).is_some_and(|l| l.life == Life::Open);
        self.index.ledgers().filter(open).collect()
    }

    fn enter_ledger(&mut self, ledger: Ledger) {
        let id = ledger.id;
        self.index.enter_ledger(&ledger);
        self.ledgers.insert(id, ledger);
        self.dirty_ledgers.insert(id);
    }

    /// It is over; the chain is not asked about it any more, nor about its slot if no other life needs it.
    fn leave_ledger(&mut self, id: B256) {
        let Some(ledger) = self.ledgers.get_mut(&id) else { return };
        ledger.life = Life::Closed;
        self.index.leave_ledger(ledger);
        self.dirty_ledgers.insert(id);
        self.chain.escrows.remove(&id);
        let (slot, params) = (ledger.slot, ledger.params);
        self.outputs.push(Output::Unwatch(Watch::Escrow(id)));
        self.forget_evidence(id);
        let wanted = self.index.of_slot(slot).next().is_some() || self.is_being_opened(slot);
        if !wanted {
            self.chain.ledgers.remove(&slot);
            self.outputs.push(Output::Unwatch(Watch::Ledger(params)));
        }
    }

    /// Chain time, seconds: the head's timestamp plus what passed since it arrived (protocol 2.3 times).
    fn now(&self) -> u64 {
        let passed_ms = self.env.now_ms.saturating_sub(self.chain.head_seen_ms);
        self.chain.newest_time.saturating_add(passed_ms / 1_000)
    }

    fn policy(&self) -> &Policy {
        &self.config.policy
    }

    fn key(&self) -> Address {
        self.signer.address()
    }

    fn ledger_view(&self, ledger: &Ledger) -> Seen<LedgerView> {
        self.chain.ledgers.get(&ledger.slot).copied().unwrap_or_default()
    }

    /// What the chain shows of a virtual channel; `None` until it was read, which is not the same as "no record".
    fn record(&self, vc: B256) -> Option<Seen<RecordView>> {
        self.chain.records.get(&vc).copied()
    }

    /// The head is young enough to believe that no dispute is hidden behind it (protocol 1.4(7)).
    fn sees_the_chain(&self) -> bool {
        self.env.now_ms.saturating_sub(self.chain.head_seen_ms) <= self.policy().m_safe.saturating_mul(1_000)
    }

    /// Drops virtual channels that ended long ago, a few at a time: nothing about them can come up on the chain any more.
    fn forget_history(&mut self) {
        let now = self.env.now_ms;
        if self.tidied_ms + TIDY_MS > now {
            return;
        }
        self.tidied_ms = now;
        let settled = self.chain.settled.time;
        let old = |v: &&Virtual| v.done && settled > v.params.t_exp.saturating_add(HISTORY_S);
        let old: Vec<(B256, B256)> =
            self.virtuals.values().filter(old).take(TIDY_MAX).map(|v| (v.id, v.draft)).collect();
        for (vc, draft) in old {
            self.virtuals.remove(&vc);
            self.chain.records.remove(&vc);
            self.forget_evidence(vc);
            self.signer.forget_virtual(vc, draft);
            for (kind, id) in [(b'v', vc), (b'g', vc), (b'd', draft)] {
                self.forget(kind, id);
            }
        }
    }

    /// Forgets what never became worth anything.
    fn forget(&mut self, kind: u8, id: B256) {
        self.forgotten.push(Write { key: record_key(kind, id), value: None });
    }

    fn draw(&mut self) -> B256 {
        self.draws += 1;
        Words::new().hash(self.env.entropy).uint(self.draws.into()).keccak()
    }

    fn send(&mut self, to: Address, message: Message) {
        self.outputs.push(Output::Send { to, message });
    }

    fn refuse(&mut self, to: Address, ch: B256, ver: u64, reason: impl ToString) {
        self.send(to, Message::Refuse { ch, ver, refused: Vec::new(), reason: reason.to_string() });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    fn reply(&mut self, tag: u64, reply: Reply) {
        self.outputs.push(Output::Reply { tag, reply });
    }

    fn misbehaved(&mut self, peer: Address, reason: impl Into<String>) {
        self.event(Event::Misbehaved { peer, reason: reason.into() });
    }

    /// Whether it is sent now: each once at a time, and not at once after it failed.
    fn submit(&mut self, kind: &'static str, object: B256, number: u128, call: Call, deadline: Option<u64>) -> bool {
        let key = tx_key(kind, object, number);
        let now = !self.cooling.contains_key(&key) && self.in_flight.insert(key);
        if now {
            self.outputs.push(Output::Submit { key, call, deadline });
        }
        now
    }

    /// Collects what became dirty into one all-or-nothing step.
    fn finish(&mut self) -> Step {
        let mut writes = Vec::new();
        for id in core::mem::take(&mut self.dirty_ledgers) {
            writes.extend(self.ledgers.get(&id).map(|l| record(b'l', id, l)));
        }
        for id in core::mem::take(&mut self.dirty_virtuals) {
            writes.extend(self.virtuals.get(&id).map(|v| record(b'v', id, v)));
        }
        for key in core::mem::take(&mut self.dirty_nanos) {
            writes.extend(
                self.nanos
                    .get(&key)
                    .map(|n| Write { key: nanos::nano_key(key.0, key.1), value: record(b'n', key.1, n).value }),
            );
        }
        for hash in core::mem::take(&mut self.dirty_codes) {
            let code = self.codes.get(&hash);
            writes.extend(code.map(|code| Write { key: record_key(b'c', hash), value: Some(code.clone()) }));
        }
        let signer = self.signer.take_dirty();
        writes.extend(signer.guards.iter().map(|(id, guard)| record(b'g', *id, guard)));
        writes.extend(signer.drafts.iter().map(|(id, vc)| record(b'd', *id, vc)));
        writes.extend(signer.budgets.iter().map(|(id, budget)| match budget {
            Some(budget) => record(b'b', *id, budget),
            None => Write { key: record_key(b'b', *id), value: None },
        }));
        writes.append(&mut self.told);
        writes.append(&mut self.forgotten);
        Step { writes, outputs: core::mem::take(&mut self.outputs) }
    }
}

fn tx_key(kind: &'static str, object: B256, number: u128) -> TxKey {
    TxKey(Words::of_type(kind).hash(object).uint(number).keccak())
}

fn record(kind: u8, id: B256, value: &impl serde::Serialize) -> Write {
    // INVARIANT: plain structs without maps of foreign keys always serialise.
    #[allow(clippy::expect_used)]
    let value = postcard::to_allocvec(value).expect("a record serialises");
    Write { key: record_key(kind, id), value: Some(value) }
}

fn record_key(kind: u8, id: B256) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(kind);
    key.extend_from_slice(id.as_slice());
    key
}

/// A refusal of the own signer is shown as the caller's problem: nothing was signed, nothing is lost.
fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::NoBudget
        | Refusal::Expired
        | Refusal::PaymentLimit
        | Refusal::PeerLimit
        | Refusal::DayLimit
        | Refusal::AssetNotAllowed
        | Refusal::PeerNotAllowed => Fault::Limit(refusal.to_string()),
        _ => Fault::Caller(refusal.to_string()),
    }
}
