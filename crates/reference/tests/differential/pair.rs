//! One call on both, and everything that it may have changed.

use super::abi::{self, View, position_word};
use super::code;
use super::evm::{Ended, Evm, GAS, block_hash};
use alloy_primitives::{Address, B256, U256, keccak256};
use perunika_core::params::nano_slot;
use perunika_nano::Machine;
use perunika_reference::{Call, Env, Error, Event, PERMIT2, Phase, Record, Reference, Token};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static MACHINE: LazyLock<Machine> = LazyLock::new(Machine::new);

/// `PERUNIKA_ANY_ERROR=1`: one custom error is as good as another. For mutants of the contract only: what else do they break?
pub(crate) static ANY_ERROR: LazyLock<bool> = LazyLock::new(|| std::env::var_os("PERUNIKA_ANY_ERROR").is_some());

/// Who calls, when, with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) sender: Address,
    pub(crate) value: u128,
    /// Seconds since the epoch.
    pub(crate) time: u64,
    /// Of the block.
    pub(crate) number: u64,
}

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    /// By function, whatever came of it.
    pub(crate) tried: BTreeMap<&'static str, u64>,
    /// By function, what succeeded.
    pub(crate) done: BTreeMap<&'static str, u64>,
    /// By custom error.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// By view.
    pub(crate) asked: BTreeMap<&'static str, u64>,
    /// Reverts without a word: arguments that their types do not admit, or money where none is taken.
    pub(crate) wordless: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.wordless += other.wordless;
        for (mine, theirs) in [
            (&mut self.tried, &other.tried),
            (&mut self.done, &other.done),
            (&mut self.refused, &other.refused),
            (&mut self.asked, &other.asked),
        ] {
            theirs.iter().for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
    }
}

