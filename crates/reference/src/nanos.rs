//! Nanocontracts in a dispute, of either kind of channel (protocol 2.3 NANO, EXEC; 2.7).

use crate::path::Known;
use crate::sig::Evidence;
use crate::terms::{
    Channel, Entry, Key, LedgerState, NanoClaim, NanoClaims, NanoStep, NanoVersion, VirtualChannel, VirtualState,
};
use crate::{AMOUNT_MAX, Amount, Dispute, Env, Error, Event, Reference, VERSION_MAX, error::require, hash};
use alloy_primitives::{Address, B256, keccak256};
use perunika_core::nano::{Context, INPUT_MAX, NoResult, Outcome, Run, STORAGE_MAX};
use std::collections::BTreeMap;

/// Where a registered nanocontract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Registered version.
    pub ver: u64,
    /// Last second at which a higher one is taken.
    pub n_ref: u64,
    /// When the last step after that came; 0: none did.
    pub last: u64,
    /// Forced steps left.
    pub steps_left: u16,
    /// Who moves; 0 is A.
    pub mover: u8,
    /// Whether a step was forced on this version.
    pub forced: bool,
    /// A's part if the mover stalls.
    pub d_a: Amount,
    /// Hash of the storage.
    pub storage_hash: B256,
}

/// A dispute in which nanocontracts move.
struct Arena {
    ch: B256,
    /// When it was opened: what the app clock shows.
    opened: u64,
    deadline: u64,
    window: u64,
    k_max: u16,
    keys: [Key; 2],
    /// Who moves without a StepAuth.
    movers: [Address; 2],
    /// Whose owner sends the call, and so need not sign.
    sends: [bool; 2],
}

/// The nanocontracts of the registered State, where more of them may be registered.
struct Listed {
    count: u8,
    tree: Known,
}

impl Reference {
    pub(crate) fn register_nano(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        shown: (&LedgerState, B256),
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        let (arena, dispute) = self.ledger_arena(env, params)?;
        require((&dispute.state, dispute.mix) == shown, Error::WrongPreimage)?;
        self.register_claims(
            env,
            log,
            &arena,
            Listed { count: shown.0.nanos, tree: Known::new(shown.0.nano_root) },
            claims,
        )
    }

    pub(crate) fn register_virtual_nano(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        shown: (&VirtualState, B256),
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        let (arena, dispute) = self.virtual_arena(params)?;
        require((&dispute.state, dispute.mix) == shown, Error::WrongPreimage)?;
        self.register_claims(
            env,
            log,
            &arena,
            Listed { count: shown.0.nanos, tree: Known::new(shown.0.nano_root) },
            claims,
        )
    }

    pub(crate) fn refute_nano(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        let (arena, _) = self.ledger_arena(env, params)?;
        self.claim_all(env, log, &arena, None, claims)
    }

    pub(crate) fn refute_virtual_nano(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        let (arena, _) = self.virtual_arena(params)?;
        self.claim_all(env, log, &arena, None, claims)
    }

    pub(crate) fn execute(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        entry: &Entry,
        step: &NanoStep,
    ) -> Result<(), Error> {
        let (arena, _) = self.ledger_arena(env, params)?;
        self.force(env, log, &arena, entry, step)
    }

    pub(crate) fn execute_virtual(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        entry: &Entry,
        step: &NanoStep,
    ) -> Result<(), Error> {
        let (arena, _) = self.virtual_arena(params)?;
        self.force(env, log, &arena, entry, step)
    }

    fn ledger_arena(&self, env: &Env<'_>, params: &Channel) -> Result<(Arena, Dispute<LedgerState>), Error> {
        let life = self.life(params)?;
        let dispute = life.dispute.ok_or(Error::NoDispute)?;
        let movers = [params.owner_a, params.owner_b];
        let arena = Arena {
            ch: life.id,
            opened: dispute.deadline - u64::from(params.challenge),
            deadline: dispute.deadline,
            window: params.window.into(),
            k_max: params.k_max,
            keys: [params.key_a, params.key_b],
            movers,
            sends: movers.map(|owner| owner == env.sender),
        };
        Ok((arena, dispute))
    }

    /// The ends are keys: nobody signs by sending, and an end moves from the account of its key.
    fn virtual_arena(&self, params: &VirtualChannel) -> Result<(Arena, Dispute<VirtualState>), Error> {
        let vc = self.virtual_id(params);
        let dispute = self.virtual_dispute(vc)?;
        let keys = [params.a, params.b];
        let arena = Arena {
            ch: vc,
            opened: dispute.deadline - u64::from(params.challenge),
            deadline: dispute.deadline,
            window: params.window.into(),
            k_max: params.k_max,
            keys,
            movers: keys.map(|key| key.account()),
            sends: [false; 2],
        };
        Ok((arena, dispute))
    }

