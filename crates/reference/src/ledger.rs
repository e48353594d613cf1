//! How a life of a ledger channel ends (protocol 2.3 dispute, 3.5).

use crate::sig::{Evidence, P256};
use crate::terms::{Channel, CloseTerms, Key, LedgerState, WatchAuth};
use crate::{
    Amount, Dispute, Env, Error, Escrow, Event, PERIOD_MAX, Phase, Reference, STEPS_MAX, Slot, VERSION_MAX,
    error::require, hash,
};
use alloy_primitives::{Address, B256};
use perunika_core::params::MAX_LOCKS;
use perunika_core::sig::SECP256K1;

/// An open life.
pub(crate) struct Life {
    key: B256,
    pub(crate) nonce: u64,
    /// Its id.
    pub(crate) id: B256,
    pub(crate) deposit_a: Amount,
    pub(crate) deposit_b: Amount,
    /// Adjusts so far.
    pub(crate) seq: u16,
    /// The dispute, if one runs.
    pub(crate) dispute: Option<Dispute<LedgerState>>,
}

impl Reference {
    pub(crate) fn close(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        terms: &CloseTerms,
        signatures: &[u8],
    ) -> Result<(), Error> {
        let life = self.life(params)?;
        require(env.time <= terms.not_after, Error::Expired)?;
        let total = life.closes(terms).ok_or(Error::InvalidState)?;
        let receivers = [(terms.receiver_a, params.owner_a), (terms.receiver_b, params.owner_b)]
            .map(|(receiver, owner)| if receiver == Address::ZERO { owner } else { receiver });
        self.check_both(env, params, hash::close(life.id, terms, total, receivers), signatures)?;

        let pay_a = terms.out_a + (life.deposit_a - terms.dep_a);
        let pay_b = total - terms.out_a + (life.deposit_b - terms.dep_b);
        self.end_life(params, life.nonce);
        log.push(Event::Closed { id: life.id, pay_a });
        self.leave_locks(log, life.id, terms.lock_root, terms.locks, terms.escrowed);
        self.pay_both(log, params, receivers, [pay_a, pay_b]);
        Ok(())
    }

    pub(crate) fn register(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        state: &LedgerState,
        signatures: &[u8],
    ) -> Result<(), Error> {
        require([params.owner_a, params.owner_b].contains(&env.sender), Error::NotOwner)?;
        let life = self.life(params)?;
        if state.ver == 0 {
            // Version 0 is one State, and nobody signs it.
            require(*state == LedgerState::default(), Error::InvalidState)?;
        } else {
            self.check_state(env, params, &life, state, signatures)?;
        }
        self.dispute(env, log, params, life, state)
    }

    pub(crate) fn register_for(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        (state, signatures): (&LedgerState, &[u8]),
        by_b: bool,
        auth: &WatchAuth,
    ) -> Result<(), Error> {
        let life = self.life(params)?;
        if life.dispute.is_none() {
            let key = if by_b { &params.key_b } else { &params.key_a };
            self.check_watch_auth(env, life.id, key, auth)?;
        }
        self.check_state(env, params, &life, state, signatures)?;
        self.dispute(env, log, params, life, state)
    }

    pub(crate) fn refute(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        state: &LedgerState,
        signatures: &[u8],
    ) -> Result<(), Error> {
        let life = self.life(params)?;
        require(life.dispute.is_some(), Error::NoDispute)?;
        self.check_state(env, params, &life, state, signatures)?;
        self.dispute(env, log, params, life, state)
    }

    pub(crate) fn conclude(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        state: &LedgerState,
        mix: B256,
    ) -> Result<(), Error> {
        let life = self.life(params)?;
        let dispute = life.dispute.ok_or(Error::NoDispute)?;
        let over = self.final_at(life.id, dispute.deadline, dispute.state.nanos, params.window);
        require(env.time > over, Error::NotFinal)?;
        require((dispute.state, dispute.mix) == (*state, mix), Error::WrongPreimage)?;

        let out_a = self.share(life.id, state.def_a, state.nanos, state.total);
        let pay_a = out_a + (life.deposit_a - state.dep_a);
        let pay_b = state.total - out_a + (life.deposit_b - state.dep_b);
        self.end_life(params, life.nonce);
        log.push(Event::Concluded { id: life.id, pay_a, pay_b });
        self.leave_locks(log, life.id, state.lock_root, state.locks, state.dep_a + state.dep_b - state.total);
        self.pay_both(log, params, [params.owner_a, params.owner_b], [pay_a, pay_b]);
        Ok(())
    }

    pub(crate) fn slot(&self, params: &Channel) -> Slot {
        self.slots.get(&params.slot_key()).copied().unwrap_or_default()
    }

    /// The life in which signed States count.
    pub(crate) fn life(&self, params: &Channel) -> Result<Life, Error> {
        let Slot { nonce, phase } = self.slot(params);
        let Phase::Open { deposit_a, deposit_b, seq, dispute } = phase else { return Err(Error::WrongPhase) };
        let (key, id) = (params.slot_key(), self.channel_id(params, nonce));
        Ok(Life { key, nonce, id, deposit_a, deposit_b, seq, dispute })
    }