/// The contract twice.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) evm: Evm,
    pub(crate) reference: Reference,
    pub(crate) counts: Counts,
    /// What the ends of each virtual channel put in: a record does not say it.
    pub(crate) totals: BTreeMap<B256, u128>,
    /// S1 of slots, which the end of a life leaves as it is.
    s1: BTreeMap<B256, U256>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::over(Evm::new())
    }

    pub(crate) fn over(evm: Evm) -> Self {
        let reference = Reference::new(&evm.domain);
        let (totals, s1) = (BTreeMap::new(), BTreeMap::new());
        Self { evm, reference, counts: Counts::default(), totals, s1 }
    }

    /// Gives an account wei and, if it refuses money, code that does so.
    pub(crate) fn account(&mut self, address: Address, wei: u128, code: &[u8], refuses: bool) {
        self.evm.set_account(address, wei, code);
        self.reference.money.balances.insert(address, wei);
        if !code.is_empty() {
            self.reference.codes.insert(address, code.to_vec());
        }
        if refuses {
            self.reference.money.refusing.insert(address);
        }
    }

    /// Puts a token there.
    pub(crate) fn token(&mut self, address: Address, token: Token) {
        self.evm.set_account(address, 0, &code::token(token.manner));
        for (slot, amount) in token_storage(&token) {
            self.evm.set_slot_of(address, slot, amount);
        }
        self.reference.codes.insert(address, self.evm.code(address));
        self.reference.money.tokens.insert(address, token);
    }

    /// Runs a call on both. `Err`: they differ, in words. Inside: what both say.
    pub(crate) fn call(&mut self, at: At, call: &Call) -> Result<Result<Vec<Event>, Error>, String> {
        let agreed = self.result(at, call)?;
        self.same_state()?;
        Ok(agreed)
    }

    /// Only the result, the events and the output.
    pub(crate) fn result(&mut self, at: At, call: &Call) -> Result<Result<Vec<Event>, Error>, String> {
        let At { sender, value, time, number } = at;
        let env = Env { sender, value, time, mix: block_hash(number - 1), gas: GAS, machine: &*MACHINE };
        let before = (!fits(call) || matches!(call, Call::Batch { .. })).then(|| self.reference.clone());
        let expected = self.reference.call(&env, call);
        let ended = self.evm.call(sender, value, abi::calldata(call), time, number);
        let agreed = self.compare(call, expected, &ended)?;
        match (before, call) {
            (Some(before), _) if agreed.is_err() => self.reference = before,
            (Some(before), Call::Batch { gas_each, calls }) => {
                self.follow(before, &Env { value: 0, gas: *gas_each, ..env }, calls);
            }
            _ => {}
        }
        if let (Ok(_), Call::Deploy { code }, Ended::Well { output, .. }) = (&agreed, call, &ended) {
            let account = self.reference.code_address(code);
            if abi::answer(output) != [U256::from_be_bytes(account.into_word().0)] || self.evm.code(account) != *code {
                return Err("the code lies elsewhere".into());
            }
        }
        Ok(agreed)
    }

    /// Goes through a batch once more: a life may begin a dispute and end in it, which leaves S1.
    fn follow(&mut self, before: Reference, env: &Env<'_>, calls: &[Call]) {
        let after = std::mem::replace(&mut self.reference, before);
        for call in calls {
            let _ = self.reference.call(env, call);
            self.expected_storage();
        }
        assert!(self.reference == after, "a batch is its calls, one after the other");
    }

    /// What a call would do to both, without doing it: result, events, every word of storage and every balance.
    pub(crate) fn probe(&mut self, at: At, call: &Call) -> Result<Result<Vec<Event>, Error>, String> {
        let At { sender, value, time, number } = at;
        let env = Env { sender, value, time, mix: block_hash(number - 1), gas: GAS, machine: &*MACHINE };
        let mut after = self.reference.clone();
        let expected = after.call(&env, call);
        let (ended, changed) = self.evm.probe(sender, value, abi::calldata(call), time, number);
        let agreed = self.compare(call, expected, &ended)?;
        if agreed.is_ok() {
            let mut words = self.expected_storage();
            words.extend(changed.storage.iter().map(|(slot, word)| (*slot, *word)));
            words.retain(|_, word| !word.is_zero());
            let before = std::mem::replace(&mut self.reference, after);
            let s1 = self.s1.clone();
            let expected = self.expected_storage();
            let wrong = changed.balances.iter().find(|(account, wei)| {
                let known = self.reference.money.balances.contains_key(*account);
                known && self.reference.money.balance(**account) != **wei
            });
            let untouched = |account: &&Address| !changed.balances.contains_key(*account);
            let missed = self
                .reference
                .money
                .balances
                .keys()
                .filter(untouched)
                .find(|account| self.reference.money.balance(**account) != before.money.balance(**account));
            if expected != words || wrong.is_some() || missed.is_some() {
                return Err(format!("state differs: {expected:x?}, {words:x?}, {wrong:?}, {missed:?}"));
            }
            (self.reference, self.s1) = (before, s1);
        }
        Ok(agreed)
    }

    /// Whether both say the same; `Err(NotPayable)` inside: no word was said.
    fn compare(
        &mut self,
        call: &Call,
        expected: Result<Vec<Event>, Error>,
        ended: &Ended,
    ) -> Result<Result<Vec<Event>, Error>, String> {
        self.counts.calls += 1;
        *self.counts.tried.entry(call.name()).or_default() += 1;
        match (&expected, ended) {
            (_, Ended::Reverted(data)) if !matches!(data.len(), 0 | 4) => {
                return Err(format!("the reference says {expected:?}, the contract no custom error: {data}"));
            }
            (Ok(events), Ended::Well { logs, .. }) => {
                let expected: Vec<_> = events.iter().map(abi::log).collect();
                if expected != *logs {
                    return Err(format!("events differ: {events:?}\nin the log: {logs:?}"));
                }
                *self.counts.done.entry(call.name()).or_default() += 1;
            }
            // The contract does not even read what a type does not admit.
            (_, Ended::Reverted(data)) if data.is_empty() && !fits(call) => {
                self.counts.wordless += 1;
                return Ok(Err(Error::NotPayable));
            }
            (Err(error), Ended::Reverted(data)) => {
                let says = abi::error(data);
                // Where no step is left there is no result, whatever the code says; the machine does not even run it.
                let alike = says == Some(Error::StepFailed) && *error == Error::InvalidStep && self.nothing_left(call);
                if error.name() != says.and_then(Error::name) && !alike && !*ANY_ERROR {
                    return Err(format!("the reference says {error:?}, the contract {says:?}"));
                }
                match error.name() {
                    Some(name) => *self.counts.refused.entry(name).or_default() += 1,
                    None => self.counts.wordless += 1,
                }
            }
            (_, Ended::Reverted(data)) => {
                return Err(format!("the reference says {expected:?}, the contract {:?}", abi::error(data)));
            }
            _ => return Err(format!("the reference says {expected:?}, the contract {ended:?}")),
        }
        Ok(expected)
    }

    /// Puts what the reference holds into the contract's storage.
    pub(crate) fn push(&mut self) {
        let expected = self.expected_storage();
        for slot in self.evm.storage().into_keys() {
            if !expected.contains_key(&slot) {
                self.evm.set_slot(slot, U256::ZERO);
            }
        }
        expected.into_iter().for_each(|(slot, word)| self.evm.set_slot(slot, word));
    }

    /// Whether a step is tried where none is left.
    fn nothing_left(&self, call: &Call) -> bool {
        let r = &self.reference;
        let position = |ch: B256, entry| r.nanos.get(&(ch, perunika_reference::hash::entry(entry)));
        match call {
            Call::Execute { params, entry, .. } => {
                position(r.channel(params).id, entry).is_some_and(|p| p.steps_left == 0)
            }
            Call::ExecuteVirtual { params, entry, .. } => {
                position(r.virtual_id(params), entry).is_some_and(|p| p.steps_left == 0)
            }
            Call::RegisterNano { claims, .. }
            | Call::RegisterVirtualNano { claims, .. }
            | Call::RefuteNano { claims, .. }
            | Call::RefuteVirtualNano { claims, .. } => claims.list.iter().any(|c| c.step && c.version.steps_left == 0),
            _ => false,
        }
    }

    /// Every word of storage and every balance.
    pub(crate) fn same_state(&mut self) -> Result<(), String> {
        let expected = self.expected_storage();
        let storage = self.evm.storage();
        if expected != storage {
            let differs = |(slot, word): &(&U256, &U256)| expected.get(*slot) != Some(word);
            let there: Vec<_> = storage.iter().filter(differs).collect();
            let missing: Vec<_> = expected.iter().filter(|(slot, word)| storage.get(*slot) != Some(word)).collect();
            return Err(format!("storage differs: {there:x?}, expected {missing:x?}"));
        }
        for (account, wei) in &self.reference.money.balances {
            if self.evm.balance(*account) != *wei {
                return Err(format!("{account} has {}, expected {wei}", self.evm.balance(*account)));
            }
        }
        for (address, token) in &self.reference.money.tokens {
            for (slot, amount) in token_storage(token) {
                let there = self.evm.slot(*address, slot);
                if there != amount {
                    return Err(format!("{:?} has {there} at {slot:x}, expected {amount}", token.manner));
                }
            }
        }
        Ok(())
    }

    fn expected_storage(&mut self) -> BTreeMap<U256, U256> {
        let r = &self.reference;
        let mut words = BTreeMap::new();
        let mut put = |slot: U256, word: U256| {
            if !word.is_zero() {
                words.insert(slot, word);
            }
        };
        for ((asset, owner), amount) in &r.money.vault {
            put(mapping(owner.into_word(), mapping(asset.into_word(), U256::ZERO)), U256::from(*amount));
        }
        for (ch, accrued) in &r.accrued {
            put(mapping(*ch, U256::from(1)), n(accrued.end) << 128 | U256::from(accrued.sum.cast_unsigned()));
        }
        for (slot_key, slot) in &r.slots {
            let base = mapping(*slot_key, U256::from(2));
            let mut seq = 0;
            let (phase, dep_a, dep_b) = match slot.phase {
                Phase::Virgin => (0u8, 0, 0),
                Phase::Funding { deposit_a } => (1, deposit_a, 0),
                Phase::Open { deposit_a, deposit_b, seq: adjusts, dispute } => {
                    seq = adjusts;
                    if let Some(dispute) = dispute {
                        let id = perunika_reference::hash::channel_id_of(r.domain, *slot_key, slot.nonce);
                        let stored = r.stored_ledger(id, &dispute);
                        let word =
                            dispute_word(dispute.state.ver, dispute.deadline, slot.nonce, dispute.state.nanos, stored);
                        self.s1.insert(*slot_key, word);
                    }
                    (2, deposit_a, deposit_b)
                }
                Phase::Closed => (3, 0, 0),
            };
            put(base, n(phase) << 248 | n(slot.nonce) << 208 | n(seq) << 192 | n(dep_a) << 96 | n(dep_b));
            put(base + U256::from(1), self.s1.get(slot_key).copied().unwrap_or_default());
        }
        for (id, escrow) in &r.escrows {
            let base = mapping(*id, U256::from(3));
            put(base, escrow.lock_root.into());
            put(base + U256::from(1), n(escrow.left) << 136 | n(escrow.settled) << 8 | n(escrow.locks));
        }
        for (vc, record) in &r.records {
            let total = self.totals.get(vc).copied().unwrap_or_default();
            let info = r.record(*vc, total);
            let word = match record {
                Record::Disputed(dispute) => dispute_word(info.ver, info.deadline, 0, dispute.state.nanos, info.stored),
                Record::Concluded { out_a, ver, deadline } => {
                    n(*ver) << 208 | n(*deadline) << 175 | U256::from(0x3fff) << 161 | n(*out_a)
                }
            };
            put(mapping(*vc, U256::from(4)), word);
        }
        for (hash, time) in &r.revealed {
            put(mapping(*hash, U256::from(5)), n(*time));
        }
        for ((ch, entry), position) in &r.nanos {
            let base = U256::from_be_bytes(nano_slot(&self.evm.domain, *ch, *entry).0);
            put(base, position_word(position));
            put(base + U256::from(1), position.storage_hash.into());
        }
        words
    }

    /// Asks the contract and compares with what the reference says.
    pub(crate) fn same_view(&mut self, view: View, time: u64) -> Result<(), String> {
        let expected = self.expected_view(view);
        *self.counts.asked.entry(view.name()).or_default() += 1;
        match self.evm.ask(view.calldata(), time) {
            Ended::Well { output, .. } if abi::answer(&output) == expected => Ok(()),
            other => Err(format!("{view:?} answers {other:?}, expected {expected:x?}")),
        }
    }

    fn expected_view(&self, view: View) -> Vec<U256> {
        let r = &self.reference;
        let flag = |bit: bool| n(u8::from(bit));
        match view {
            View::Channel(params) => {
                let i = r.channel(&params);
                vec![
                    i.id.into(),
                    n(i.phase),
                    n(i.nonce),
                    n(i.seq),
                    n(i.deposit_a),
                    n(i.deposit_b),
                    flag(i.disputed),
                    n(i.ver),
                    n(i.deadline),
                    n(i.final_at),
                    flag(i.nanos),
                    i.stored.into_word().into(),
                ]
            }
            View::Slots(slot_key) => {
                let base = mapping(slot_key, U256::from(2));
                let storage = self.evm.storage();
                [base, base + U256::from(1)].map(|slot| storage.get(&slot).copied().unwrap_or_default()).to_vec()
            }
            View::Record(vc) => {
                let i = r.record(vc, self.totals.get(&vc).copied().unwrap_or_default());
                vec![
                    n(i.status),
                    n(i.ver),
                    n(i.deadline),
                    flag(i.nanos),
                    i.stored.into_word().into(),
                    n(i.out_a),
                    n(i.nanos_end),
                ]
            }
            View::Escrow(id) => {
                let e = r.escrows.get(&id).copied().unwrap_or_default();
                vec![e.lock_root.into(), n(e.left), n(e.settled), n(e.locks)]
            }
            View::Nano(ch, entry) => r.nanos.get(&(ch, entry)).map_or(vec![U256::ZERO; 8], |p| {
                vec![
                    n(p.ver),
                    n(p.n_ref),
                    n(p.last),
                    n(p.steps_left),
                    n(p.mover),
                    flag(p.forced),
                    n(p.d_a),
                    p.storage_hash.into(),
                ]
            }),
            View::Accrued(ch) => {
                let accrued = r.accrued.get(&ch).copied().unwrap_or_default();
                let extended = if accrued.sum < 0 { U256::MAX << 128 } else { U256::ZERO };
                vec![n(accrued.end), extended | n(accrued.sum.cast_unsigned())]
            }
            View::RevealedAt(hash) => vec![n(r.revealed.get(&hash).copied().unwrap_or_default())],
            View::Vault(asset, owner) => vec![n(r.money.vault.get(&(asset, owner)).copied().unwrap_or_default())],
            View::DomainSeparator => vec![r.domain.into()],
            View::SlotKey(params) => vec![params.slot_key().into()],
            View::ChannelId(params, nonce) => vec![r.channel_id(&params, nonce).into()],
            View::VirtualId(params) => vec![r.virtual_id(&params).into()],
        }
    }
}

