//! One task for each connection, from its first byte to its last.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use futures::{
    AsyncReadExt as _, AsyncWriteExt as _,
    io::{BufReader, ReadHalf, WriteHalf},
};
use libp2p::Stream;
use prost::bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

use crate::{
    BULK_MAX, Class, NetEvent, PeerKey, Reason, Timing,
    credit::Allowance,
    driver::Note,
    frame::{Alive, Body, Close, FRAGMENT_SIZE, FRAME_MAX, Fragment, read_frame},
    handle::Inbox,
    handshake::{Greeted, Link, Remote, Shared, greet, lost},
    places,
};

/// How much is written at once, so that many small messages cost one system call.
const WRITE_SIZE: usize = 64 << 10;
/// How long to wait for the last words to get through.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// Greets the peer, serves the session if there is one, and reports the end to the driver.
pub(crate) async fn run(
    shared: std::sync::Arc<Shared>,
    remote: Remote,
    stream: Stream,
    mut stop: oneshot::Receiver<Reason>,
) {
    let mut link = Link::new(stream);
    let handshake_max = shared.config.timing.handshake_max;
    let greeted = tokio::select! {
        greeted = timeout(handshake_max, greet(&shared, &mut link, &remote)) => {
            greeted.unwrap_or(Err(Reason::HandshakeTimeout(handshake_max)))
        }
        reason = &mut stop => Err(reason.unwrap_or(Reason::ShuttingDown)),
    };
    let ended = match greeted {
        Ok(greeted) => Some(serve(&shared, &remote, &mut link, greeted, stop).await),
        Err(reason) => {
            refuse(&shared, &remote, &mut link, reason).await;
            None
        }
    };
    // Without a driver nobody needs to know.
    let _ = shared.notes.send(Note::Ended { connection: remote.connection, lived: ended }).await;
}

async fn refuse(shared: &Shared, remote: &Remote, link: &mut Link, reason: Reason) {
    if !matches!(reason, Reason::Duplicate | Reason::Replaced | Reason::ShuttingDown) {
        // Strangers must not be able to fill the queue.
        let _ = shared.events.try_send(NetEvent::Refused { addr: remote.addr.clone(), reason: reason.clone() });
    }
    if let Some(close) = farewell(&reason) {
        let mut bytes = Vec::new();
        close.write_to(&mut bytes);
        let _ = timeout(FAREWELL_MAX, last_words(link, &bytes)).await;
    }
}

fn farewell(reason: &Reason) -> Option<Body> {
    let duplicate = *reason == Reason::Duplicate;
    reason.told().map(|reason| Body::Close(Close { reason, duplicate }))
}

/// Writes, then waits until the peer has closed too, which shows that it has read.
async fn last_words(link: &mut Link, bytes: &[u8]) -> std::io::Result<()> {
    link.writer.write_all(bytes).await?;
    link.writer.close().await?;
    drain(&mut link.reader).await
}

async fn drain(reader: &mut BufReader<ReadHalf<Stream>>) -> std::io::Result<()> {
    let mut sink = [0; 4 << 10];
    while reader.read(&mut sink).await? > 0 {}
    Ok(())
}

/// A live session. Returns how long it lived.
async fn serve(
    shared: &Shared,
    remote: &Remote,
    link: &mut Link,
    greeted: Greeted,
    stop: oneshot::Receiver<Reason>,
) -> Duration {
    let Greeted { key, features, inbox } = greeted;
    let begin = Instant::now();
    tracing::debug!(peer = %key, addr = %remote.addr, "session begins");
    // A failure to send an event means that the application is gone; the reader finds that out and ends the session.
    let _ = shared.events.send(NetEvent::Connected { peer: key, features }).await;
    let reason = talk(shared, remote, link, key, inbox, stop).await;
    shared.registry.close(key, remote.connection);
    tracing::debug!(peer = %key, %reason, "session ends");
    if let Reason::Misbehaved(what) = &reason {
        let _ = shared.events.send(NetEvent::PeerMisbehaved { peer: key, reason: what.clone() }).await;
    }
    let _ = shared.events.send(NetEvent::Disconnected { peer: key, reason: reason.clone() }).await;
    if farewell(&reason).is_some() {
        let _ = timeout(FAREWELL_MAX, drain(&mut link.reader)).await;
    }
    begin.elapsed()
}

