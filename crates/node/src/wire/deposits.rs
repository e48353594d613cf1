//! Deposits: how they are paid, and what changes which of them are counted.

use super::proto::{self, Kind};
use super::{BadMessage, amount, bytes, read};
use perunika_core::B256;
use perunika_core::funding::Funding;
use perunika_core::message::{Consent, LinkOp, Message};
use perunika_core::params::Side;
use perunika_core::signed::Adjust;

/// Most bytes of an owner's signature: 64 of a key, more of a contract (ERC-1271).
pub(super) const CONSENT_MAX: usize = 2_048;

pub(super) fn write_consent(consent: &Consent) -> proto::Consent {
    proto::Consent { not_after: consent.not_after, funding: consent.funding.encode() }
}

pub(super) fn read_consent(m: &proto::Consent) -> Result<Consent, BadMessage> {
    Ok(Consent { not_after: read::time("not_after", m.not_after)?, funding: read_funding(&m.funding)? })
}

/// As the contract takes it. The owner of the other side does not send the call, so a signature is there in every way.
fn read_funding(bytes: &[u8]) -> Result<Funding, BadMessage> {
    let (way, rest) = bytes.split_first().ok_or_else(|| BadMessage("`funding` is empty".into()))?;
    match way {
        0 => Ok(Funding::Sender { consent: signed(rest)? }),
        1 => Ok(Funding::Vault { consent: signed(rest)? }),
        2 => Ok(Funding::Allowance { consent: signed(rest)? }),
        3 => {
            let (permit, consent) = rest.split_at(rest.len().min(64));
            Ok(Funding::Permit { permit: read::signature("permit", permit)?, consent: signed(consent)? })
        }
        4 => Ok(Funding::Authorisation { sig: read::signature("funding", rest)? }),
        5 => {
            let (nonce, sig) = rest.split_at(rest.len().min(32));
            Ok(Funding::Permit2 { nonce: read::hash("nonce", nonce)?, sig: signed(sig)? })
        }
        other => Err(BadMessage(format!("`funding` is of way {other}, known are 0 to 5"))),
    }
}

fn signed(consent: &[u8]) -> Result<Vec<u8>, BadMessage> {
    if consent.is_empty() {
        return Err(BadMessage("`funding` has no signature of the owner".into()));
    }
    read::at_most("bytes of a signature in `funding`", consent.len(), CONSENT_MAX)?;
    Ok(consent.to_vec())
}

/// `None` for a change of something else.
pub(super) fn write_op(op: &LinkOp) -> Option<proto::LinkOp> {
    match op {
        LinkOp::Count { deposits: [dep_a, dep_b] } => {
            let count = Some(proto::Count { dep_a: amount(*dep_a), dep_b: amount(*dep_b) });
            Some(proto::LinkOp { removal: 6, count, ..proto::LinkOp::default() })
        }
        LinkOp::Uncount { side, amount: much, receiver, seq, not_after } => {
            let uncount = proto::Uncount {
                side: u32::from(*side == Side::B),
                amount: amount(*much),
                receiver: bytes(receiver),
                seq: u32::from(*seq),
                not_after: *not_after,
            };
            Some(proto::LinkOp { removal: 7, uncount: Some(uncount), ..proto::LinkOp::default() })
        }
        _ => None,
    }
}

/// `None` for a change of something else.
pub(super) fn read_op(m: &proto::LinkOp) -> Result<Option<LinkOp>, BadMessage> {
    let bad = |text: &str| Err(BadMessage(text.into()));
    match (m.removal, &m.count, &m.uncount) {
        (_, Some(_), Some(_)) => return bad("`count` and `uncount` stand in one change, both"),
        (6, None, _) => return bad("`count` is missing"),
        (7, _, None) => return bad("`uncount` is missing"),
        (6 | 7, ..) => {}
        (_, None, None) => return Ok(None),
        _ => return bad("`count` or `uncount` stands in a change that has no use for it"),
    }
    let fields = [("vc", &m.vc), ("out_a", &m.out_a), ("next", &m.next)];
    if let Some((name, _)) = fields.into_iter().find(|(_, field)| !field.is_empty()) {
        return Err(BadMessage(format!("`{name}` stands in a change of deposits")));
    }
    if let Some(count) = &m.count {
        let deposits = [read::amount("dep_a", &count.dep_a)?, read::amount("dep_b", &count.dep_b)?];
        return Ok(Some(LinkOp::Count { deposits }));
    }
    m.uncount.as_ref().map(read_uncount).transpose()
}

fn read_uncount(m: &proto::Uncount) -> Result<LinkOp, BadMessage> {
    Ok(LinkOp::Uncount {
        side: side(m.side)?,
        amount: read::amount("amount", &m.amount)?,
        receiver: read::address("receiver", &m.receiver)?,
        seq: read::u16("seq", m.seq)?,
        not_after: read::time("not_after", m.not_after)?,
    })
}

fn side(side: u32) -> Result<Side, BadMessage> {
    read::at_most("side", side as usize, 1)?;
    Ok(if side == 0 { Side::A } else { Side::B })
}

pub(super) fn write_adjust(adjust: &Adjust) -> proto::Adjust {
    proto::Adjust {
        id: bytes(adjust.id),
        seq: u32::from(adjust.seq),
        side: u32::from(adjust.side),
        amount: amount(adjust.amount),
        receiver: bytes(adjust.receiver),
        ver: adjust.ver,
        not_after: adjust.not_after,
    }
}

pub(super) fn read_adjusting(kind: Kind) -> Result<Message, BadMessage> {
    match kind {
        Kind::AdjustAsk(m) => Ok(Message::AdjustAsk { ch: read::hash("ch", &m.id)? }),
        Kind::AdjustSig(m) => {
            Ok(Message::AdjustSig { adjust: read_adjust(&m.adjust)?, sig: read::signature("sig", &m.sig)? })
        }
        _ => Err(super::unknown()),
    }
}

fn read_adjust(m: &proto::Adjust) -> Result<Adjust, BadMessage> {
    let id: B256 = read::hash("id", &m.id)?;
    Ok(Adjust {
        id,
        seq: read::u16("seq", m.seq)?,
        side: u8::from(side(m.side)? == Side::B),
        amount: read::amount("amount", &m.amount)?,
        receiver: read::address("receiver", &m.receiver)?,
        ver: read::version("ver", m.ver)?,
        not_after: read::time("not_after", m.not_after)?,
    })
}
