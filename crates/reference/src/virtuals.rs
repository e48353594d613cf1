//! The one record of a virtual channel (protocol 2.3).

use crate::ledger::{check_periods, refutable};
use crate::sig::Evidence;
use crate::terms::{Key, Opener, VirtualChannel, VirtualState};
use crate::{AMOUNT_MAX, Amount, Dispute, Env, Error, Event, Record, Reference, VERSION_MAX, error::require, hash};
use alloy_primitives::B256;
use perunika_core::params::{MAX_LINKS, MAX_VIRTUAL_NANOS};

impl Reference {
    pub(crate) fn register_virtual(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        (state, signatures): (&VirtualState, &[u8]),
        secrets: &[B256],
        opener: Option<&Opener>,
    ) -> Result<(), Error> {
        let vc = self.virtual_id(params);
        if !self.records.contains_key(&vc) {
            check_activation(env, params, secrets)?;
            match opener {
                None => require([&params.a, &params.b].iter().any(|end| is_sender(env, end)), Error::NotOwner)?,
                Some(opener) => self.check_opener(env, vc, params, secrets.len() - 1, opener)?,
            }
        }
        self.record_virtual(env, log, params, vc, (state, signatures))
    }

    pub(crate) fn refute_virtual(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        signed: (&VirtualState, &[u8]),
    ) -> Result<(), Error> {
        let vc = self.virtual_id(params);
        require(self.records.contains_key(&vc), Error::NoDispute)?;
        self.record_virtual(env, log, params, vc, signed)
    }

    pub(crate) fn conclude_virtual(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        state: &VirtualState,
        mix: B256,
    ) -> Result<(), Error> {
        let vc = self.virtual_id(params);
        let dispute = self.virtual_dispute(vc)?;
        let over = self.final_at(vc, dispute.deadline, dispute.state.nanos, params.window);
        require(env.time > over, Error::NotFinal)?;
        require((dispute.state, dispute.mix) == (*state, mix), Error::WrongPreimage)?;
        let out_a = self.share(vc, state.def_a, state.nanos, params.init_a + params.init_b);
        self.records.insert(vc, Record::Concluded { out_a, ver: state.ver, deadline: dispute.deadline });
        log.push(Event::VirtualConcluded { vc, out_a });
        Ok(())
    }

    pub(crate) fn finalise(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        mids: &[Key],
        out_a: Amount,
        signatures: &[u8],
    ) -> Result<(), Error> {
        let vc = self.virtual_id(params);
        let (until, ver, deadline) = match self.records.get(&vc) {
            None => (params.t_exp, 0, 0),
            Some(Record::Disputed(Dispute { state, deadline, .. })) => {
                (self.final_at(vc, *deadline, state.nanos, params.window), state.ver, *deadline)
            }
            Some(Record::Concluded { .. }) => return Err(Error::AlreadyConcluded),
        };
        require(env.time <= until, Error::Expired)?;
        require(out_a <= params.init_a.saturating_add(params.init_b), Error::InvalidState)?;
        let is_path = (1..MAX_LINKS).contains(&mids.len()) && hash::keys(mids) == params.mids;
        require(is_path, Error::InvalidAuthorisation)?;
        let mut evidence = Evidence::new(signatures);
        for key in [&params.a].into_iter().chain(mids).chain([&params.b]) {
            evidence.signature(self.domain, key, hash::outcome(vc, out_a))?;
        }
        evidence.end()?;

        if self.records.insert(vc, Record::Concluded { out_a, ver, deadline }).is_none() {
            log.push(Event::Disclosed { vc, params: *params });
        }
        log.push(Event::Finalised { vc, out_a });
        Ok(())
    }

    /// The dispute of a virtual channel, running or run out.
    pub(crate) fn virtual_dispute(&self, vc: B256) -> Result<Dispute<VirtualState>, Error> {
        match self.records.get(&vc) {
            None => Err(Error::NoDispute),
            Some(Record::Concluded { .. }) => Err(Error::AlreadyConcluded),
            Some(Record::Disputed(dispute)) => Ok(*dispute),
        }
    }

    /// An end, in the last w before tExp a hub too; the account of its key, or whom its WatchAuth names.
    fn check_opener(
        &self,
        env: &Env<'_>,
        vc: B256,
        params: &VirtualChannel,
        links: usize,
        opener: &Opener,
    ) -> Result<(), Error> {
        let position = usize::from(opener.position);
        let key = if position == 0 {
            &params.a
        } else if position == links {
            &params.b
        } else {
            let is_path = opener.mids.len() == links - 1 && hash::keys(&opener.mids) == params.mids;
            let hub = opener.mids.get(position - 1).filter(|_| is_path).ok_or(Error::InvalidAuthorisation)?;
            require(env.time + u64::from(params.window) >= params.t_exp, Error::NotExpired)?;
            hub
        };
        if opener.auth.signature.is_empty() {
            return require(is_sender(env, key), Error::NotOwner);
        }
        self.check_watch_auth(env, vc, key, &opener.auth)
    }

    /// Begins a dispute, or puts a higher version into the one that runs.
    fn record_virtual(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &VirtualChannel,
        vc: B256,
        (state, signatures): (&VirtualState, &[u8]),
    ) -> Result<(), Error> {
        let running = match self.records.get(&vc) {
            None => None,
            Some(Record::Disputed(dispute)) => Some(*dispute),
            Some(Record::Concluded { .. }) => return Err(Error::AlreadyConcluded),
        };
        let total = params.init_a.saturating_add(params.init_b);
        require(total <= AMOUNT_MAX && admits(state, total), Error::InvalidState)?;
        let mut evidence = Evidence::new(signatures);
        for end in [&params.a, &params.b] {
            evidence.signature(self.domain, end, hash::virtual_state(vc, total, state))?;
        }
        evidence.end()?;

        require(env.mix != B256::ZERO, Error::NoBlockhash)?;
        let (state, mix) = (*state, env.mix);
        let deadline = match running {
            None => env.time + u64::from(params.challenge),
            Some(dispute) => refutable(env, dispute.deadline, dispute.state.ver, state.ver)?,
        };
        self.records.insert(vc, Record::Disputed(Dispute { state, mix, deadline }));
        match running {
            None => log.extend([
                Event::Disclosed { vc, params: *params },
                Event::VirtualRegistered { vc, state, mix, deadline },
            ]),
            Some(_) => log.push(Event::VirtualRefuted { vc, state, mix }),
        }
        Ok(())
    }
}

/// The predicate of a State of V.
fn admits(s: &VirtualState, total: Amount) -> bool {
    (1..=VERSION_MAX).contains(&s.ver) && s.def_a <= total && usize::from(s.nanos) <= MAX_VIRTUAL_NANOS
}

fn is_sender(env: &Env<'_>, key: &Key) -> bool {
    *key == Key::of(env.sender)
}

/// A dispute begins by tExp, and only if every participant has let go of its secret.
fn check_activation(env: &Env<'_>, params: &VirtualChannel, secrets: &[B256]) -> Result<(), Error> {
    require(env.time <= params.t_exp, Error::Expired)?;
    check_periods(params.challenge, params.window, params.k_max)?;
    let counted = (3..=MAX_LINKS + 1).contains(&secrets.len());
    require(params.act_mode == 1 && counted && hash::activation(secrets) == params.act, Error::InvalidActivation)
}
