//! What the contract answers.

use crate::terms::Channel;
use crate::{Amount, Dispute, Phase, Record, Reference, hash};
use alloy_primitives::{Address, B256, keccak256};

/// `channel`. Without a running dispute, all fields from `ver` on are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ChannelInfo {
    pub id: B256,
    pub phase: u8,
    pub nonce: u64,
    pub seq: u16,
    pub deposit_a: Amount,
    pub deposit_b: Amount,
    pub disputed: bool,
    pub ver: u64,
    pub deadline: u64,
    pub final_at: u64,
    pub nanos: bool,
    pub stored: Address,
}

/// `record`: status 0 none, 1 disputed, 2 concluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RecordInfo {
    pub status: u8,
    pub ver: u64,
    pub deadline: u64,
    pub nanos: bool,
    pub stored: Address,
    pub out_a: Amount,
    pub nanos_end: u64,
}

/// What the chain keeps of a State: 160 bits, which an address has too.
fn stored(struct_hash: B256, mix: B256) -> Address {
    Address::from_word(keccak256([struct_hash, mix].concat()))
}

impl Reference {
    /// The slot of a channel.
    pub fn channel(&self, params: &Channel) -> ChannelInfo {
        let slot = self.slots.get(&params.slot_key()).copied().unwrap_or_default();
        let info = ChannelInfo { id: self.channel_id(params, slot.nonce), nonce: slot.nonce, ..ChannelInfo::default() };
        match slot.phase {
            Phase::Virgin => info,
            Phase::Funding { deposit_a } => ChannelInfo { phase: 1, deposit_a, ..info },
            Phase::Open { deposit_a, deposit_b, seq, dispute: None } => {
                ChannelInfo { phase: 2, seq, deposit_a, deposit_b, ..info }
            }
            Phase::Open { deposit_a, deposit_b, seq, dispute: Some(Dispute { state, mix, deadline }) } => ChannelInfo {
                phase: 2,
                seq,
                deposit_a,
                deposit_b,
                disputed: true,
                ver: state.ver,
                deadline,
                final_at: self.final_at(info.id, deadline, state.nanos, params.window),
                nanos: state.nanos > 0,
                stored: self.stored_ledger(info.id, &Dispute { state, mix, deadline }),
                ..info
            },
            Phase::Closed => ChannelInfo { phase: 3, ..info },
        }
    }

    /// The record of a virtual channel, whose ends put in `total`.
    pub fn record(&self, vc: B256, total: Amount) -> RecordInfo {
        match self.records.get(&vc) {
            None => RecordInfo::default(),
            Some(Record::Concluded { out_a, ver, deadline }) => {
                RecordInfo { status: 2, ver: *ver, deadline: *deadline, out_a: *out_a, ..RecordInfo::default() }
            }
            Some(Record::Disputed(Dispute { state, mix, deadline })) => RecordInfo {
                status: 1,
                ver: state.ver,
                deadline: *deadline,
                nanos: state.nanos > 0,
                stored: stored(hash::virtual_state(vc, total, state), *mix),
                out_a: 0,
                nanos_end: self.accrued.get(&vc).map_or(0, |accrued| accrued.end),
            },
        }
    }

    /// What the chain keeps of the State in the dispute of the life `id`.
    pub fn stored_ledger(&self, id: B256, dispute: &Dispute<crate::LedgerState>) -> Address {
        stored(hash::ledger_state(id, &dispute.state), dispute.mix)
    }
}
