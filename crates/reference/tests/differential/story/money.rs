//! Calls that bring and fetch money, and batches.

use super::Story;
use crate::pair::fits;
use crate::world::{PEOPLE, is_wallet, owner, sign_as_owner};
use alloy_primitives::{Address, B256, keccak256};
use perunika_reference::{
    AdjustTerms, Call, Channel, Opening, authorisation, hash, permit_signature, permit2_signature,
};

/// Gas of each call of a batch.
const GAS_EACH: u64 = 1_500_000;

/// What a deposit is about.
#[derive(Clone, Copy)]
struct Paid {
    asset: Address,
    owner: Address,
    amount: u128,
    not_after: u64,
    /// Of the OpenAuth.
    signed: B256,
}

impl Story {
    pub(super) fn open_with(&mut self, params: &Channel, kind: usize, sender: Address) -> (Address, Call) {
        let params = *params;
        let info = self.world.pair.reference.channel(&params);
        let confirm = kind == 1;
        let deposit_a = if confirm { info.deposit_a } else { self.some_amount() };
        let (deposit_b, not_after) = (self.some_amount(), self.time + self.rng.next() % 3);
        let opening = Opening { nonce: info.nonce, deposit_a, deposit_b, not_after };
        let signed = hash::open_auth(info.id, [deposit_a, deposit_b], not_after);
        let paid = |owner, amount| Paid { asset: params.asset, owner, amount, not_after, signed };
        let (of_a, of_b) = (paid(params.owner_a, deposit_a), paid(params.owner_b, deposit_b));
        let sender = match kind {
            0 => params.owner_a,
            _ if self.rng.chance(60) => self.rng.pick(&[params.owner_a, params.owner_b]),
            _ => sender,
        };
        match kind {
            0 => {
                let (funding_a, value) = self.funding(of_a, sender);
                self.value = Some(value);
                (sender, Call::OpenWith { params, opening, funding_a })
            }
            1 => {
                let (funding_b, value) = self.funding(of_b, sender);
                self.value = Some(value);
                (sender, Call::ConfirmWith { params, opening, funding_b })
            }
            _ => {
                let ((funding_a, a), (funding_b, b)) = (self.funding(of_a, sender), self.funding(of_b, sender));
                self.value = Some(a.saturating_add(b));
                (sender, Call::OpenBoth { params, opening, funding_a, funding_b })
            }
        }
    }

    pub(super) fn deposit_more(&mut self, params: &Channel, sender: Address) -> (Address, Call) {
        let params = *params;
        let info = self.world.pair.reference.channel(&params);
        let (side, amount) = (self.rng.below(2) as u8, self.some_amount());
        let not_after = self.time + self.rng.next() % 3;
        let sender = if self.rng.chance(70) { self.rng.pick(&[params.owner_a, params.owner_b]) } else { sender };
        let deposits = if side == 0 { [amount, 0] } else { [0, amount] };
        let signed = hash::open_auth(info.id, deposits, not_after);
        let paid = Paid { asset: params.asset, owner: sender, amount, not_after, signed };
        let (funding, value) = self.funding(paid, sender);
        self.value = Some(value);
        (sender, Call::Deposit { params, nonce: info.nonce, side, amount, not_after, funding })
    }

    pub(super) fn adjust(&mut self, params: &Channel, sender: Address) -> (Address, Call) {
        let params = *params;
        let info = self.world.pair.reference.channel(&params);
        let side = if self.rng.chance(3) { 2 } else { self.rng.below(2) as u8 };
        let (owner, deposit) =
            if side == 0 { (params.owner_a, info.deposit_a) } else { (params.owner_b, info.deposit_b) };
        let receiver = match self.rng.below(10) {
            0..=5 => Address::ZERO,
            6 => self.world.pair.reference.address,
            _ => self.anybody(),
        };
        let seq = if self.rng.chance(92) { info.seq } else { info.seq.wrapping_sub(1) };
        let amount = if self.rng.chance(92) { self.amount_within(deposit) } else { deposit.saturating_add(1) };
        let not_after = self.time + self.rng.next() % 3;
        let terms = AdjustTerms { seq, side, amount, receiver, ver: self.rng.next() % 9, not_after };
        let named = if receiver.is_zero() { owner } else { receiver };
        let id = self.some_id(info.id, &params);
        let sender = if self.rng.chance(50) { self.rng.pick(&[params.owner_a, params.owner_b]) } else { sender };
        let signatures = self.world.signed_by_others(&params, sender, hash::adjust(id, &terms, named));
        (sender, Call::Adjust { params, terms, signatures })
    }

