//! Events, and what they prove about stored States.

use crate::abi::{Adjudicator, bits_of, opened, registered};
use Adjudicator::AdjudicatorEvents as Raw;
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolEvent, SolEventInterface};
use perunika_core::chain::Roots;
use perunika_core::params::ChannelParams;
use perunika_core::signed::{Amount, Eip712, State};
use perunika_core::tree;

/// What the chain keeps of a registered State: the low 160 bits of H(hashStruct(State) ‖ mix).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stored(pub [u8; 20]);

/// A State that was registered, with the value mixed into its stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preimage {
    /// The State.
    pub state: State,
    /// The roots behind its entries.
    pub roots: Roots,
    /// Hash of the block before the one of the event.
    pub mix: B256,
}

impl Preimage {
    /// The hash that the chain stores for it.
    pub fn stored(&self) -> Stored {
        let mut bytes = [0u8; 64];
        bytes[..32].copy_from_slice(self.state.struct_hash().as_slice());
        bytes[32..].copy_from_slice(self.mix.as_slice());
        let mut low = [0u8; 20];
        low.copy_from_slice(&keccak256(bytes)[12..]);
        Stored(low)
    }
}

/// A State of a virtual channel as its event carries it: without the total, which [`Event::Disclosed`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualPreimage {
    /// Version.
    pub ver: u64,
    /// Default share of `ends[0]`.
    pub def_a: Amount,
    /// Number of nanocontracts.
    pub nanos: u8,
    /// Root over the nanocontracts.
    pub nano_root: B256,
    /// Hash of the block before the one of the event.
    pub mix: B256,
}

impl VirtualPreimage {
    /// The pre-image for the virtual channel `vc`, whose ends put in `total` together.
    pub fn with_total(&self, vc: B256, total: Amount) -> Preimage {
        let state = State {
            ch: vc,
            ver: self.ver,
            dep_a: 0,
            dep_b: 0,
            total,
            def_a: self.def_a,
            nanos: self.nanos,
            locks: 0,
            entries: tree::entries(B256::ZERO, self.nano_root),
        };
        let roots = Roots { locks: B256::ZERO, nanos: self.nano_root };
        Preimage { state, roots, mix: self.mix }
    }
}

/// An event of the Adjudicator. `id` is that of a life of a ledger channel, `vc` that of a virtual channel; amounts are in the
/// smallest unit of the asset, times in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    /// A deposited; B has not confirmed, unless that follows at once. `way` is the number of the [`Funding`]; 1 is the vault.
    ///
    /// [`Funding`]: perunika_core::chain::Funding
    Opened { id: B256, params: ChannelParams, nonce: u64, dep_a: Amount, way: u8 },
    /// B deposited.
    Confirmed { id: B256, dep_b: Amount, way: u8 },
    /// A took her deposit back.
    Refunded { id: B256 },
    /// A cooperative end.
    Closed { id: B256, pay_a: Amount },
    /// A dispute began.
    Registered { id: B256, preimage: Preimage, refute_end: u64 },
    /// A newer State replaced the registered one.
    Refuted { id: B256, preimage: Preimage },
    /// A dispute ended the life.
    Concluded { id: B256, pay_a: Amount, pay_b: Amount },
    /// The ended life left money in locks.
    Escrowed { id: B256, lock_root: B256, locks: u8, amount: Amount },
    /// A lock was paid.
    Settled { id: B256, vc: B256, index: u8, pay_a: Amount, pay_b: Amount },
    /// The parameters behind a record that is written for the first time.
    Disclosed { vc: B256, total: Amount, t_exp: u64, challenge: u32, window: u32 },
    /// A dispute of a virtual channel began.
    VirtualRegistered { vc: B256, preimage: VirtualPreimage, refute_end: u64 },
    /// A newer State of a virtual channel replaced the registered one.
    VirtualRefuted { vc: B256, preimage: VirtualPreimage },
    /// A dispute fixed the outcome.
    VirtualConcluded { vc: B256, out_a: Amount },
    /// A certificate fixed the outcome.
    Finalised { vc: B256, out_a: Amount },
    /// A version of a nanocontract was registered. Its storage is not said: the view tells its hash.
    NanoRegistered { ch: B256, entry: B256, ver: u64, da: Amount, mover: u8, steps_left: u16, n_ref: u64 },
    /// A step was forced, perhaps a provisional one.
    NanoStepped { ch: B256, entry: B256, da: Amount, mover: u8, steps_left: u16, input: Vec<u8>, next: Vec<u8> },
    /// A secret became public.
    Revealed { hash: B256, secret: B256 },
    /// A side's deposit became more: 0 = A, 1 = B.
    Deposited { id: B256, payer: Address, side: u8, amount: Amount, way: u8 },
    /// Adjust number `seq` of the life took so much out of a side's deposit.
    Adjusted { id: B256, seq: u16, side: u8, amount: Amount },
    /// A call of a batch failed; selector of its error, 0 if it had none.
    Skipped { index: U256, reason: [u8; 4] },
    /// The vault holds so much more: paid in, or not accepted where it was to go.
    Vaulted { asset: Address, owner: Address, amount: U256 },
    /// So much was taken out of a vault.
    Withdrawn { asset: Address, owner: Address, to: Address, amount: U256 },
}

