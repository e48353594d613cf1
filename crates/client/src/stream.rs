//! Server-sent events.

use crate::ClientError;
use crate::http::root_cause;
use crate::types::Event;
use futures::{Stream, stream};
use std::collections::VecDeque;

/// Longest event that is read, bytes.
const EVENT_MAX: usize = 1 << 16;

/// The events of an answer, until it ends.
pub(crate) fn events(base: String, response: reqwest::Response) -> impl Stream<Item = Result<Event, ClientError>> {
    let start = Some((base, response, Frames::default()));
    stream::unfold(start, |state| async move {
        let (base, mut response, mut frames) = state?;
        loop {
            if let Some(data) = frames.ready.pop_front() {
                let event = serde_json::from_str::<Event>(&data);
                let event =
                    event.map_err(|error| ClientError::Unreadable { url: base.clone(), reason: error.to_string() });
                let next = event.is_ok().then_some((base, response, frames));
                return Some((event, next));
            }
            match response.chunk().await {
                Ok(Some(bytes)) => {
                    if let Err(reason) = frames.take(&bytes) {
                        return Some((Err(ClientError::Unreadable { url: base, reason }), None));
                    }
                }
                Ok(None) => return None,
                Err(error) => {
                    let reason = root_cause(&error);
                    return Some((Err(ClientError::Unreachable { url: base, reason }), None));
                }
            }
        }
    })
}

/// Puts the bytes together again.
#[derive(Default)]
struct Frames {
    buffer: Vec<u8>,
    data: String,
    ready: VecDeque<String>,
}

impl Frames {
    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.buffer.extend_from_slice(bytes);
        let mut lines = self.buffer.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        // What follows the last line's end is not complete.
        self.buffer = lines.pop().unwrap_or_default();
        for line in lines {
            let line = String::from_utf8(line).map_err(|_| "an event is not UTF-8".to_string())?;
            self.line(line.trim_end_matches('\r'));
        }
        if self.buffer.len() + self.data.len() > EVENT_MAX {
            return Err(format!("an event has more than {EVENT_MAX} bytes"));
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.ready.extend((!data.is_empty()).then_some(data));
        } else if let Some(data) = line.strip_prefix("data:") {
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_from_any_pieces() {
        let text = b": heartbeat\n\nid: 1\nevent: x\ndata: {\"a\":1}\n\nid: 2\r\ndata:{}\r\n\r\ndata: {\"half";
        for size in 1..text.len() {
            let mut frames = Frames::default();
            text.chunks(size).for_each(|piece| frames.take(piece).unwrap());
            assert_eq!(frames.ready, ["{\"a\":1}", "{}"], "{size}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_collected_for_ever() {
        let mut frames = Frames::default();
        assert!((0..200).try_for_each(|_| frames.take(&[b'x'; 1_000])).is_err());
    }
}