fn n(value: impl Into<u128>) -> U256 {
    U256::from(value.into())
}

/// Balances, allowances and used nonces, but not those of Permit2.
fn token_storage(token: &Token) -> impl Iterator<Item = (U256, U256)> {
    let of_two = |one: B256, other: B256| U256::from_be_bytes(keccak256([one, other].concat()).0);
    let balances = token.balances.iter().map(|(account, amount)| (account.into_word().into(), n(*amount)));
    let allowances = token
        .allowances
        .iter()
        .map(move |((owner, spender), amount)| (of_two(owner.into_word(), spender.into_word()), n(*amount)));
    let used = token.used.iter().filter(|(account, _)| *account != PERMIT2);
    let used = used.map(move |(account, nonce)| (of_two(account.into_word(), *nonce), U256::ONE));
    balances.chain(allowances).chain(used)
}

/// Where a mapping keeps the value of a key.
pub(crate) fn mapping(key: B256, base: U256) -> U256 {
    keccak256([key, base.into()].concat()).into()
}

/// ver 48 | R 33 | life 14 | nanos 1 | stored 160
fn dispute_word(ver: u64, deadline: u64, life: u64, nanos: u8, stored: Address) -> U256 {
    let stored: U256 = stored.into_word().into();
    n(ver) << 208 | n(deadline) << 175 | n(life) << 161 | n(u8::from(nanos > 0)) << 160 | stored
}

