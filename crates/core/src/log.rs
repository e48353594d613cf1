//! The update rules of one object (protocol 1.4): what I accepted, what I signed, what is still open.

use crate::body::{Body, Change, Invalid};
use crate::message::LinkOp;
use crate::mutant::{duty, guard};
use crate::params::Side;
use crate::sig::Signature;
use crate::signed::{Amount, MAX_VERSION};
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest step of a version that is accepted (protocol 1.4(2), R-29).
pub const MAX_JUMP: u64 = 1 << 16;
/// Most stream items beyond the payee's last durable acknowledgement (protocol 1.4(10)).
pub const MAX_ITEMS: usize = 1 << 10;
/// How far a payee jumps to break into a stream (protocol 1.4(10)).
pub const BREAK_IN: u64 = 1 << 12;

/// A Body with the signatures that are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The content.
    pub body: Body,
    /// Signature of A, of B.
    pub sigs: [Option<Signature>; 2],
}

/// A signature of mine above my top co-signed state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// The content that I signed.
    pub body: Body,
    /// My signature.
    pub sig: Signature,
    /// How it was sent, to send it again to the letter.
    pub kind: OwnKind,
}

/// In which kind of message a signature of mine left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnKind {
    /// A stream item.
    Item {
        /// Version that it starts from.
        base: u64,
    },
    /// A pre-signature.
    Presign(LinkOp),
    /// A proposal.
    Propose {
        /// Hash of the State that it starts from.
        base: B256,
        /// Its changes.
        ops: Vec<LinkOp>,
    },
    /// Version 1 of a virtual channel.
    Start,
}

impl Own {
    /// The changes that it proposes.
    pub fn ops(&self) -> Vec<LinkOp> {
        match &self.kind {
            OwnKind::Presign(op) => Vec::from([*op]),
            OwnKind::Propose { ops, .. } => ops.clone(),
            OwnKind::Item { .. } | OwnKind::Start => Vec::new(),
        }
    }

    /// A stream item, as opposed to a proposal.
    pub fn is_item(&self) -> bool {
        matches!(self.kind, OwnKind::Item { .. })
    }
}

/// Why something that the peer sent is not accepted. None of these changes any state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It is not newer than what was signed already.
    #[error("the version is not above everything that was signed")]
    OldVersion,
    /// The version belongs to the other party or jumps too far.
    #[error("the version is not one that this party may propose")]
    BadVersion,
    /// The proposal starts from another state than mine.
    #[error("the base is not the newest state")]
    WrongBase,
    /// My share would fall.
    #[error("the share of the accepting party falls")]
    ShareFalls,
    /// Not a valid signature of the peer over the derived state.
    #[error("the signature does not fit")]
    BadSignature,
    /// The contract would refuse it.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The object is frozen (protocol 1.4(12)).
    #[error("the channel is frozen")]
    Frozen,
}

/// What became of an accepted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    New,
    /// It was known; answer again.
    Known,
}

/// The update state of one channel, seen by one party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateLog {
    /// Which side I am.
    pub me: Side,
    top: Signed,
    item: Option<Signed>,
    own: Vec<Own>,
    my_high: u64,
    peer_high: u64,
    acked: u64,
    frozen: bool,
}

impl UpdateLog {
    /// How many versions above everything that was signed can still be used.
    pub fn versions_left(&self) -> u64 {
        MAX_VERSION - self.my_high.max(self.peer_high).max(self.cur().body.ver)
    }

    /// Whether the accepted State holds locks.
    pub fn holds_locks(&self) -> bool {
        !self.cur().body.locks.is_empty()
    }

    /// Starts at the constant version 0.
    pub fn new(me: Side, genesis: Body) -> Self {
        let top = Signed { body: genesis, sigs: [None, None] };
        Self { me, top, item: None, own: Vec::new(), my_high: 0, peer_high: 0, acked: 0, frozen: false }
    }

    /// The newest state that both signed (version 0 needs no signature).
    pub fn top(&self) -> &Signed {
        &self.top
    }

    /// The newest state that I accepted, with the signatures that I hold (protocol 1.4(2)).
    pub fn cur(&self) -> &Signed {
        self.item.as_ref().unwrap_or(&self.top)
    }

    /// My signatures above the top, lowest version first.
    pub fn own(&self) -> &[Own] {
        &self.own
    }

    /// The accepted item that I have not countersigned.
    pub fn item(&self) -> Option<&Signed> {
        self.item.as_ref()
    }

    /// No signature is unanswered on either side.
    pub fn quiet(&self) -> bool {
        self.own.is_empty() && self.item.is_none()
    }

