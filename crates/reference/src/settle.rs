//! Locks of ended lives (protocol 2.3 settle).

use crate::terms::{Channel, LockTerms, VirtualChannel};
use crate::{Amount, Env, Error, Event, Record, Reference, error::require, hash, path};
use alloy_primitives::B256;

impl Reference {
    pub(crate) fn settle(
        &mut self,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        vc: B256,
        proven: (&LockTerms, u64, &[B256]),
    ) -> Result<(), Error> {
        let Some(Record::Concluded { out_a, .. }) = self.records.get(&vc).copied() else { return Err(Error::NotFinal) };
        self.pay_lock(log, params, nonce, vc, proven, out_a)
    }

    pub(crate) fn settle_expired(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        virtual_params: &VirtualChannel,
        proven: (&LockTerms, u64, &[B256]),
    ) -> Result<(), Error> {
        let vc = self.virtual_id(virtual_params);
        require(!self.records.contains_key(&vc), Error::NotFinal)?;
        require(env.time > virtual_params.t_exp, Error::NotExpired)?;
        self.pay_lock(log, params, nonce, vc, proven, proven.0.left)
    }

    /// Pays a lock once. Its left side is due `due`; no lock gets more than it put in, nor more than the escrow has left, and what remains after the last one is A's.
    fn pay_lock(
        &mut self,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        vc: B256,
        (lock, index, proof): (&LockTerms, u64, &[B256]),
        due: Amount,
    ) -> Result<(), Error> {
        let id = self.channel_id(params, nonce);
        let mut escrow = self.escrows.get(&id).copied().unwrap_or_default();
        let index = u8::try_from(index).ok().filter(|index| *index < escrow.locks).ok_or(Error::NoSuchLock)?;
        require(!escrow.is_settled(index), Error::AlreadySettled)?;
        let leaf = hash::leaf(hash::lock(vc, lock));
        require(path::leads(leaf, index.into(), proof, escrow.lock_root), Error::InvalidProof)?;

        let stake = lock.left.saturating_add(lock.right).min(escrow.left);
        let to_left = due.min(stake);
        let to_right = stake - to_left;
        escrow.left -= stake;
        escrow.settled |= 1 << index;
        let (mut pay_a, pay_b) = if lock.left_is_a { (to_left, to_right) } else { (to_right, to_left) };
        if (0..escrow.locks).all(|index| escrow.is_settled(index)) {
            pay_a += std::mem::take(&mut escrow.left);
        }
        self.escrows.insert(id, escrow);
        log.push(Event::Settled { id, vc, index, pay_a, pay_b });
        self.pay_both(log, params, [params.owner_a, params.owner_b], [pay_a, pay_b]);
        Ok(())
    }
}

impl crate::Escrow {
    fn is_settled(&self, index: u8) -> bool {
        self.settled >> index & 1 == 1
    }
}