/// First topics of the events that [`Preimage`]s are made from.
pub fn dispute_topics() -> [B256; 5] {
    [
        Adjudicator::Registered::SIGNATURE_HASH,
        Adjudicator::Refuted::SIGNATURE_HASH,
        Adjudicator::Disclosed::SIGNATURE_HASH,
        Adjudicator::VirtualRegistered::SIGNATURE_HASH,
        Adjudicator::VirtualRefuted::SIGNATURE_HASH,
    ]
}

/// First topics of the events that tell the storage of a nanocontract.
pub fn step_topics() -> [B256; 1] {
    [Adjudicator::NanoStepped::SIGNATURE_HASH]
}

fn preimage(id: B256, s: &Adjudicator::State, mix: B256) -> Preimage {
    let state = State {
        ch: id,
        ver: s.ver.to(),
        dep_a: s.depA.to(),
        dep_b: s.depB.to(),
        total: s.total.to(),
        def_a: s.defA.to(),
        nanos: s.nanos,
        locks: s.locks,
        entries: tree::entries(s.lockRoot, s.nanoRoot),
    };
    Preimage { state, roots: Roots { locks: s.lockRoot, nanos: s.nanoRoot }, mix }
}

fn virtual_preimage(s: &Adjudicator::VirtualState, mix: B256) -> VirtualPreimage {
    VirtualPreimage { ver: s.ver.to(), def_a: s.defA.to(), nanos: s.nanos, nano_root: s.nanoRoot, mix }
}

impl Event {
    /// Reads a log of the Adjudicator; `None` if it is none of its events, or of a channel with a key of another scheme.
    pub fn decode(topics: &[B256], data: &[u8]) -> Option<Self> {
        Some(match Raw::decode_raw_log(topics, data).ok()? {
            Raw::Opened(e) => {
                let (params, nonce, dep_a) = opened(&e)?;
                Self::Opened { id: e.id, params, nonce, dep_a, way: bits_of(e.terms, 248, 8).to() }
            }
            // way 8 | depositB 96
            Raw::Confirmed(e) => {
                Self::Confirmed { id: e.id, dep_b: bits_of(e.terms, 0, 96).to(), way: bits_of(e.terms, 96, 8).to() }
            }
            Raw::Refunded(e) => Self::Refunded { id: e.id },
            Raw::Closed(e) => Self::Closed { id: e.id, pay_a: e.payA.to() },
            Raw::Registered(e) => {
                Self::Registered { id: e.id, preimage: preimage(e.id, &e.state, e.mix), refute_end: e.deadline.to() }
            }
            Raw::Refuted(e) => Self::Refuted { id: e.id, preimage: preimage(e.id, &e.state, e.mix) },
            Raw::Concluded(e) => Self::Concluded { id: e.id, pay_a: e.payA.to(), pay_b: e.payB.to() },
            Raw::Escrowed(e) => {
                Self::Escrowed { id: e.id, lock_root: e.lockRoot, locks: e.locks, amount: e.amount.to() }
            }
            Raw::Settled(e) => {
                Self::Settled { id: e.id, vc: e.vc, index: e.index, pay_a: e.payA.to(), pay_b: e.payB.to() }
            }
            Raw::Disclosed(e) => Self::Disclosed {
                vc: e.vc,
                total: e.params.initA.to::<Amount>().saturating_add(e.params.initB.to()),
                t_exp: e.params.tExp.to(),
                challenge: e.params.challenge,
                window: e.params.window,
            },
            Raw::VirtualRegistered(e) => Self::VirtualRegistered {
                vc: e.vc,
                preimage: virtual_preimage(&e.state, e.mix),
                refute_end: e.deadline.to(),
            },
            Raw::VirtualRefuted(e) => Self::VirtualRefuted { vc: e.vc, preimage: virtual_preimage(&e.state, e.mix) },
            Raw::VirtualConcluded(e) => Self::VirtualConcluded { vc: e.vc, out_a: e.outA.to() },
            Raw::Finalised(e) => Self::Finalised { vc: e.vc, out_a: e.outA.to() },
            Raw::NanoRegistered(e) => registered(&e),
            Raw::NanoStepped(e) => Self::NanoStepped {
                ch: e.ch,
                entry: e.entry,
                da: e.dA.to(),
                mover: e.mover,
                steps_left: e.stepsLeft,
                input: e.input.into(),
                next: e.next.into(),
            },
            Raw::Revealed(e) => Self::Revealed { hash: e.hash, secret: e.secret },
            // way 8 | side 8 | amount 96
            Raw::Deposited(e) => Self::Deposited {
                id: e.id,
                payer: e.payer,
                side: bits_of(e.terms, 96, 8).to(),
                amount: bits_of(e.terms, 0, 96).to(),
                way: bits_of(e.terms, 104, 8).to(),
            },
            // seq 16 | side 8 | amount 96
            Raw::Adjusted(e) => Self::Adjusted {
                id: e.id,
                seq: bits_of(e.terms, 104, 16).to(),
                side: bits_of(e.terms, 96, 8).to(),
                amount: bits_of(e.terms, 0, 96).to(),
            },
            Raw::Skipped(e) => Self::Skipped { index: e.index, reason: e.reason.0 },
            Raw::Vaulted(e) => Self::Vaulted { asset: e.asset, owner: e.owner, amount: e.amount },
            Raw::Withdrawn(e) => Self::Withdrawn { asset: e.asset, owner: e.owner, to: e.to, amount: e.amount },
        })
    }