/// Reads and writes until something ends it.
async fn talk(
    shared: &Shared,
    remote: &Remote,
    link: &mut Link,
    key: PeerKey,
    inbox: Inbox,
    mut stop: oneshot::Receiver<Reason>,
) -> Reason {
    let timing = &shared.config.timing;
    let pulse = Pulse::new();
    let (halt, halted) = oneshot::channel();
    let first = Body::Places(places::ours(&shared.config.announce, &shared.listening));
    let mut writing = std::pin::pin!(write_all_frames(&mut link.writer, first, inbox, halted, timing));
    let reason = tokio::select! {
        reason = read_all_frames(shared, remote, &mut link.reader, key, &pulse) => reason,
        reason = pulse.stops(timing.silence_max) => reason,
        reason = &mut stop => reason.unwrap_or(Reason::ShuttingDown),
        reason = &mut writing => return reason,
    };
    if let Some(close) = farewell(&reason) {
        // The writer may be in the middle of a frame: it alone can say goodbye in one piece.
        let _ = halt.send(close);
        let _ = timeout(FAREWELL_MAX, writing).await;
    }
    reason
}

async fn read_all_frames(
    shared: &Shared,
    remote: &Remote,
    reader: &mut BufReader<ReadHalf<Stream>>,
    key: PeerKey,
    pulse: &Pulse,
) -> Reason {
    let mut bulk = Assembly::default();
    let mut told = false;
    let allowance = Allowance::new();
    loop {
        let body = match read_frame(reader, FRAME_MAX).await {
            Ok(body) => body,
            Err(error) => return error.into(),
        };
        let (class, bytes) = match body {
            Body::Control(bytes) => (Class::Control, bytes.into()),
            Body::Bulk(fragment) => match bulk.add(fragment) {
                Ok(Some(bytes)) => (Class::Bulk, bytes),
                Ok(None) => {
                    pulse.beat();
                    continue;
                }
                Err(what) => return Reason::Misbehaved(what),
            },
            Body::Alive(_) => {
                pulse.beat();
                continue;
            }
            Body::Close(close) => return close.into(),
            Body::Places(_) if told => return Reason::Misbehaved("its places for a second time".into()),
            Body::Places(theirs) => {
                told = true;
                match places::theirs(key, remote.ip, &theirs) {
                    Ok(places) if places.is_empty() => {}
                    Ok(places) => {
                        let _ = shared.notes.send(Note::Places { key, places: places.clone() }).await;
                        let event = NetEvent::Places { peer: key, places };
                        if pulse.while_busy(shared.events.send(event)).await.is_err() {
                            return Reason::ShuttingDown;
                        }
                    }
                    Err(what) => return Reason::Misbehaved(what),
                }
                continue;
            }
            Body::Hello(_) | Body::Accept(_) => return Reason::Misbehaved("a second handshake".into()),
        };
        let deliver = async {
            let credit = allowance.take(bytes.len()).await;
            shared.events.send(NetEvent::Message { peer: key, class, bytes, credit }).await
        };
        if pulse.while_busy(deliver).await.is_err() {
            return Reason::ShuttingDown;
        }
    }
}

/// Puts a bulk payload together.
#[derive(Default)]
struct Assembly {
    bytes: Vec<u8>,
}

impl Assembly {
    fn add(&mut self, Fragment { piece, last }: Fragment) -> Result<Option<Vec<u8>>, String> {
        let length = self.bytes.len() + piece.len();
        if length > BULK_MAX {
            return Err(format!("a bulk message of more than {BULK_MAX} bytes"));
        }
        if piece.is_empty() && !last {
            return Err("an empty fragment in the middle of a bulk message".into());
        }
        self.bytes.extend_from_slice(&piece);
        Ok(last.then(|| std::mem::take(&mut self.bytes)))
    }
}

/// When the peer was last heard.
struct Pulse {
    begin: Instant,
    heard_ms: AtomicU64,
    /// The application is slow; the peer cannot be heard because we do not listen.
    busy: AtomicBool,
}

impl Pulse {
    fn new() -> Self {
        Self { begin: Instant::now(), heard_ms: AtomicU64::new(0), busy: AtomicBool::new(false) }
    }

    fn beat(&self) {
        let now_ms = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now_ms, Relaxed);
    }

    async fn while_busy<T>(&self, work: impl Future<Output = T>) -> T {
        self.busy.store(true, Relaxed);
        let done = work.await;
        self.beat();
        self.busy.store(false, Relaxed);
        done
    }

    /// Returns once the peer has been silent for `silence_max`.
    async fn stops(&self, silence_max: Duration) -> Reason {
        loop {
            let deadline = self.begin + Duration::from_millis(self.heard_ms.load(Relaxed)) + silence_max;
            if Instant::now() >= deadline {
                if !self.busy.load(Relaxed) {
                    return Reason::Silent(silence_max);
                }
                tokio::time::sleep(silence_max).await;
            } else {
                sleep_until(deadline.into()).await;
            }
        }
    }
}