/// Whether every number has the width of its type in the contract, or is bounded by it with a word.
pub(crate) fn fits(call: &Call) -> bool {
    const AMOUNT: u128 = 1 << 96;
    let amounts = |list: &[u128]| list.iter().all(|amount| *amount < AMOUNT);
    let time = |time: u64| time < 1 << 40;
    let ver = |ver: u64| ver < 1 << 48;
    let ledger = |s: &perunika_reference::LedgerState| ver(s.ver) && amounts(&[s.dep_a, s.dep_b, s.total, s.def_a]);
    let virt = |s: &perunika_reference::VirtualState| ver(s.ver) && amounts(&[s.def_a]);
    let params = |v: &perunika_reference::VirtualChannel| amounts(&[v.init_a, v.init_b]) && time(v.t_exp);
    let auth = |a: &perunika_reference::WatchAuth| time(a.not_before) && time(a.not_after);
    let lock = |l: &perunika_reference::LockTerms| amounts(&[l.left, l.right]);
    let entry = |e: &perunika_reference::Entry| ver(e.born) && amounts(&[e.total, e.d_a0]);
    let claims = |c: &perunika_reference::NanoClaims| {
        c.list.iter().all(|c| entry(&c.entry) && ver(c.version.ver) && amounts(&[c.version.d_a]))
    };
    match call {
        Call::Open { nonce, .. } => time(*nonce),
        Call::Confirm { nonce, deposit_a, .. } => time(*nonce) && amounts(&[*deposit_a]),
        Call::Close { terms: t, .. } => amounts(&[t.dep_a, t.dep_b, t.out_a, t.escrowed]) && time(t.not_after),
        Call::Register { state, .. } | Call::Refute { state, .. } | Call::Conclude { state, .. } => ledger(state),
        Call::RegisterFor { state, auth: a, .. } => ledger(state) && auth(a),
        Call::RegisterVirtual { params: v, state, .. }
        | Call::RefuteVirtual { params: v, state, .. }
        | Call::ConcludeVirtual { params: v, state, .. } => params(v) && virt(state),
        Call::RegisterVirtualFor { params: v, state, opener, .. } => params(v) && virt(state) && auth(&opener.auth),
        Call::Finalise { params: v, out_a, .. } => params(v) && amounts(&[*out_a]),
        Call::RegisterNano { state, claims: c, .. } => ledger(state) && claims(c),
        Call::RegisterVirtualNano { params: v, state, claims: c, .. } => params(v) && virt(state) && claims(c),
        Call::RefuteNano { claims: c, .. } => claims(c),
        Call::RefuteVirtualNano { params: v, claims: c } => params(v) && claims(c),
        Call::Execute { entry: e, .. } => entry(e),
        Call::ExecuteVirtual { params: v, entry: e, .. } => params(v) && entry(e),
        Call::Settle { nonce, lock: l, .. } => time(*nonce) && lock(l),
        Call::SettleExpired { nonce, virtual_params: v, lock: l, .. } => time(*nonce) && params(v) && lock(l),
        Call::Deposit { nonce, amount, not_after, .. } => time(*nonce) && time(*not_after) && amounts(&[*amount]),
        Call::FundVault { amount, .. } => amounts(&[*amount]),
        Call::OpenWith { .. }
        | Call::ConfirmWith { .. }
        | Call::OpenBoth { .. }
        | Call::Adjust { .. }
        | Call::Batch { .. }
        | Call::Refund { .. }
        | Call::Reveal { .. }
        | Call::Deploy { .. }
        | Call::Withdraw { .. } => true,
    }
}