    fn register_claims(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        arena: &Arena,
        listed: Listed,
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        require(env.time > arena.deadline, Error::RefutationRunning)?;
        require(env.time <= arena.deadline + arena.window, Error::Expired)?;
        self.claim_all(env, log, arena, Some(listed), claims)
    }

    /// Looks at every claim in turn, then lets those count that are newer than what is registered. `listed` is there if more may be registered.
    fn claim_all(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        arena: &Arena,
        mut listed: Option<Listed>,
        claims: &NanoClaims,
    ) -> Result<(), Error> {
        let mut evidence = Evidence::new(&claims.evidence);
        let mut steps = claims.steps.iter();
        // What this call changes, so that nothing has changed if a later claim is refused.
        let mut changed: BTreeMap<B256, Position> = BTreeMap::new();
        let mut moved = 0i128;
        let mut end = 0;
        for claim in &claims.list {
            let entry = hash::entry(&claim.entry);
            let before = changed.get(&entry).or_else(|| self.nanos.get(&(arena.ch, entry))).copied();
            check_proof(claim, entry, &mut evidence, listed.as_mut(), before.is_none())?;
            if before.is_none() {
                require(is_possible(&claim.entry, arena.k_max), Error::InvalidNano)?;
            }
            require(is_version_of(&claim.version, &claim.entry), Error::InvalidNano)?;
            if claim.version.ver > 0 {
                let signed = hash::nano(arena.ch, entry, &claim.version);
                for side in [0, 1] {
                    if !arena.sends[side] {
                        evidence.signature(self.domain, &arena.keys[side], signed)?;
                    }
                }
            }
            let step = claim.step.then(|| steps.next());
            let n_ref = before.map_or(env.time + arena.window, |before| before.n_ref);
            if before.is_some_and(|before| env.time > n_ref || claim.version.ver <= before.ver) {
                continue;
            }
            let mut position = claim.version.at(n_ref);
            log.push(Event::NanoRegistered { ch: arena.ch, entry, position });
            if let Some(step) = step {
                let step = step.ok_or(Error::InvalidNano)?;
                // A provisional step is none that others wait for: `last` stays 0.
                position = self.step(env, log, arena, (&claim.entry, entry), step, position)?;
            }
            moved += signed(position.d_a) - signed(before.map_or(claim.entry.d_a0, |before| before.d_a));
            end = end.max(n_ref + if position.steps_left > 0 { arena.window } else { 0 });
            changed.insert(entry, position);
        }
        evidence.end()?;
        // One for each claim that brings one, whether the claim counted or not.
        require(claims.list.iter().filter(|claim| claim.step).count() == claims.steps.len(), Error::InvalidNano)?;
        require(!changed.is_empty(), Error::NotNewer)?;
        self.nanos.extend(changed.into_iter().map(|(entry, position)| ((arena.ch, entry), position)));
        self.accrue(arena.ch, moved, end);
        Ok(())
    }

    /// EXEC: a step after nRef, within w of whatever came last.
    fn force(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        arena: &Arena,
        entry: &Entry,
        step: &NanoStep,
    ) -> Result<(), Error> {
        let name = (arena.ch, hash::entry(entry));
        let before = *self.nanos.get(&name).ok_or(Error::NoSuchNano)?;
        require(env.time > before.n_ref, Error::RefutationRunning)?;
        require(env.time <= before.n_ref.max(before.last) + arena.window, Error::Expired)?;
        let after = Position { last: env.time, ..self.step(env, log, arena, (entry, name.1), step, before)? };
        self.nanos.insert(name, after);
        let end = if after.steps_left > 0 { env.time + arena.window } else { 0 };
        self.accrue(arena.ch, signed(after.d_a) - signed(before.d_a), end);
        Ok(())
    }

    fn accrue(&mut self, ch: B256, moved: i128, end: u64) {
        let accrued = self.accrued.entry(ch).or_default();
        accrued.sum += moved;
        accrued.end = accrued.end.max(end);
    }