    /// Everything outstanding of mine is a stream (or nothing is).
    pub fn only_items(&self) -> bool {
        self.own.iter().all(Own::is_item)
    }

    /// Number of my items beyond the peer's last durable acknowledgement.
    pub fn items_ahead(&self) -> usize {
        self.own.iter().filter(|o| o.is_item() && o.body.ver > self.acked).count()
    }

    /// Whether the peer acknowledged this item as durable.
    pub fn is_acked(&self, ver: u64) -> bool {
        self.acked >= ver
    }

    /// Highest version that carries my signature.
    pub fn my_high(&self) -> u64 {
        self.my_high
    }

    /// Highest version that carries a valid signature of the peer.
    pub fn peer_high(&self) -> u64 {
        self.peer_high
    }

    /// Whether the object is frozen.
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// Sign nothing and accept nothing from now on (protocol 1.4(12)).
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Ends a freeze that came from a Close which can no longer be used.
    pub fn thaw(&mut self) {
        self.frozen = false;
    }

    /// The newest Body that carries my signature, or `cur`: what a new item starts from.
    pub fn newest(&self) -> Body {
        self.own.last().map_or_else(|| self.cur().body.clone(), |o| o.body.clone())
    }

    /// Every Body that the chain could still accept against me: top, cur and all that I signed above (protocol 1.4(2)).
    pub fn enforceable(&self) -> Vec<Body> {
        let own = self.own.iter().map(|o| o.body.clone());
        [Some(self.top.body.clone()), self.item.as_ref().map(|i| i.body.clone())]
            .into_iter()
            .flatten()
            .chain(own)
            .collect()
    }

    /// Whether `holds` is true in every enforceable state: then it is firm (protocol 1.4(2), S68).
    pub fn firm(&self, holds: impl Fn(&Body) -> bool) -> bool {
        self.enforceable().iter().all(holds)
    }

    /// My smallest share over all enforceable states.
    pub fn least_share(&self) -> Amount {
        self.enforceable().iter().map(|b| b.share(self.me)).min().unwrap_or_default()
    }

    /// What I can enforce alone: I can refute whatever is below cur, but not what I signed above it.
    pub fn secured_share(&self) -> Amount {
        let cur = &self.cur().body;
        let above = self.own.iter().filter(|o| o.body.ver > cur.ver).map(|o| o.body.share(self.me));
        above.fold(cur.share(self.me), Amount::min)
    }

    /// My largest share over all enforceable states.
    pub fn greatest_share(&self) -> Amount {
        self.enforceable().iter().map(|b| b.share(self.me)).max().unwrap_or_default()
    }

    /// The lowest version that `side` may use above everything that either party signed.
    pub fn next_version(&self, side: Side) -> u64 {
        side.next_version(self.my_high.max(self.peer_high).max(self.cur().body.ver))
    }

    /// The next version for a proposal of mine: a payee breaks in far above a running stream (protocol 1.4(10)).
    pub fn proposal_version(&self) -> u64 {
        let above = self.my_high.max(self.peer_high).max(self.cur().body.ver);
        let peer_streams =
            self.own.is_empty() && self.cur().body.ver > 1 && Side::of_version(self.cur().body.ver) != self.me;
        self.me.next_version(if peer_streams { above + BREAK_IN } else { above })
    }

    /// The version of a pre-signature: the lowest above `cur` with the parity of `proposer` (protocol 2.3 lock).
    pub fn presign_version(&self, proposer: Side) -> u64 {
        proposer.next_version(self.cur().body.ver)
    }

    /// Records a signature that I am about to release.
    pub fn signed(&mut self, body: Body, sig: Signature, kind: OwnKind) {
        self.my_high = self.my_high.max(body.ver);
        self.own.push(Own { body, sig, kind });
    }

    /// Countersigns the accepted item: it becomes the top.
    pub fn countersigned(&mut self, sig: Signature) {
        if let Some(mut item) = self.item.take() {
            item.sigs[self.me.index()] = Some(sig);
            self.my_high = self.my_high.max(item.body.ver);
            self.set_top(item);
        }
    }

    /// The peer's durable acknowledgement: items below it need not be kept one by one.
    pub fn acknowledged(&mut self, ver: u64) {
        if ver > self.my_high || Side::of_version(ver) != self.me || ver <= self.acked {
            return;
        }
        self.acked = ver;
        self.own.retain(|o| !o.is_item() || o.body.ver >= ver);
    }