/// Sends what is queued, control before bulk, until told to close or unable to go on.
async fn write_all_frames(
    writer: &mut WriteHalf<Stream>,
    first: Body,
    inbox: Inbox,
    mut halted: oneshot::Receiver<Body>,
    timing: &Timing,
) -> Reason {
    let Inbox { mut control, bulk } = inbox;
    let mut bulk = Fragments { queue: bulk, current: VecDeque::new() };
    let mut alive = interval(timing.alive_every);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = Vec::new();
    let mut first = Some(first);
    loop {
        out.clear();
        if let Some(first) = first.take() {
            first.write_to(&mut out);
        }
        let last = tokio::select! {
            biased;
            close = &mut halted => close.ok(),
            Some(bytes) = control.recv() => {
                Body::Control(bytes.into()).write_to(&mut out);
                None
            }
            _ = alive.tick() => {
                Body::Alive(Alive {}).write_to(&mut out);
                None
            }
            fragment = bulk.next() => {
                Body::Bulk(fragment).write_to(&mut out);
                None
            }
        };
        let closing = last.is_some();
        add_waiting(&mut control, &mut out, if closing { usize::MAX } else { WRITE_SIZE });
        if let Some(close) = last {
            close.write_to(&mut out);
        }
        match timeout(timing.silence_max, put(writer, &out, closing)).await {
            Ok(Ok(())) if closing => return Reason::ShuttingDown,
            Ok(Ok(())) => {}
            Ok(Err(error)) => return lost(error),
            Err(_) => return Reason::NotReading(timing.silence_max),
        }
    }
}

async fn put(writer: &mut WriteHalf<Stream>, bytes: &[u8], close: bool) -> std::io::Result<()> {
    writer.write_all(bytes).await?;
    if close { writer.close().await } else { writer.flush().await }
}

/// Adds control messages that wait already.
fn add_waiting(control: &mut mpsc::Receiver<Vec<u8>>, out: &mut Vec<u8>, size: usize) {
    while out.len() < size {
        let Ok(bytes) = control.try_recv() else { break };
        Body::Control(bytes.into()).write_to(out);
    }
}

/// Bulk payloads, piece by piece.
struct Fragments {
    queue: mpsc::Receiver<Vec<u8>>,
    current: VecDeque<Fragment>,
}

impl Fragments {
    /// Safe to drop while it waits. Waits for ever once the queue is closed.
    async fn next(&mut self) -> Fragment {
        if self.current.is_empty() {
            let Some(bytes) = self.queue.recv().await else { return std::future::pending().await };
            self.current = cut(bytes.into());
        }
        match self.current.pop_front() {
            Some(fragment) => fragment,
            None => std::future::pending().await,
        }
    }
}

/// At least one fragment, the last one marked.
fn cut(mut bytes: Bytes) -> VecDeque<Fragment> {
    let mut fragments = VecDeque::new();
    while bytes.len() > FRAGMENT_SIZE {
        fragments.push_back(Fragment { piece: bytes.split_to(FRAGMENT_SIZE), last: false });
    }
    fragments.push_back(Fragment { piece: bytes, last: true });
    fragments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_is_cut_and_put_together() {
        for size in [0, 1, FRAGMENT_SIZE, FRAGMENT_SIZE + 1, BULK_MAX] {
            let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let fragments = cut(bytes.clone().into());
            assert_eq!(fragments.len(), size.div_ceil(FRAGMENT_SIZE).max(1));
            let mut assembly = Assembly::default();
            let whole: Vec<_> = fragments.into_iter().filter_map(|fragment| assembly.add(fragment).unwrap()).collect();
            assert_eq!(whole, [bytes]);
        }
    }

    #[test]
    fn an_endless_bulk_message_is_the_senders_fault() {
        let mut assembly = Assembly::default();
        let piece = Bytes::from(vec![0; FRAGMENT_SIZE]);
        for _ in 0..BULK_MAX / FRAGMENT_SIZE {
            assert_eq!(assembly.add(Fragment { piece: piece.clone(), last: false }), Ok(None));
        }
        assert!(assembly.add(Fragment { piece: Bytes::from_static(b"x"), last: true }).is_err());
        assert!(Assembly::default().add(Fragment { piece: Bytes::new(), last: false }).is_err());
    }
}