    /// The vault, in and out.
    pub(super) fn vault_call(&mut self, sender: Address) -> (Address, Call) {
        let focus = self.some_channel().asset;
        let asset = if self.rng.chance(70) { focus } else { self.some_asset() };
        if self.rng.chance(45) {
            let amount = self.some_amount();
            self.value = Some(if asset.is_zero() { amount } else { 0 });
            let payer = owner(self.rng.below(PEOPLE));
            let of = if self.rng.chance(80) { owner(self.rng.below(PEOPLE)) } else { sender };
            return (payer, Call::FundVault { asset, owner: of, amount });
        }
        let held: Vec<_> = self.world.pair.reference.money.vault.iter().map(|(key, held)| (*key, *held)).collect();
        let ((asset, of), held) =
            if held.is_empty() || self.rng.chance(8) { ((asset, sender), 0) } else { self.rng.pick(&held) };
        let amount = match self.rng.below(8) {
            0 => held.saturating_add(1),
            1 => 0,
            2 => 1,
            _ => self.amount_within(held),
        };
        let to = if self.rng.chance(15) { self.world.pair.reference.address } else { self.anybody() };
        (of, Call::Withdraw { asset, to, amount })
    }

    /// Calls of one sender.
    pub(super) fn batch(&mut self, sender: Address) -> (Address, Call) {
        let mut calls: Vec<Call> = Vec::new();
        let mut by = None;
        for _ in 0..12 {
            let (of, call) = match self.rng.below(10) {
                0..=5 => self.ledger_call(sender),
                6..=7 => self.virtual_call(sender),
                8 => self.vault_call(sender),
                _ => self.settlement(sender),
            };
            if calls.len() < 4 && by.is_none_or(|by| by == of) && fits(&call) && !of_nanos(&call) {
                by = Some(of);
                calls.push(call);
            }
        }
        if self.rng.chance(6) {
            calls.push(Call::Batch { gas_each: GAS_EACH, calls: calls.clone() });
        }
        self.value = Some(0);
        let gas_each = if self.rng.chance(4) { 20_000_000 } else { GAS_EACH };
        (by.unwrap_or(sender), Call::Batch { gas_each, calls })
    }

    fn some_asset(&mut self) -> Address {
        let channels = &self.world.channels;
        channels[self.rng.below(channels.len())].asset
    }

    pub(super) fn some_amount(&mut self) -> u128 {
        match self.rng.below(30) {
            0 => (1 << 96) - 1,
            1 => 1 << 96,
            2..=4 => 0,
            _ => 1 + self.rng.upto(5),
        }
    }

    /// How a deposit is paid, and the wei that go with it.
    fn funding(&mut self, paid: Paid, sender: Address) -> (Vec<u8>, u128) {
        let ether = paid.asset.is_zero();
        let vault = &self.world.pair.reference.money.vault;
        let held = vault.get(&(paid.asset, paid.owner)).copied().unwrap_or_default();
        let way = match self.rng.below(20) {
            0 => self.rng.below(8) as u8,
            1..=8 if held >= paid.amount => 1,
            _ if ether => 0,
            other => (other % 6) as u8,
        };
        let value = if ether && way == 0 { paid.amount } else { 0 };
        let value = if self.rng.chance(3) { value ^ 1 } else { value };
        if way == 0 && sender == paid.owner && self.rng.chance(50) {
            return (Vec::new(), value);
        }
        let r = &self.world.pair.reference;
        let (contract, digest) = (r.address, hash::digest(r.domain, paid.signed));
        let Paid { asset, owner, amount, not_after, signed } = paid;
        let mut bytes = vec![way];
        match way {
            3 => bytes.extend(permit_signature(owner, contract, amount, not_after)),
            4 => bytes.extend(authorisation(owner, contract, amount, not_after + 1, digest)),
            5 => {
                let nonce = B256::with_last_byte(self.rng.below(5) as u8);
                bytes.extend(nonce);
                bytes.extend(permit2_signature((asset, owner, contract), amount, nonce, not_after, signed));
            }
            _ => {}
        }
        if way <= 3 && (sender != owner || self.rng.chance(3)) {
            bytes.extend(self.consent(owner, digest));
        }
        if self.rng.chance(4) {
            let at = self.rng.below(bytes.len());
            bytes[at] ^= 1 << self.rng.below(8);
        }
        (bytes, value)
    }

    fn consent(&mut self, owner: Address, digest: B256) -> Vec<u8> {
        if is_wallet(owner) && self.rng.chance(70) {
            return keccak256(digest).to_vec();
        }
        sign_as_owner(owner, digest).map_or_else(Vec::new, |signature| signature.to_vec())
    }
}

/// Where the contract and the reference may give different reasons.
fn of_nanos(call: &Call) -> bool {
    matches!(
        call,
        Call::RegisterNano { .. }
            | Call::RegisterVirtualNano { .. }
            | Call::RefuteNano { .. }
            | Call::RefuteVirtualNano { .. }
            | Call::Execute { .. }
            | Call::ExecuteVirtual { .. }
            | Call::Deploy { .. }
    )
}
