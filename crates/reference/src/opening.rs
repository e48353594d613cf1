//! How a life of a ledger channel begins, and its deposits grow and shrink (protocol 0.3).

use crate::funding::{Agreement, way};
use crate::ledger::{Life, check_channel};
use crate::terms::{AdjustTerms, Channel, Opening};
use crate::{AMOUNT_MAX, Amount, Env, Error, Event, LIVES, Phase, Reference, Slot, VERSION_MAX, error::require, hash};
use alloy_primitives::{Address, B256};

/// The greatest time of 40 bits.
const TIME_MAX: u64 = (1 << 40) - 1;

impl Reference {
    pub(crate) fn open(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
    ) -> Result<(), Error> {
        require(env.sender == params.owner_a, Error::NotOwner)?;
        require(params.asset == Address::ZERO, Error::UnsupportedAsset)?;
        require(env.value <= AMOUNT_MAX, Error::WrongDeposit)?;
        self.may_begin(params, nonce)?;
        self.receive(env);
        self.begin(log, params, nonce, env.value, 0);
        Ok(())
    }

    pub(crate) fn confirm(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        agreed: Amount,
    ) -> Result<(), Error> {
        require(env.sender == params.owner_b, Error::NotOwner)?;
        require(params.asset == Address::ZERO, Error::UnsupportedAsset)?;
        self.waits_for_b(params, nonce, agreed)?;
        require(agreed.checked_add(env.value).is_some_and(|sum| sum <= AMOUNT_MAX), Error::WrongDeposit)?;
        self.receive(env);
        self.complete(log, params, nonce, [agreed, env.value], 0);
        Ok(())
    }

    pub(crate) fn open_with(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        opening: &Opening,
        funding_a: &[u8],
    ) -> Result<(), Error> {
        require(env.sender == params.owner_a, Error::NotOwner)?;
        check_opening(env, opening)?;
        self.may_begin(params, opening.nonce)?;
        self.receive(env);
        self.begin(log, params, opening.nonce, opening.deposit_a, way(funding_a));
        let agreed = self.agreement(params, opening);
        let used = self.fund(env, &agreed, params.owner_a, opening.deposit_a, funding_a)?;
        require(env.value == used, Error::WrongDeposit)
    }

    pub(crate) fn confirm_with(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        opening: &Opening,
        funding_b: &[u8],
    ) -> Result<(), Error> {
        check_opening(env, opening)?;
        self.waits_for_b(params, opening.nonce, opening.deposit_a)?;
        self.receive(env);
        self.complete(log, params, opening.nonce, [opening.deposit_a, opening.deposit_b], way(funding_b));
        let agreed = self.agreement(params, opening);
        let used = self.fund(env, &agreed, params.owner_b, opening.deposit_b, funding_b)?;
        require(env.value == used, Error::WrongDeposit)
    }

    pub(crate) fn open_both(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        opening: &Opening,
        [funding_a, funding_b]: [&[u8]; 2],
    ) -> Result<(), Error> {
        check_opening(env, opening)?;
        self.may_begin(params, opening.nonce)?;
        self.receive(env);
        self.begin(log, params, opening.nonce, opening.deposit_a, way(funding_a));
        self.complete(log, params, opening.nonce, [opening.deposit_a, opening.deposit_b], way(funding_b));
        let agreed = self.agreement(params, opening);
        let of_a = self.fund(env, &agreed, params.owner_a, opening.deposit_a, funding_a)?;
        let of_b = self.fund(env, &agreed, params.owner_b, opening.deposit_b, funding_b)?;
        require(env.value == of_a + of_b, Error::WrongDeposit)
    }

    pub(crate) fn refund(&mut self, env: &Env<'_>, log: &mut Vec<Event>, params: &Channel) -> Result<(), Error> {
        require(env.sender == params.owner_a, Error::NotOwner)?;
        let slot = self.slot(params);
        let Phase::Funding { deposit_a } = slot.phase else { return Err(Error::WrongPhase) };
        self.end_life(params, slot.nonce);
        log.push(Event::Refunded { id: self.channel_id(params, slot.nonce) });
        self.pay(log, params.asset, params.owner_a, params.owner_a, deposit_a);
        Ok(())
    }