    /// Lets the mover take one step from `before`.
    fn step(
        &self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        arena: &Arena,
        (entry, name): (&Entry, B256),
        step: &NanoStep,
        before: Position,
    ) -> Result<Position, Error> {
        let mover = usize::from(before.mover);
        if step.auth.is_empty() {
            require(env.sender == arena.movers[mover], Error::NotMover)?;
        } else {
            let (ver, left, storage) = (before.ver, before.steps_left, before.storage_hash);
            let mut evidence = Evidence::new(&step.auth);
            let authorised = hash::step_auth(arena.ch, name, ver, left, storage, keccak256(&step.input));
            evidence.signature(self.domain, &arena.keys[mover], authorised)?;
            evidence.end()?;
        }
        require(keccak256(&step.state) == before.storage_hash, Error::WrongStorage)?;
        let Outcome { storage, da, mover, steps_left, .. } = self.run(env, arena, (entry, name), step, &before)?;
        let (ch, entry, input) = (arena.ch, name, step.input.clone());
        let storage_hash = keccak256(&storage);
        log.push(Event::NanoStepped { ch, entry, d_a: da, mover, steps_left, input, next: storage });
        Ok(Position { steps_left, mover, forced: true, d_a: da, storage_hash, ..before })
    }

    fn run(
        &self,
        env: &Env<'_>,
        arena: &Arena,
        (entry, name): (&Entry, B256),
        step: &NanoStep,
        before: &Position,
    ) -> Result<Outcome, Error> {
        let code =
            self.codes.get(&step.code).filter(|code| keccak256(code) == entry.code_hash).ok_or(Error::WrongCode)?;
        require(step.state.len() <= STORAGE_MAX && step.input.len() <= INPUT_MAX, Error::TooLong)?;
        require(u64::from(entry.gas) <= env.gas, Error::InsufficientGas)?;
        let context = Context {
            ch: arena.ch,
            entry: name,
            total: entry.total,
            da: before.d_a,
            steps_left: before.steps_left,
            time: arena.opened,
            absolute: env.time,
            registry: self.address,
        };
        let revealed: Vec<(B256, u64)> = self.revealed.iter().map(|(hash, time)| (*hash, *time)).collect();
        let (gas, storage, input) = (entry.gas, &step.state[..], &step.input[..]);
        let run = Run { code, gas, context, storage, caller: before.mover, input, revealed: &revealed };
        let outcome = env.machine.step(&run).map_err(|none| match none {
            NoResult::Reverted(_) | NoResult::Broken => Error::StepFailed,
            NoResult::OutOfBounds(_) => Error::InvalidStep,
        })?;
        let bounded = outcome.da <= entry.total
            && outcome.mover <= 1
            && outcome.steps_left < before.steps_left
            && outcome.storage.len() <= STORAGE_MAX;
        require(bounded, Error::InvalidStep)?;
        Ok(outcome)
    }
}

impl NanoVersion {
    /// The position that its registration gives.
    fn at(&self, n_ref: u64) -> Position {
        let NanoVersion { ver, d_a, mover, steps_left, storage_hash } = *self;
        Position { ver, n_ref, last: 0, steps_left, mover, forced: false, d_a, storage_hash }
    }
}

/// Whoever registers shows that the nanocontract is in the State. In a refutation there is no State, and what is there is not used.
fn check_proof(
    claim: &NanoClaim,
    entry: B256,
    evidence: &mut Evidence<'_>,
    listed: Option<&mut Listed>,
    first: bool,
) -> Result<(), Error> {
    let siblings = evidence.words(claim.depth.into());
    let Some(listed) = listed else { return require(!first, Error::NoSuchNano) };
    require(claim.index < listed.count.into(), Error::NoSuchNano)?;
    let siblings = siblings.ok_or(Error::InvalidProof)?;
    require(listed.tree.admits(hash::leaf(entry), claim.index.into(), &siblings), Error::InvalidProof)
}

fn is_possible(e: &Entry, k_max: u16) -> bool {
    e.total <= AMOUNT_MAX && e.d_a0 <= AMOUNT_MAX && e.k_max <= k_max
}

fn is_version_of(v: &NanoVersion, e: &Entry) -> bool {
    let genesis = NanoVersion { ver: 0, d_a: e.d_a0, mover: e.mover0, steps_left: e.k_max, storage_hash: e.storage0 };
    v.ver <= VERSION_MAX && v.d_a <= e.total && v.mover <= 1 && v.steps_left <= e.k_max && (v.ver > 0 || *v == genesis)
}

/// Amounts of 96 bits have room in 127.
fn signed(amount: Amount) -> i128 {
    amount.cast_signed()
}
