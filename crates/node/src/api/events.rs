//! `GET /v1/events` and `POST /v1/events/ack`

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, Sent, limit};
use super::{Api, Shared, money};
use crate::engine::journal::{Entry, JournalReader, Numbered, Read};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response, sse};
use futures::{Stream, StreamExt as _, stream};
use perunika_apps::App;
use perunika_client::types::{Ack, ChannelId, ErrorCode, Event, EventKind, EventQuery, Page, Party, Reference, Scope};
use perunika_core::{Address, B256, io};
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Events that a stream takes from the store at once.
const BATCH: usize = 256;
/// A stream without news shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn read() -> Endpoint {
    let summary = "What happened: a stream of server-sent events, or with `Accept: application/json` a page.";
    Endpoint::get("/v1/events", summary, events)
        .needs(Scope::Read)
        .query::<EventQuery>()
        .answers::<Page<Event>>()
        .streams::<Event>()
}

pub(super) fn acknowledge() -> Endpoint {
    let summary = "Acknowledges events, which are then forgotten, for all who read them.";
    Endpoint::post("/v1/events/ack", summary, ack).needs(Scope::Events).takes::<Ack>().answers::<Ack>()
}

async fn events(State(api): Shared, headers: HeaderMap, Asked(asked): Asked<EventQuery>) -> Result<Response, ApiError> {
    let last = headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
    let last = last.map(|id| id.ok_or_else(|| ApiError::bad_request("`Last-Event-ID` is not a number of an event")));
    let after = last.transpose()?.or(asked.after);
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/json") && !accepts.contains("text/event-stream") {
        let limit = limit(asked.limit)?;
        let journal = api.engine.journal();
        let found = journal.read(&api.store, after, limit)?;
        let more =
            found.events.last().is_some_and(|(cursor, ..)| found.events.len() == limit && *cursor < journal.newest());
        let items: Vec<Event> = show_all(&api, found);
        let next = items.last().filter(|_| more).map(|event| event.cursor.to_string());
        return Ok(Json(Page { items, next }).into_response());
    }
    let closing = api.closing.clone();
    let stream = follow(&api, after).take_until(closing.cancelled_owned());
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

async fn ack(State(api): Shared, Sent { wish, .. }: Sent<Ack>) -> Result<Json<Ack>, ApiError> {
    if wish.cursor > api.engine.journal().newest() {
        return Err(ApiError::new(ErrorCode::BadRequest, "there is no event with this number yet"));
    }
    Ok(Json(Ack { cursor: api.engine.acknowledge(wish.cursor).await? }))
}

/// Everything behind `after`, then whatever happens. A stream does not keep the node's folder busy: it holds nothing while it
/// waits.
fn follow(api: &Arc<Api>, after: Option<u64>) -> impl Stream<Item = Result<sse::Event, Infallible>> + use<> {
    let start = (Arc::downgrade(api), api.engine.journal(), after);
    stream::unfold(start, |(weak, mut journal, mut after)| async move {
        loop {
            let events = read_some(&weak, &journal, after)?;
            if let Some(last) = events.last() {
                let frames: Vec<_> = events.iter().map(frame).collect();
                return Some((stream::iter(frames), (weak, journal, Some(last.cursor))));
            }
            let seen = after.unwrap_or_else(|| journal.newest());
            after = Some(seen);
            if !journal.wait(seen).await {
                return None;
            }
        }
    })
    .flatten()
}

/// None: the node is gone.
fn read_some(api: &Weak<Api>, journal: &JournalReader, after: Option<u64>) -> Option<Vec<Event>> {
    let api = api.upgrade()?;
    let found = journal.read(&api.store, after, BATCH).ok()?;
    Some(show_all(&api, found))
}

fn frame(event: &Event) -> Result<sse::Event, Infallible> {
    let frame = sse::Event::default().id(event.cursor.to_string()).event(event.kind.name());
    // INVARIANT: an event serialises.
    Ok(frame.json_data(event).unwrap_or_default())
}