    pub(crate) fn deposit(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        (side, amount): (u8, Amount),
        (not_after, funding): (u64, &[u8]),
    ) -> Result<(), Error> {
        require(env.time <= not_after, Error::Expired)?;
        let mut life = self.undisputed(params, side)?;
        require(nonce == life.nonce, Error::WrongNonce)?;
        let all = (life.deposit_a + life.deposit_b).checked_add(amount);
        require(all.is_some_and(|all| all <= AMOUNT_MAX), Error::WrongDeposit)?;
        self.receive(env);
        *life.deposit_of(side) += amount;
        self.keep(&life);
        log.push(Event::Deposited { id: life.id, payer: env.sender, side, amount, way: way(funding) });
        let deposits = if side == 0 { [amount, 0] } else { [0, amount] };
        let agreed =
            Agreement::new(self.domain, params.asset, not_after, hash::open_auth(life.id, deposits, not_after));
        let used = self.fund(env, &agreed, env.sender, amount, funding)?;
        require(env.value == used, Error::WrongDeposit)
    }

    pub(crate) fn adjust(
        &mut self,
        env: &Env<'_>,
        log: &mut Vec<Event>,
        params: &Channel,
        terms: &AdjustTerms,
        signatures: &[u8],
    ) -> Result<(), Error> {
        require((env.time..=TIME_MAX).contains(&terms.not_after), Error::Expired)?;
        require(terms.ver <= VERSION_MAX, Error::InvalidState)?;
        let mut life = self.undisputed(params, terms.side)?;
        require(terms.seq == life.seq, Error::WrongNonce)?;
        require(terms.seq < u16::MAX, Error::SlotExhausted)?;
        require(terms.amount <= *life.deposit_of(terms.side), Error::WrongDeposit)?;
        let owner = if terms.side == 0 { params.owner_a } else { params.owner_b };
        let receiver = if terms.receiver == Address::ZERO { owner } else { terms.receiver };
        self.check_both(env, params, hash::adjust(life.id, terms, receiver), signatures)?;
        *life.deposit_of(terms.side) -= terms.amount;
        life.seq += 1;
        self.keep(&life);
        log.push(Event::Adjusted { id: life.id, seq: terms.seq, side: terms.side, amount: terms.amount });
        self.pay(log, params.asset, owner, receiver, terms.amount);
        Ok(())
    }

    /// The life is open, and nobody disputes it.
    fn undisputed(&self, params: &Channel, side: u8) -> Result<Life, Error> {
        require(side <= 1, Error::InvalidSide)?;
        let life = self.life(params)?;
        require(life.dispute.is_none(), Error::InDispute)?;
        Ok(life)
    }

    fn may_begin(&self, params: &Channel, nonce: u64) -> Result<(), Error> {
        check_channel(params)?;
        let slot = self.slot(params);
        require(matches!(slot.phase, Phase::Virgin | Phase::Closed), Error::WrongPhase)?;
        require(nonce == slot.nonce, Error::WrongNonce)?;
        require(nonce < LIVES, Error::SlotExhausted)
    }

    fn waits_for_b(&self, params: &Channel, nonce: u64, agreed: Amount) -> Result<(), Error> {
        let slot = self.slot(params);
        let Phase::Funding { deposit_a } = slot.phase else { return Err(Error::WrongPhase) };
        require(nonce == slot.nonce, Error::WrongNonce)?;
        require(agreed == deposit_a, Error::WrongDeposit)
    }

    fn begin(&mut self, log: &mut Vec<Event>, params: &Channel, nonce: u64, deposit_a: Amount, way: u8) {
        self.slots.insert(params.slot_key(), Slot { nonce, phase: Phase::Funding { deposit_a } });
        let id: B256 = self.channel_id(params, nonce);
        log.push(Event::Opened { id, params: *params, nonce, deposit_a, way });
    }

    fn complete(
        &mut self,
        log: &mut Vec<Event>,
        params: &Channel,
        nonce: u64,
        [deposit_a, deposit_b]: [Amount; 2],
        way: u8,
    ) {
        let phase = Phase::Open { deposit_a, deposit_b, seq: 0, dispute: None };
        self.slots.insert(params.slot_key(), Slot { nonce, phase });
        log.push(Event::Confirmed { id: self.channel_id(params, nonce), deposit_b, way });
    }

    fn agreement(&self, params: &Channel, o: &Opening) -> Agreement {
        let id = self.channel_id(params, o.nonce);
        let signed = hash::open_auth(id, [o.deposit_a, o.deposit_b], o.not_after);
        Agreement::new(self.domain, params.asset, o.not_after, signed)
    }
}

impl Life {
    fn deposit_of(&mut self, side: u8) -> &mut Amount {
        if side == 0 { &mut self.deposit_a } else { &mut self.deposit_b }
    }
}

fn check_opening(env: &Env<'_>, opening: &Opening) -> Result<(), Error> {
    require((env.time..=TIME_MAX).contains(&opening.not_after), Error::Expired)?;
    let all = opening.deposit_a.checked_add(opening.deposit_b);
    require(all.is_some_and(|all| all <= AMOUNT_MAX), Error::WrongDeposit)
}