    pub(crate) fn keep(&mut self, life: &Life) {
        let Life { key, nonce, deposit_a, deposit_b, seq, dispute, .. } = *life;
        let phase = Phase::Open { deposit_a, deposit_b, seq, dispute };
        self.slots.insert(key, Slot { nonce, phase });
    }

    pub(crate) fn end_life(&mut self, params: &Channel, nonce: u64) {
        self.slots.insert(params.slot_key(), Slot { nonce: nonce + 1, phase: Phase::Closed });
    }

    fn leave_locks(&mut self, log: &mut Vec<Event>, id: B256, lock_root: B256, locks: u8, amount: Amount) {
        if locks > 0 {
            self.escrows.insert(id, Escrow { lock_root, left: amount, settled: 0, locks });
            log.push(Event::Escrowed { id, lock_root, locks, amount });
        }
    }

    /// Both keys have signed; the owner who sends has signed by sending.
    pub(crate) fn check_both(
        &self,
        env: &Env<'_>,
        params: &Channel,
        struct_hash: B256,
        signatures: &[u8],
    ) -> Result<(), Error> {
        let mut evidence = Evidence::new(signatures);
        for (owner, key) in [(params.owner_a, &params.key_a), (params.owner_b, &params.key_b)] {
            if env.sender != owner {
                evidence.signature(self.domain, key, struct_hash)?;
            }
        }
        evidence.end()
    }

    fn check_state(
        &self,
        env: &Env<'_>,
        params: &Channel,
        life: &Life,
        state: &LedgerState,
        signatures: &[u8],
    ) -> Result<(), Error> {
        require(state.ver > 0 && life.admits(state), Error::InvalidState)?;
        self.check_both(env, params, hash::ledger_state(life.id, state), signatures)
    }

    /// The sender is the tower that `key` lets open a dispute now.
    pub(crate) fn check_watch_auth(&self, env: &Env<'_>, id: B256, key: &Key, auth: &WatchAuth) -> Result<(), Error> {
        require((auth.not_before..=auth.not_after).contains(&env.time), Error::InvalidAuthorisation)?;
        let mut evidence = Evidence::new(&auth.signature);
        evidence.signature(self.domain, key, hash::watch_auth(id, env.sender, auth.not_before, auth.not_after))?;
        evidence.end()
    }

    /// Begins a dispute, or puts a higher version into the one that runs.
    fn dispute(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        life: Life,
        state: &LedgerState,
    ) -> Result<(), Error> {
        require(env.mix != B256::ZERO, Error::NoBlockhash)?;
        let (id, state, mix) = (life.id, *state, env.mix);
        let deadline = match life.dispute {
            None => env.time + u64::from(params.challenge),
            Some(dispute) => refutable(env, dispute.deadline, dispute.state.ver, state.ver)?,
        };
        log.push(match life.dispute {
            None => Event::Registered { id, state, mix, deadline },
            Some(_) => Event::Refuted { id, state, mix },
        });
        let dispute = Some(Dispute { state, mix, deadline });
        self.keep(&Life { dispute, ..life });
        Ok(())
    }
}

impl Life {
    /// The predicate of a State of L.
    fn admits(&self, s: &LedgerState) -> bool {
        let counted = s.dep_a.saturating_add(s.dep_b);
        s.ver <= VERSION_MAX
            && s.dep_a <= self.deposit_a
            && s.dep_b <= self.deposit_b
            && s.total <= counted
            && s.def_a <= s.total
            && usize::from(s.locks) <= MAX_LOCKS
            && (s.locks > 0 || s.total == counted)
    }

    /// The predicate of a Close; gives the cash that it divides.
    fn closes(&self, t: &CloseTerms) -> Option<Amount> {
        let total = t.dep_a.checked_add(t.dep_b)?.checked_sub(t.escrowed)?;
        let state = LedgerState {
            ver: 1,
            dep_a: t.dep_a,
            dep_b: t.dep_b,
            total,
            def_a: t.out_a,
            locks: t.locks,
            ..LedgerState::default()
        };
        self.admits(&state).then_some(total)
    }
}

/// R, if a dispute may still be refuted and the version is higher.
pub(crate) fn refutable(env: &Env<'_>, deadline: u64, registered: u64, ver: u64) -> Result<u64, Error> {
    require(env.time <= deadline, Error::RefutationOver)?;
    require(ver > registered, Error::NotNewer)?;
    Ok(deadline)
}

pub(crate) fn check_channel(c: &Channel) -> Result<(), Error> {
    let owners = [c.owner_a, c.owner_b];
    require(!owners.contains(&Address::ZERO) && c.owner_a != c.owner_b, Error::InvalidOwners)?;
    for key in [&c.key_a, &c.key_b] {
        require([SECP256K1, P256].contains(&key.scheme), Error::UnsupportedScheme)?;
        let is_address = key.account().into_word() == key.key;
        require(!key.key.is_zero() && (is_address || key.scheme == P256), Error::InvalidKey)?;
    }
    require(c.key_a.key != c.key_b.key, Error::InvalidKey)?;
    check_periods(c.challenge, c.window, c.k_max)
}

pub(crate) fn check_periods(challenge: u32, window: u32, k_max: u16) -> Result<(), Error> {
    let bounded = |period| (1..=PERIOD_MAX).contains(&period);
    require(bounded(challenge) && bounded(window) && k_max <= STEPS_MAX, Error::InvalidPeriods)
}