    /// The nanocontract that it is about: id of its channel and struct hash of its Entry.
    pub fn nano(&self) -> Option<(B256, B256)> {
        match self {
            Self::NanoRegistered { ch, entry, .. } | Self::NanoStepped { ch, entry, .. } => Some((*ch, *entry)),
            _ => None,
        }
    }

    /// Hash of the secret that it is about.
    pub fn secret(&self) -> Option<B256> {
        match self {
            Self::Revealed { hash, .. } => Some(*hash),
            _ => None,
        }
    }

    /// The object that it is about: the id of a life or of a virtual channel; `None` of vaults, batches and secrets.
    pub fn object(&self) -> Option<B256> {
        match self {
            Self::Opened { id, .. }
            | Self::Confirmed { id, .. }
            | Self::Refunded { id }
            | Self::Closed { id, .. }
            | Self::Registered { id, .. }
            | Self::Refuted { id, .. }
            | Self::Concluded { id, .. }
            | Self::Escrowed { id, .. }
            | Self::Settled { id, .. }
            | Self::Deposited { id, .. }
            | Self::Adjusted { id, .. } => Some(*id),
            Self::Disclosed { vc, .. }
            | Self::VirtualRegistered { vc, .. }
            | Self::VirtualRefuted { vc, .. }
            | Self::VirtualConcluded { vc, .. }
            | Self::Finalised { vc, .. } => Some(*vc),
            Self::NanoRegistered { ch, .. } | Self::NanoStepped { ch, .. } => Some(*ch),
            Self::Revealed { .. } | Self::Skipped { .. } | Self::Vaulted { .. } | Self::Withdrawn { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> U256 {
        U256::from_be_bytes(text.parse::<B256>().expect("hex").0)
    }

    /// What the contract would have logged.
    fn decoded(event: &impl SolEvent) -> Option<Event> {
        let log = event.encode_log_data();
        Event::decode(log.topics(), &log.data)
    }

    #[test]
    fn packed_words_of_deposits() {
        let (id, payer) = (B256::repeat_byte(1), Address::repeat_byte(2));
        let terms = word("0x0000000000000000000000000000000000000001000000000000000000000009");
        let event = decoded(&Adjudicator::Confirmed { id, terms });
        assert_eq!(event, Some(Event::Confirmed { id, dep_b: 9, way: 1 }));
        let terms = word("0x0000000000000000000000000000000000000501ffffffffffffffffffffffff");
        let event = decoded(&Adjudicator::Deposited { id, payer, terms });
        assert_eq!(event, Some(Event::Deposited { id, payer, side: 1, amount: (1 << 96) - 1, way: 5 }));
        let terms = word("0x0000000000000000000000000000000000ffff00000000000000000000000007");
        let event = decoded(&Adjudicator::Adjusted { id, terms });
        assert_eq!(event, Some(Event::Adjusted { id, seq: u16::MAX, side: 0, amount: 7 }));
        assert_eq!(event.and_then(|event| event.object()), Some(id));
    }
}
