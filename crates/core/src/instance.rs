//! A nanocontract as one of its parties remembers it (protocol 1.4, 2.7).

use crate::message::NanoTerms;
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Amount, Eip712, Entry, Nano};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Durable state of a nanocontract, from the offer to the last State that could hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) ch: B256,
    pub(crate) nid: B256,
    pub(crate) me: Side,
    pub(crate) terms: NanoTerms,
    pub(crate) deal: Deal,
    /// Chain time, seconds, until which the next thing towards its opening may happen.
    pub(crate) until: u64,
    /// This party wants it closed at what its newest version says.
    pub(crate) wants_close: bool,
    /// What the application wants to say by force, and at how many forced steps left: of another position it says nothing.
    pub(crate) forced: Option<(u16, Vec<u8>)>,
    /// The one input that an account was allowed to force from a position.
    pub(crate) authorised: Option<Authorised>,
    /// The application was told that it is out of the State.
    pub(crate) closed: bool,
    /// Inputs for a dispute, in the order in which they are tried.
    pub(crate) prepared: Vec<Vec<u8>>,
    /// From the first State that holds it.
    pub(crate) live: Option<Live>,
    #[serde(skip)]
    pub(crate) memory: InstanceMemory,
}

/// A position on the chain and the input that the key signed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authorised {
    pub(crate) ver: u64,
    pub(crate) steps_left: u16,
    pub(crate) storage_hash: B256,
    pub(crate) input: Vec<u8>,
}

/// How far its opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deal {
    /// This party proposed it.
    Proposed,
    /// The peer did, and the application was told.
    Offered,
    /// Both sign the State with it.
    Agreed,
    /// It is, or was, in the State.
    Open,
}

/// What there is once a State holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Live {
    pub(crate) entry: Entry,
    pub(crate) top: Version,
    /// My signed step that the peer has not countersigned; the newest one, if it was made again.
    pub(crate) own: Option<OwnStep>,
    /// The same step under lower versions: what it results in may hang on its time (protocol 1.4(5)).
    pub(crate) repeated: Vec<OwnStep>,
    /// The peer's newest input for my next step.
    pub(crate) handed: Option<Vec<u8>>,
    /// Its number.
    pub(crate) taken: u64,
    /// My newest input for the peer's next step, until the peer has it.
    pub(crate) hand: Option<Vec<u8>>,
    /// How many I handed over.
    pub(crate) hands: u64,
}

/// A version that both signed (version 0 needs no signature), with its storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) nano: Nano,
    pub(crate) sigs: [Option<Signature>; 2],
    pub(crate) storage: Vec<u8>,
    /// Chain time, seconds, at which it was made.
    pub(crate) time: u64,
}

/// A step that carries my signature only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OwnStep {
    pub(crate) nano: Nano,
    pub(crate) storage: Vec<u8>,
    pub(crate) input: Vec<u8>,
    pub(crate) time: u64,
    pub(crate) sig: Signature,
    /// Chain time, seconds, after which it is forced.
    pub(crate) force_at: Option<u64>,
    /// Why the peer does not countersign it, in its words.
    pub(crate) refused: Option<String>,
}

/// What may be forgotten in a crash.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InstanceMemory {
    pub(crate) sent_ms: u64,
    pub(crate) open_tag: Option<u64>,
    pub(crate) step_tag: Option<u64>,
    pub(crate) hand_tags: Vec<(u64, u64)>,
    pub(crate) close_tags: Vec<u64>,
    /// The version at which the peer wants it closed, once the application was told.
    pub(crate) asked_told: Option<B256>,
    /// The last step of the peer that was refused, that is version, hash of the input and time, and why. It is not run again.
    pub(crate) refused: Option<((u64, B256, u64), String)>,
    /// What this node would get at the newest version with the input that the peer handed over.
    pub(crate) handed_share: Option<Amount>,
    /// Forced steps that were left when the application was asked for one.
    pub(crate) turn_told: Option<u16>,
    /// Forced steps that were left when the application was told of a forced one, and who moves next.
    pub(crate) forced_told: Option<(u16, u8)>,
}

impl Authorised {
    /// It was signed for this position.
    pub(crate) fn is_for(&self, nano: &Nano) -> bool {
        (self.ver, self.steps_left, self.storage_hash) == (nano.ver, nano.steps_left, nano.storage_hash)
    }
}

impl Version {
    pub(crate) fn genesis(ch: B256, entry: &Entry, storage: Vec<u8>, time: u64) -> Self {
        Self { nano: entry.genesis(ch), sigs: [None, None], storage, time }
    }
}

impl Live {
    pub(crate) fn new(ch: B256, entry: Entry, storage: Vec<u8>, time: u64) -> Self {
        let top = Version::genesis(ch, &entry, storage, time);
        Self { entry, top, own: None, repeated: Vec::new(), handed: None, taken: 0, hand: None, hands: 0 }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.top.nano.steps_left == 0
    }

    /// No step of mine is out that the peer may still take.
    pub(crate) fn is_free(&self) -> bool {
        self.own.as_ref().is_none_or(|own| own.refused.is_some())
    }

    /// What a proposal to close it names (protocol 1.4(12)).
    pub(crate) fn cur(&self) -> B256 {
        self.top.nano.struct_hash()
    }
}

impl Instance {
    pub(crate) fn new(ch: B256, nid: B256, me: Side, terms: NanoTerms, deal: Deal, until: u64) -> Self {
        Self {
            ch,
            nid,
            me,
            terms,
            deal,
            until,
            wants_close: false,
            forced: None,
            authorised: None,
            closed: false,
            prepared: Vec::new(),
            live: None,
            memory: InstanceMemory::default(),
        }
    }

    /// This party's part of a split.
    pub(crate) fn share(&self, da: Amount) -> Amount {
        match self.me {
            Side::A => da,
            Side::B => self.terms.total.saturating_sub(da),
        }
    }

    pub(crate) fn is_me(&self, mover: u8) -> bool {
        usize::from(mover) == self.me.index()
    }

    /// Nothing is waited for.
    pub(crate) fn rests(&self) -> bool {
        let quiet = |live: &Live| live.own.is_none() && live.hand.is_none() && !live.is_over();
        self.deal == Deal::Open && !self.wants_close && !self.closed && self.live.as_ref().is_some_and(quiet)
    }
}
