//! Nanocontracts in the hands of an adversary: every version that it remembers, registered, refuted and stepped as it likes.

use crate::world::World;
use alloy_primitives::{B256, keccak256};
use perunika_core::chain::{Call, DisputeView, ForcedStep, Home, NanoClaim, NanoView, RecordView};
use perunika_core::info::NanoInfo;
use perunika_core::params::code_address;
use perunika_core::sig::{RawKey, Signature};
use perunika_core::signed::{Eip712, Entry, Nano, StepAuth};
use perunika_core::tree;

/// A version of a nanocontract with all that is needed to register it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// As it stands in the State.
    pub entry: Entry,
    /// The version.
    pub nano: Nano,
    /// Signatures of A and B; none of version 0.
    pub sigs: [Option<Signature>; 2],
    /// Its storage.
    pub storage: Vec<u8>,
}

impl Position {
    /// The newest version that a node shows; `None` before it is open.
    pub fn of(info: &NanoInfo) -> Option<Self> {
        let (entry, nano) = (info.entry?, info.version?);
        Some(Self { entry, nano, sigs: info.sigs, storage: info.storage.clone() })
    }

    /// The position that a forced step left on the chain.
    #[must_use]
    pub fn moved_to(&self, view: &NanoView) -> Self {
        let NanoView { ver, da, mover, steps_left, storage_hash, .. } = *view;
        let storage = view.storage.clone().unwrap_or_else(|| self.storage.clone());
        Self { nano: Nano { ver, da, mover, steps_left, storage_hash, ..self.nano }, storage, ..self.clone() }
    }
}

impl World {
    /// In which channel a nanocontract stands, as a node knows it.
    pub fn home_of(&self, node: usize, ch: B256) -> Option<Home> {
        let ledger = self.ledger_of(node, ch).map(|ledger| Home::Ledger(ledger.params));
        ledger.or_else(|| Some(Home::Virtual(self.virtual_of(node, ch)?.params)))
    }

    /// The newest version of a nanocontract that a node has.
    pub fn position_of(&self, node: usize, ch: B256, nid: B256) -> Option<Position> {
        Position::of(&self.nano_of(node, ch, nid)?)
    }

    /// The dispute of a channel at the head.
    pub fn dispute_at(&self, home: &Home) -> Option<DisputeView> {
        match home {
            Home::Ledger(params) => self.slot(params).dispute,
            Home::Virtual(params) => match self.record(params) {
                RecordView::Disputed(dispute) => Some(dispute),
                RecordView::None | RecordView::Concluded { .. } => None,
            },
        }
    }

    /// A registered nanocontract at the head.
    pub fn registered(&self, ch: B256, entry: &Entry) -> Option<NanoView> {
        self.ground.nano_at(ch, entry.struct_hash(), self.ground.chain.height())
    }

    /// A step from a position by the key of `node`, whatever the rules say. `code` need not be deployed yet.
    pub fn forced_step(&self, node: usize, home: &Home, at: &Position, code: &[u8], input: Vec<u8>) -> ForcedStep {
        let domain = self.ground.domain;
        let auth = matches!(home, Home::Virtual(_)).then(|| {
            let auth = StepAuth {
                ch: at.nano.ch,
                entry: at.nano.entry,
                ver: at.nano.ver,
                steps_left: at.nano.steps_left,
                storage_hash: keccak256(&at.storage),
                input_hash: keccak256(&input),
            };
            self.raw_key(node).sign(domain.digest(auth.struct_hash()))
        });
        ForcedStep { code: code_address(&domain, code), storage: at.storage.clone(), input, auth }
    }

    /// `registerNano` against the State that the running dispute has fixed. `entries`: its nanocontracts, in tree order.
    pub fn register_nanos(
        &self,
        home: &Home,
        entries: &[Entry],
        claims: &[(Position, Option<ForcedStep>)],
    ) -> Option<Call> {
        let dispute = self.dispute_at(home)?;
        let claim = |(at, step): &(Position, Option<ForcedStep>)| {
            let index = entries.iter().position(|entry| *entry == at.entry)?;
            let proof = tree::proof(entries, index)?;
            Some(NanoClaim { entry: at.entry, index, proof, version: at.nano, sigs: at.sigs, step: step.clone() })
        };
        let claims = claims.iter().map(claim).collect::<Option<Vec<NanoClaim>>>()?;
        let (home, roots, mix) = (home.clone(), dispute.roots, dispute.mix);
        Some(Call::RegisterNanos { home, state: dispute.state?, roots, mix, claims })
    }

    /// `refuteNano` with one version.
    pub fn refute_nano(&self, home: &Home, at: &Position, step: Option<ForcedStep>) -> Call {
        let (version, sigs, proof) = (at.nano, at.sigs, Vec::new());
        let claims = vec![NanoClaim { entry: at.entry, index: 0, proof, version, sigs, step }];
        Call::RefuteNanos { home: home.clone(), claims }
    }
}
