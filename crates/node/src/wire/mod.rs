//! What peers say, as bytes: [`Message`] to protobuf and back, with a bound on every field (S45).
//!
//! What decoding refuses, it refuses in words that name the field.

mod deposits;
mod nano;
mod places;
mod proto;
mod read;
#[cfg(test)]
mod tests;

use perunika_core::message::{LinkOp, Message, Note, Removal, Renews, Terms};
use perunika_core::params::{ChannelParams, MAX_LINKS, MAX_LOCKS, Party, VirtualParams};
use perunika_core::signed::{Amount, Close, MAX_REFERENCE};
pub use places::{PLACES_MAX, Received, encode_with, places, receive, where_is};
use proto::Kind;

/// Most bytes of an application message; with its frame it stays below the transport's largest payload.
pub const APP_MAX: usize = (1 << 20) - 64;
/// Most bytes of a reason in words.
pub const REASON_MAX: usize = 512;
/// Most changes in one proposal.
pub const OPS_MAX: usize = 256;
/// Most participants of a virtual channel.
const PATH_MAX: usize = MAX_LINKS + 1;

/// Bytes that are no message, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(pub(crate) String);

/// The bytes of a message. A reason that is too long is cut.
pub fn encode(message: &Message) -> Vec<u8> {
    encode_with(message, &[])
}

/// The message behind the bytes, if it is within all bounds.
pub fn decode(bytes: &[u8]) -> Result<Message, BadMessage> {
    match receive(bytes)? {
        Received::Message(message, _) => Ok(message),
        _ => Err(BadMessage("places instead of a message".into())),
    }
}

fn decode_kind(kind: Kind) -> Result<Message, BadMessage> {
    match kind {
        Kind::ChannelOffer(_)
        | Kind::ChannelAsk(_)
        | Kind::ChannelInfo(_)
        | Kind::ChannelAgreed(_)
        | Kind::ChannelConsent(_) => read_opening(kind),
        Kind::Item(_)
        | Kind::Ack(_)
        | Kind::Accept(_)
        | Kind::Refuse(_)
        | Kind::Presign(_)
        | Kind::Propose(_)
        | Kind::PaymentReceipt(_)
        | Kind::ReceiptAsk(_) => read_update(kind),
        Kind::CloseAsk(_) | Kind::CloseSig(_) | Kind::VcCloseAsk(_) | Kind::FinalSigs(_) => read_ending(kind),
        Kind::AdjustAsk(_) | Kind::AdjustSig(_) => deposits::read_adjusting(kind),
        Kind::NanoOffer(_) | Kind::NanoAgree(_) | Kind::NanoDecline(_) => nano::read_opening(kind),
        Kind::NanoStep(_) | Kind::NanoAccept(_) | Kind::NanoRefuse(_) | Kind::NanoHand(_) | Kind::NanoTaken(_) => {
            nano::read_playing(kind)
        }
        _ => read_virtual(kind),
    }
}

fn bytes(value: impl AsRef<[u8]>) -> Vec<u8> {
    value.as_ref().to_vec()
}

