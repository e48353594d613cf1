//! The eight messages about nanocontracts.

use super::proto::{self, Kind};
use super::{BadMessage, amount, bytes, cut, read};
use perunika_core::B256;
use perunika_core::message::{Message, NanoTerms};
use perunika_core::nano::{CODE_MAX, INPUT_MAX, STORAGE_MAX};

/// `None` for a message about something else.
pub(super) fn write(message: &Message) -> Option<Kind> {
    Some(match message {
        Message::NanoOffer { ch, nid, terms, code, until } => Kind::NanoOffer(Box::new(proto::NanoOffer {
            nano: name(ch, nid),
            terms: write_terms(terms),
            code: code.clone(),
            until: *until,
        })),
        Message::NanoAgree { ch, nid } => Kind::NanoAgree(name(ch, nid)),
        Message::NanoDecline { ch, nid, reason } => {
            Kind::NanoDecline(proto::NanoDecline { nano: name(ch, nid), reason: cut(reason) })
        }
        Message::NanoStep { ch, nid, ver, input, time, sig } => Kind::NanoStep(proto::NanoStep {
            nano: name(ch, nid),
            ver: *ver,
            input: input.clone(),
            time: *time,
            sig: bytes(sig.0),
        }),
        Message::NanoAccept { ch, nid, ver, sig } => {
            Kind::NanoAccept(proto::NanoAccept { nano: name(ch, nid), ver: *ver, sig: bytes(sig.0) })
        }
        Message::NanoRefuse { ch, nid, ver, reason } => {
            Kind::NanoRefuse(proto::NanoRefuse { nano: name(ch, nid), ver: *ver, reason: cut(reason) })
        }
        Message::NanoHand { ch, nid, count, input } => {
            Kind::NanoHand(proto::NanoHand { nano: name(ch, nid), count: *count, input: input.clone() })
        }
        Message::NanoTaken { ch, nid, count } => {
            Kind::NanoTaken(proto::NanoTaken { nano: name(ch, nid), count: *count })
        }
        _ => return None,
    })
}

/// Opening one: offer, yes, no.
pub(super) fn read_opening(kind: Kind) -> Result<Message, BadMessage> {
    match kind {
        Kind::NanoOffer(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            let (terms, until) = (read_terms(m.terms)?, read::time("until", m.until)?);
            Ok(Message::NanoOffer { ch, nid, terms, code: within("code", m.code, CODE_MAX)?, until })
        }
        Kind::NanoAgree(m) => read_name(&m).map(|(ch, nid)| Message::NanoAgree { ch, nid }),
        Kind::NanoDecline(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            Ok(Message::NanoDecline { ch, nid, reason: read::text("reason", m.reason)? })
        }
        _ => Err(super::unknown()),
    }
}

/// Playing it.
pub(super) fn read_playing(kind: Kind) -> Result<Message, BadMessage> {
    match kind {
        Kind::NanoStep(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            let (ver, time) = (read::version("ver", m.ver)?, read::time("time", m.time)?);
            let (input, sig) = (within("input", m.input, INPUT_MAX)?, read::signature("sig", &m.sig)?);
            Ok(Message::NanoStep { ch, nid, ver, input, time, sig })
        }
        Kind::NanoAccept(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            let (ver, sig) = (read::version("ver", m.ver)?, read::signature("sig", &m.sig)?);
            Ok(Message::NanoAccept { ch, nid, ver, sig })
        }
        Kind::NanoRefuse(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            let (ver, reason) = (read::version("ver", m.ver)?, read::text("reason", m.reason)?);
            Ok(Message::NanoRefuse { ch, nid, ver, reason })
        }
        Kind::NanoHand(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            let (count, input) = (read::version("count", m.count)?, within("input", m.input, INPUT_MAX)?);
            Ok(Message::NanoHand { ch, nid, count, input })
        }
        Kind::NanoTaken(m) => {
            let (ch, nid) = read_name(&m.nano)?;
            Ok(Message::NanoTaken { ch, nid, count: read::version("count", m.count)? })
        }
        _ => Err(super::unknown()),
    }
}

fn name(ch: &B256, nid: &B256) -> proto::Nano {
    proto::Nano { ch: bytes(ch), nid: bytes(nid) }
}

fn read_name(m: &proto::Nano) -> Result<(B256, B256), BadMessage> {
    Ok((read::hash("ch", &m.ch)?, read::hash("nid", &m.nid)?))
}

fn write_terms(terms: &NanoTerms) -> proto::NanoTerms {
    proto::NanoTerms {
        total: amount(terms.total),
        da0: amount(terms.da0),
        mover0: u32::from(terms.mover0),
        code_hash: bytes(terms.code_hash),
        gas: terms.gas,
        k_max: u32::from(terms.k_max),
        storage: terms.storage.clone(),
    }
}

/// A share above the whole or a third party as the mover never reaches the core.
fn read_terms(m: proto::NanoTerms) -> Result<NanoTerms, BadMessage> {
    let (total, da0) = (read::amount("total", &m.total)?, read::amount("da0", &m.da0)?);
    if da0 > total {
        return Err(BadMessage("`da0` is above `total`".into()));
    }
    read::at_most("mover0", m.mover0 as usize, 1)?;
    Ok(NanoTerms {
        total,
        da0,
        mover0: read::u8("mover0", m.mover0)?,
        code_hash: read::hash("code_hash", &m.code_hash)?,
        gas: m.gas,
        k_max: read::u16("k_max", m.k_max)?,
        storage: within("storage", m.storage, STORAGE_MAX)?,
    })
}

fn within(name: &str, data: Vec<u8>, max: usize) -> Result<Vec<u8>, BadMessage> {
    read::at_most(&format!("bytes of {name}"), data.len(), max)?;
    Ok(data)
}