fn show_all(api: &Api, read: Read) -> Vec<Event> {
    let time_ms = read.events.first().map(|(_, time_ms, _)| *time_ms).unwrap_or_default();
    let gap = read.gap.map(|(from, to)| Event { cursor: to, time_ms, kind: EventKind::Gap { from, to } });
    gap.into_iter().chain(read.events.into_iter().filter_map(|event| show(api, event))).collect()
}

/// What happened to a nanocontract; `None` of bytes for applications, which no event tells of.
fn nano(id: impl Fn(B256) -> ChannelId, event: io::Event) -> Option<EventKind> {
    Some(match event {
        io::Event::NanoOffered { ch, nid, terms, until } => EventKind::NanoOffered {
            id: id(ch),
            nid,
            app: App::of(terms.code_hash).map(|app| app.name().to_string()),
            code_hash: terms.code_hash,
            total: terms.total.into(),
            stake_a: terms.da0.into(),
            first: Party::of(terms.mover0),
            until,
        },
        io::Event::NanoOpen { ch, nid } => EventKind::NanoOpen { id: id(ch), nid },
        io::Event::NanoDeclined { ch, nid, reason } => EventKind::NanoDeclined { id: id(ch), nid, reason },
        io::Event::NanoStepped { ch, nid, ver, by, input, forced } => {
            let (input, by) = (input.into(), Party::of(by));
            EventKind::NanoStepped { id: id(ch), nid, version: ver, by, input, forced }
        }
        io::Event::NanoTurn { ch, nid, deadline } => EventKind::NanoTurn { id: id(ch), nid, deadline },
        io::Event::NanoHanded { ch, nid, input, share } => {
            EventKind::NanoHanded { id: id(ch), nid, input: input.into(), share: share.into() }
        }
        io::Event::NanoMustEnd { ch, nid, deadline } => EventKind::NanoMustEnd { id: id(ch), nid, deadline },
        io::Event::NanoCloseAsked { ch, nid } => EventKind::NanoCloseAsked { id: id(ch), nid },
        io::Event::NanoClosed { ch, nid, da } => EventKind::NanoClosed { id: id(ch), nid, a_got: da.into() },
        _ => return None,
    })
}

fn show(api: &Api, (cursor, time_ms, entry): Numbered) -> Option<Event> {
    let (event, asset) = match entry {
        Entry::Transaction(name, hash, failure) => {
            return Some(Event { cursor, time_ms, kind: EventKind::Transaction { name, hash, failure } });
        }
        Entry::Core(event) => (event, Address::ZERO),
        Entry::InAsset(asset, event) => (event, asset),
    };
    let id = |ch: B256| -> ChannelId { api.id(ch, asset) };
    let kind = match event {
        io::Event::ChannelOpen(ch) => EventKind::ChannelOpen { id: id(ch) },
        io::Event::ChannelClosed { ch } => EventKind::ChannelClosed { id: id(ch) },
        io::Event::Received { ch, ver, amount, share, reference } => EventKind::PaymentReceived {
            id: id(ch),
            version: ver,
            amount: amount.into(),
            share: share.into(),
            reference: Reference::new(reference),
        },
        io::Event::Receipted { receipt, sig, signer } => {
            EventKind::ReceiptReceived { receipt: money::receipt(id(receipt.ch), receipt, sig, signer)? }
        }
        io::Event::DepositsCounted { ch, deposits } => {
            EventKind::DepositsCounted { id: id(ch), deposits: deposits.map(Into::into) }
        }
        io::Event::Withdrawn { ch, side, amount } => {
            EventKind::Withdrawn { id: id(ch), party: Party::of(side), amount: amount.into() }
        }
        io::Event::VirtualOpen(vc) => EventKind::VirtualOpen { id: id(vc) },
        io::Event::VirtualClosed { vc, out_a } => EventKind::VirtualClosed { id: id(vc), out_a: out_a.map(Into::into) },
        io::Event::VirtualRenewed { old, new } => EventKind::VirtualRenewed { old: id(old), new: id(new) },
        io::Event::Dispute { ch, ver } => EventKind::Dispute { id: id(ch), version: ver },
        io::Event::Misbehaved { peer, reason } => EventKind::Misbehaved { peer, reason },
        event => nano(id, event)?,
    };
    Some(Event { cursor, time_ms, kind })
}