fn amount(value: Amount) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn cut(reason: &str) -> String {
    let mut end = reason.len().min(REASON_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_string()
}

fn write(message: &Message) -> Kind {
    match message {
        Message::ChannelOffer { params, nonce, dep_a, dep_b } => Kind::ChannelOffer(proto::ChannelOffer {
            params: write_params(params),
            nonce: *nonce,
            dep_a: amount(*dep_a),
            dep_b: amount(*dep_b),
        }),
        Message::ChannelAsk { asset, lane } => {
            Kind::ChannelAsk(proto::Lane { lane: u32::from(*lane), asset: bytes(asset) })
        }
        Message::ChannelInfo { asset, lane, owner } => {
            Kind::ChannelInfo(proto::ChannelInfo { lane: u32::from(*lane), owner: bytes(owner), asset: bytes(asset) })
        }
        Message::ChannelAgreed { id, consent } => Kind::ChannelAgreed(proto::ChannelAgreed {
            id: bytes(id),
            consent: consent.as_ref().map(deposits::write_consent),
        }),
        Message::ChannelConsent { id, consent } => {
            Kind::ChannelConsent(proto::ChannelConsent { id: bytes(id), consent: deposits::write_consent(consent) })
        }
        Message::Item { ch, ver, base, def_a, sig, cosign, note } => Kind::Item(proto::Item {
            ch: bytes(ch),
            ver: *ver,
            base: *base,
            def_a: amount(*def_a),
            sig: bytes(sig.0),
            cosign: *cosign,
            note: note.as_ref().map(|n| proto::Note { amount: amount(n.amount), reference: n.reference.clone() }),
        }),
        Message::PaymentReceipt { ch, ver, sig } => {
            Kind::PaymentReceipt(proto::SignedVersion { ch: bytes(ch), ver: *ver, sig: bytes(sig.0) })
        }
        Message::ReceiptAsk { ch, ver } => Kind::ReceiptAsk(proto::Version { ch: bytes(ch), ver: *ver }),
        Message::Ack { ch, ver } => Kind::Ack(proto::Version { ch: bytes(ch), ver: *ver }),
        Message::Accept { ch, ver, sig } => {
            Kind::Accept(proto::SignedVersion { ch: bytes(ch), ver: *ver, sig: bytes(sig.0) })
        }
        Message::Refuse { ch, ver, refused, reason } => Kind::Refuse(proto::Refuse {
            ch: bytes(ch),
            ver: *ver,
            refused: refused.iter().map(bytes).collect(),
            reason: cut(reason),
        }),
        Message::Presign { ch, ver, op, sig } => {
            Kind::Presign(proto::Presign { ch: bytes(ch), ver: *ver, op: write_op(op), sig: bytes(sig.0) })
        }
        Message::Propose { ch, ver, base, ops, sig } => Kind::Propose(proto::Propose {
            ch: bytes(ch),
            ver: *ver,
            base: bytes(base),
            ops: ops.iter().map(write_op).collect(),
            sig: bytes(sig.0),
        }),
        Message::App { data } => Kind::App(proto::App { data: data.clone() }),
        Message::AdjustAsk { ch } => Kind::AdjustAsk(proto::Id { id: bytes(ch) }),
        Message::AdjustSig { adjust, sig } => {
            Kind::AdjustSig(Box::new(proto::AdjustSig { adjust: deposits::write_adjust(adjust), sig: bytes(sig.0) }))
        }
        Message::CloseAsk { ch } => Kind::CloseAsk(proto::Id { id: bytes(ch) }),
        Message::CloseSig { close, sig } => {
            Kind::CloseSig(Box::new(proto::CloseSig { close: write_close(close), sig: bytes(sig.0) }))
        }
        other => nano::write(other).unwrap_or_else(|| write_virtual(other)),
    }
}

fn write_virtual(message: &Message) -> Kind {
    match message {
        Message::QuoteAsk { request, path, terms, renews } => Kind::QuoteAsk(proto::QuoteAsk {
            request: bytes(request),
            path: path.iter().map(bytes).collect(),
            terms: write_terms(terms),
            renews: renews.map(|r| proto::Renews { vc: bytes(r.vc), out_a: amount(r.out_a) }),
        }),
        Message::Quote { request, hash, link, fee } => Kind::Quote(proto::Quote {
            request: bytes(request),
            hash: bytes(hash),
            link: link.map(bytes),
            fee: amount(*fee),
        }),
        Message::QuoteRefused { request, reason } => {
            Kind::QuoteRefused(proto::Reasoned { id: bytes(request), reason: cut(reason) })
        }
        Message::VcOpen { params, renews } => {
            Kind::VcOpen(Box::new(proto::VcOpen { params: write_virtual_params(params), renews: renews.map(bytes) }))
        }
        Message::Activate { vc, index, secret } => {
            Kind::Activate(proto::Activate { vc: bytes(vc), index: u32::from(*index), secret: bytes(secret) })
        }
        Message::Abort { vc, reason } => Kind::Abort(proto::Reasoned { id: bytes(vc), reason: cut(reason) }),
        Message::Start { vc, sig } => Kind::Start(proto::Start { vc: bytes(vc), sig: bytes(sig.0) }),
        Message::Receipt { vc, secrets, sigs } => Kind::Receipt(proto::Receipt {
            vc: bytes(vc),
            secrets: secrets.iter().map(bytes).collect(),
            sig_a: bytes(sigs[0].0),
            sig_b: bytes(sigs[1].0),
        }),
        Message::VcCloseAsk { vc } => Kind::VcCloseAsk(proto::Id { id: bytes(vc) }),
        Message::FinalSigs { vc, out_a, sigs } => Kind::FinalSigs(proto::FinalSigs {
            vc: bytes(vc),
            out_a: amount(*out_a),
            sigs: sigs
                .iter()
                .map(|(index, sig)| proto::IndexedSig { index: u32::from(*index), sig: bytes(sig.0) })
                .collect(),
        }),
        // INVARIANT: `write` keeps every other kind for itself, and the round-trip test goes through all of them.
        _ => Kind::App(proto::App { data: Vec::new() }),
    }
}

fn write_params(params: &ChannelParams) -> proto::ChannelParams {
    let party = |p: &Party| proto::Party { owner: bytes(p.owner), key: bytes(p.key) };
    proto::ChannelParams {
        a: party(&params.a),
        b: party(&params.b),
        asset: bytes(params.asset),
        challenge: params.challenge,
        window: params.window,
        k_max: u32::from(params.k_max),
        lane: u32::from(params.lane),
    }
}

fn write_op(op: &LinkOp) -> proto::LinkOp {
    if let Some(op) = deposits::write_op(op) {
        return op;
    }
    let (removal, out_a, next) = match op {
        LinkOp::Add { .. } => (0, Vec::new(), Vec::new()),
        LinkOp::Remove { how: Removal::Initial, .. } => (1, Vec::new(), Vec::new()),
        LinkOp::Remove { how: Removal::Outcome(out_a), .. } => (2, amount(*out_a), Vec::new()),
        LinkOp::Renew { out_a, next, .. } => (3, amount(*out_a), bytes(next)),
        LinkOp::OpenNano { .. } => (4, Vec::new(), Vec::new()),
        LinkOp::CloseNano { cur, .. } => (5, Vec::new(), bytes(cur)),
        // INVARIANT: written above.
        LinkOp::Count { .. } | LinkOp::Uncount { .. } => (u32::MAX, Vec::new(), Vec::new()),
    };
    proto::LinkOp { vc: bytes(op.subject()), removal, out_a, next, ..proto::LinkOp::default() }
}

fn write_close(close: &Close) -> proto::Close {
    proto::Close {
        id: bytes(close.id),
        dep_a: amount(close.dep_a),
        dep_b: amount(close.dep_b),
        out_a: amount(close.out_a),
        total: amount(close.total),
        locks: u32::from(close.locks),
        entries: bytes(close.entries),
        receiver_a: bytes(close.receiver_a),
        receiver_b: bytes(close.receiver_b),
        not_after: close.not_after,
    }
}

fn write_terms(terms: &Terms) -> proto::Terms {
    proto::Terms {
        asset: bytes(terms.asset),
        init_a: amount(terms.init_a),
        init_b: amount(terms.init_b),
        t_exp: terms.t_exp,
        challenge: terms.challenge,
        window: terms.window,
        k_max: u32::from(terms.k_max),
    }
}

fn write_virtual_params(params: &VirtualParams) -> proto::VirtualParams {
    let terms = Terms {
        asset: params.asset,
        init_a: params.init_a,
        init_b: params.init_b,
        t_exp: params.t_exp,
        challenge: params.challenge,
        window: params.window,
        k_max: params.k_max,
    };
    proto::VirtualParams {
        path: params.path.iter().map(bytes).collect(),
        links: params.links.iter().map(bytes).collect(),
        fees: params.fees.iter().map(|fee| amount(*fee)).collect(),
        terms: write_terms(&terms),
        nonce: params.nonce.to_be_bytes().to_vec(),
        hashes: params.hashes.iter().map(bytes).collect(),
    }
}

fn unknown() -> BadMessage {
    BadMessage("a message of an unknown kind".into())
}

fn read_opening(kind: Kind) -> Result<Message, BadMessage> {
    Ok(match kind {
        Kind::ChannelOffer(m) => Message::ChannelOffer {
            params: read_params(&m.params)?,
            nonce: read::time("nonce", m.nonce)?,
            dep_a: read::amount("dep_a", &m.dep_a)?,
            dep_b: read::amount("dep_b", &m.dep_b)?,
        },
        Kind::ChannelAsk(m) => {
            Message::ChannelAsk { asset: read::address("asset", &m.asset)?, lane: read::u16("lane", m.lane)? }
        }
        Kind::ChannelInfo(m) => Message::ChannelInfo {
            asset: read::address("asset", &m.asset)?,
            lane: read::u16("lane", m.lane)?,
            owner: read::address("owner", &m.owner)?,
        },
        Kind::ChannelAgreed(m) => Message::ChannelAgreed {
            id: read::hash("id", &m.id)?,
            consent: m.consent.as_ref().map(deposits::read_consent).transpose()?,
        },
        Kind::ChannelConsent(m) => {
            Message::ChannelConsent { id: read::hash("id", &m.id)?, consent: deposits::read_consent(&m.consent)? }
        }
        _ => return Err(unknown()),
    })
}

fn read_update(kind: Kind) -> Result<Message, BadMessage> {
    Ok(match kind {
        Kind::Item(m) => Message::Item {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            base: read::version("base", m.base)?,
            def_a: read::amount("def_a", &m.def_a)?,
            sig: read::signature("sig", &m.sig)?,
            cosign: m.cosign,
            note: m.note.as_ref().map(read_note).transpose()?,
        },
        Kind::PaymentReceipt(m) => Message::PaymentReceipt {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            sig: read::signature("sig", &m.sig)?,
        },
        Kind::ReceiptAsk(m) => Message::ReceiptAsk { ch: read::hash("ch", &m.ch)?, ver: read::version("ver", m.ver)? },
        Kind::Ack(m) => Message::Ack { ch: read::hash("ch", &m.ch)?, ver: read::version("ver", m.ver)? },
        Kind::Accept(m) => Message::Accept {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            sig: read::signature("sig", &m.sig)?,
        },
        Kind::Refuse(m) => Message::Refuse {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            refused: read::hashes("refused", m.refused, OPS_MAX)?,
            reason: read::text("reason", m.reason)?,
        },
        Kind::Presign(m) => Message::Presign {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            op: read_op(&m.op)?,
            sig: read::signature("sig", &m.sig)?,
        },
        Kind::Propose(m) => Message::Propose {
            ch: read::hash("ch", &m.ch)?,
            ver: read::version("ver", m.ver)?,
            base: read::hash("base", &m.base)?,
            ops: read::list("ops", m.ops, OPS_MAX, |_, op| read_op(op))?,
            sig: read::signature("sig", &m.sig)?,
        },
        _ => return Err(unknown()),
    })
}

fn read_ending(kind: Kind) -> Result<Message, BadMessage> {
    Ok(match kind {
        Kind::CloseAsk(m) => Message::CloseAsk { ch: read::hash("ch", &m.id)? },
        Kind::CloseSig(m) => Message::CloseSig { close: read_close(&m.close)?, sig: read::signature("sig", &m.sig)? },
        Kind::VcCloseAsk(m) => Message::VcCloseAsk { vc: read::hash("vc", &m.id)? },
        Kind::FinalSigs(m) => Message::FinalSigs {
            vc: read::hash("vc", &m.vc)?,
            out_a: read::amount("out_a", &m.out_a)?,
            sigs: read::list("sigs", m.sigs, PATH_MAX, |_, s| {
                Ok((read::index("index", s.index)?, read::signature("sig", &s.sig)?))
            })?,
        },
        _ => return Err(unknown()),
    })
}

fn read_virtual(kind: Kind) -> Result<Message, BadMessage> {
    Ok(match kind {
        Kind::QuoteAsk(m) => Message::QuoteAsk {
            request: read::hash("request", &m.request)?,
            path: read::path(m.path)?,
            terms: read_terms(&m.terms)?,
            renews: m.renews.map(|r| read_renews(&r)).transpose()?,
        },
        Kind::Quote(m) => Message::Quote {
            request: read::hash("request", &m.request)?,
            hash: read::hash("hash", &m.hash)?,
            link: m.link.map(|link| read::hash("link", &link)).transpose()?,
            fee: read::amount("fee", &m.fee)?,
        },
        Kind::QuoteRefused(m) => {
            Message::QuoteRefused { request: read::hash("request", &m.id)?, reason: read::text("reason", m.reason)? }
        }
        Kind::VcOpen(m) => Message::VcOpen {
            params: read_virtual_params(m.params)?,
            renews: m.renews.map(|old| read::hash("renews", &old)).transpose()?,
        },
        Kind::Activate(m) => Message::Activate {
            vc: read::hash("vc", &m.vc)?,
            index: read::index("index", m.index)?,
            secret: read::hash("secret", &m.secret)?.into(),
        },
        Kind::Abort(m) => Message::Abort { vc: read::hash("vc", &m.id)?, reason: read::text("reason", m.reason)? },
        Kind::Start(m) => Message::Start { vc: read::hash("vc", &m.vc)?, sig: read::signature("sig", &m.sig)? },
        Kind::Receipt(m) => Message::Receipt {
            vc: read::hash("vc", &m.vc)?,
            secrets: read::hashes("secrets", m.secrets, PATH_MAX)?.into_iter().map(Into::into).collect(),
            sigs: [read::signature("sig_a", &m.sig_a)?, read::signature("sig_b", &m.sig_b)?],
        },
        Kind::App(m) => {
            read::at_most("bytes of data", m.data.len(), APP_MAX)?;
            Message::App { data: m.data }
        }
        _ => return Err(unknown()),
    })
}

fn read_note(m: &proto::Note) -> Result<Note, BadMessage> {
    if m.reference.is_empty() {
        return Err(BadMessage("`reference` is empty".into()));
    }
    read::at_most("bytes of reference", m.reference.len(), MAX_REFERENCE)?;
    Ok(Note { amount: read::amount("amount", &m.amount)?, reference: m.reference.clone() })
}

fn read_params(m: &proto::ChannelParams) -> Result<ChannelParams, BadMessage> {
    let party = |p: &proto::Party| -> Result<Party, BadMessage> {
        Ok(Party { owner: read::address("owner", &p.owner)?, key: read::address("key", &p.key)? })
    };
    Ok(ChannelParams {
        a: party(&m.a)?,
        b: party(&m.b)?,
        asset: read::address("asset", &m.asset)?,
        challenge: m.challenge,
        window: m.window,
        k_max: read::u16("k_max", m.k_max)?,
        lane: read::u16("lane", m.lane)?,
    })
}

fn read_op(m: &proto::LinkOp) -> Result<LinkOp, BadMessage> {
    if let Some(op) = deposits::read_op(m)? {
        return Ok(op);
    }
    let vc = read::hash("vc", &m.vc)?;
    if !matches!(m.removal, 2 | 3) && !m.out_a.is_empty() {
        return Err(BadMessage("`out_a` stands in a change without an outcome".into()));
    }
    if !matches!(m.removal, 3 | 5) && !m.next.is_empty() {
        return Err(BadMessage("`next` stands in a change that has no use for it".into()));
    }
    match m.removal {
        0 => Ok(LinkOp::Add { vc }),
        1 => Ok(LinkOp::Remove { vc, how: Removal::Initial }),
        2 => Ok(LinkOp::Remove { vc, how: Removal::Outcome(read::amount("out_a", &m.out_a)?) }),
        3 => Ok(LinkOp::Renew { vc, out_a: read::amount("out_a", &m.out_a)?, next: read::hash("next", &m.next)? }),
        4 => Ok(LinkOp::OpenNano { nid: vc }),
        5 => Ok(LinkOp::CloseNano { nid: vc, cur: read::hash("next", &m.next)? }),
        other => Err(BadMessage(format!("`removal` is {other}, known are 0 to 7"))),
    }
}

fn read_close(m: &proto::Close) -> Result<Close, BadMessage> {
    read::at_most("locks", m.locks as usize, MAX_LOCKS)?;
    Ok(Close {
        id: read::hash("id", &m.id)?,
        dep_a: read::amount("dep_a", &m.dep_a)?,
        dep_b: read::amount("dep_b", &m.dep_b)?,
        out_a: read::amount("out_a", &m.out_a)?,
        total: read::amount("total", &m.total)?,
        locks: read::u8("locks", m.locks)?,
        entries: read::hash("entries", &m.entries)?,
        receiver_a: read::address("receiver_a", &m.receiver_a)?,
        receiver_b: read::address("receiver_b", &m.receiver_b)?,
        not_after: read::time("not_after", m.not_after)?,
    })
}

fn read_terms(m: &proto::Terms) -> Result<Terms, BadMessage> {
    Ok(Terms {
        asset: read::address("asset", &m.asset)?,
        init_a: read::amount("init_a", &m.init_a)?,
        init_b: read::amount("init_b", &m.init_b)?,
        t_exp: read::time("t_exp", m.t_exp)?,
        challenge: m.challenge,
        window: m.window,
        k_max: read::u16("k_max", m.k_max)?,
    })
}

fn read_renews(m: &proto::Renews) -> Result<Renews, BadMessage> {
    Ok(Renews { vc: read::hash("vc", &m.vc)?, out_a: read::amount("out_a", &m.out_a)? })
}

fn read_virtual_params(m: proto::VirtualParams) -> Result<VirtualParams, BadMessage> {
    let terms = read_terms(&m.terms)?;
    let params = VirtualParams {
        path: read::path(m.path)?,
        links: read::hashes("links", m.links, MAX_LINKS)?,
        fees: read::list("fees", m.fees, MAX_LINKS, |name, fee| read::amount(name, fee))?,
        asset: terms.asset,
        init_a: terms.init_a,
        init_b: terms.init_b,
        t_exp: terms.t_exp,
        challenge: terms.challenge,
        window: terms.window,
        k_max: terms.k_max,
        nonce: read::u128("nonce", &m.nonce)?,
        hashes: read::hashes("hashes", m.hashes, PATH_MAX)?,
    };
    Ok(params)
}