    /// A stream item of the peer (protocol 1.4(10)).
    pub fn accept_item(
        &mut self,
        ver: u64,
        def_a: Amount,
        sig: Signature,
        verify: impl Fn(&Body, &Signature) -> bool,
    ) -> Result<Accepted, Refused> {
        if self.cur().body.ver == ver && self.cur().body.def_a == def_a {
            return Ok(Accepted::Known);
        }
        self.check_version(ver)?;
        let next = self.cur().body.with(ver, &Change::Split(def_a))?;
        if !guard!("1.4.10-share", next.share(self.me) >= self.cur().body.share(self.me)) {
            return Err(Refused::ShareFalls);
        }
        if !guard!("1.4.10-signature", verify(&next, &sig)) {
            return Err(Refused::BadSignature);
        }
        self.peer_high = ver;
        self.set_item(next, sig);
        Ok(Accepted::New)
    }

    /// Checks a proposal of the peer and gives the Body to countersign (protocol 1.4(2)).
    pub fn check_proposal(
        &self,
        base: B256,
        ver: u64,
        change: &Change,
        sig: &Signature,
        verify: impl Fn(&Body, &Signature) -> bool,
    ) -> Result<Body, Refused> {
        self.check_version(ver)?;
        if !guard!("1.4.2-base", base == self.cur().body.hash()) {
            return Err(Refused::WrongBase);
        }
        let next = self.cur().body.with(ver, change)?;
        if guard!("1.4.2-signature", verify(&next, sig)) { Ok(next) } else { Err(Refused::BadSignature) }
    }

    /// A proposal of the peer that I countersign now.
    pub fn accept_proposal(&mut self, next: Body, theirs: Signature, mine: Signature) {
        let ver = next.ver;
        let mut sigs = [Some(theirs); 2];
        sigs[self.me.index()] = Some(mine);
        self.peer_high = self.peer_high.max(ver);
        self.my_high = self.my_high.max(ver);
        self.set_top(Signed { body: next, sigs });
    }

    /// Notes that the peer validly signed `ver`, so that I never propose at or below it.
    pub fn peer_signed(&mut self, ver: u64) {
        self.peer_high = self.peer_high.max(ver);
    }

    /// A countersignature on a version of mine. False if it changes nothing (protocol 1.4(2), S68).
    pub fn accept_answer(
        &mut self,
        ver: u64,
        sig: Signature,
        verify: impl Fn(&Body, &Signature) -> bool,
    ) -> Result<bool, Refused> {
        let Some(own) = self.own.iter().find(|o| o.body.ver == ver).cloned() else { return Ok(false) };
        let body = own.body;
        if !guard!("1.4.2-answer-signature", verify(&body, &sig)) {
            return Err(Refused::BadSignature);
        }
        self.peer_high = self.peer_high.max(ver);
        if !guard!("1.4.2-below-cur", ver > self.cur().body.ver) {
            return Ok(false);
        }
        let mut sigs = [Some(sig); 2];
        sigs[self.me.index()] = Some(own.sig);
        self.set_top(Signed { body, sigs });
        Ok(true)
    }

    fn check_version(&self, ver: u64) -> Result<(), Refused> {
        if !guard!("1.4.12-frozen-log", !self.frozen) {
            return Err(Refused::Frozen);
        }
        let theirs = guard!("1.4.1-parity", Side::of_version(ver) != self.me);
        if !theirs || !guard!("1.4.1-last-version-peer", ver < MAX_VERSION) {
            return Err(Refused::BadVersion);
        }
        let above_mine = guard!("1.4.2-above-own", ver > self.my_high);
        let above_theirs = guard!("1.4.2-above-peer", ver > self.peer_high);
        if !above_mine || !above_theirs || !guard!("1.4.2-above-cur", ver > self.cur().body.ver) {
            return Err(Refused::OldVersion);
        }
        let floor = self.my_high.max(self.peer_high).max(self.cur().body.ver);
        if !guard!("1.4.2-jump", ver.saturating_sub(floor) <= MAX_JUMP) {
            return Err(Refused::BadVersion);
        }
        Ok(())
    }

    fn set_item(&mut self, body: Body, sig: Signature) {
        let ver = body.ver;
        let mut sigs = [None, None];
        sigs[self.me.other().index()] = Some(sig);
        self.item = Some(Signed { body, sigs });
        self.void_below(ver);
    }

    fn set_top(&mut self, top: Signed) {
        let ver = top.body.ver;
        self.top = top;
        self.item = None;
        self.void_below(ver);
    }

    /// What I signed at or below `cur` is void: nobody can register it any more that I could not refute.
    fn void_below(&mut self, cur: u64) {
        self.own.retain(|o| !duty!("1.4.2-void-below", o.body.ver <= cur));
    }
}
