//! Calls that move money happen once, however often they are sent.
//!
//! The key is durable before the call does anything, its answer as soon as it is known. A key whose answer is missing after
//! a restart belongs to a call that may or may not have happened: its result is `unknown`.

use super::auth::Caller;
use super::error::ApiError;
use crate::tasks::Tasks;
use alloy_primitives::keccak256;
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use perunika_client::types::{Done, ErrorCode, Outcome};
use perunika_core::B256;
use perunika_store::{Store, StoreError, WriteBatch};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::timeout;

const HEADER: &str = "idempotency-key";
const KEY_MAX: usize = 128;
/// Where the calls are, by key.
const CALLS: &[u8] = b"api/key/";
/// The same, by time.
const TIMES: &[u8] = b"api/old/";
/// How long a call is remembered, seconds.
const KEPT_S: u64 = 7 * 86_400;
/// Most old calls that a new one forgets, so that their number falls and no call takes long.
const FORGOTTEN_MAX: usize = 4;

/// The answer to a call, as it was first given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    pub(super) fn ok(body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status: 200, body },
            Err(error) => Self::refusal(&ApiError::internal(error.to_string())),
        }
    }

    pub(super) fn refusal(error: &ApiError) -> Self {
        let body = serde_json::to_string(&error.body()).unwrap_or_default();
        Self { status: error.status().as_u16(), body }
    }

    /// For a call that is answered with [`Done`].
    pub(super) fn unknown(reason: &str) -> Self {
        let reason = Some(reason.to_string());
        Self::ok(&Done {
            result: Outcome::Unknown,
            nid: None,
            id: None,
            version: None,
            countersigned: None,
            receipt: None,
            reason,
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    call: B256,
    answer: Option<Answer>,
    /// When it was made, seconds since 1970 by the node's clock.
    at: u64,
}

type Running = HashMap<String, (B256, watch::Receiver<Option<Answer>>)>;

/// What is known of earlier calls.
#[derive(Clone)]
pub(super) struct Idempotency {
    store: Store,
    tasks: Tasks,
    running: Arc<Mutex<Running>>,
    clock: fn() -> u64,
}

/// The key of a call. Each token has keys of its own.
pub(super) fn key(headers: &HeaderMap, caller: &Caller) -> Result<String, ApiError> {
    let key = headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if key.is_empty() || key.len() > KEY_MAX {
        let message =
            format!("a call that moves money needs the header `Idempotency-Key` of 1 to {KEY_MAX} characters");
        return Err(ApiError::bad_request(message));
    }
    Ok(match &caller.token {
        Some(token) => format!("{token}\n{key}"),
        None => key.to_string(),
    })
}

impl Idempotency {
    pub(super) fn new(store: Store, tasks: Tasks) -> Self {
        Self { store, tasks, running: Arc::default(), clock: wall_s }
    }

    /// Runs `work` unless a call with this key did already, and waits for its answer for a while. The work goes on when the
    /// caller goes away.
    pub(super) async fn once<F>(
        &self,
        key: String,
        (path, body): (&str, &[u8]),
        (wait, unknown): (Duration, fn(&str) -> Answer),
        work: F,
    ) -> Result<Answer, ApiError>
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let call = call_hash(path, body);
        let mut answer = match self.claim(&key, call, unknown)? {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Running(answer) => answer,
            Claim::Mine(sender, answer) => {
                self.tasks.spawn_to_end(self.clone().run(key, call, sender, work));
                answer
            }
        };
        let known = timeout(wait, answer.wait_for(Option::is_some)).await;
        match known {
            Ok(Ok(answer)) => answer.clone().ok_or_else(|| ApiError::internal("an answer vanished")),
            Ok(Err(_)) => Err(ApiError::internal("the call could not be recorded and was not made")),
            Err(_) => Ok(unknown("it is not done yet; the same call with the same key tells later")),
        }
    }

    fn claim(&self, key: &str, call: B256, unknown: fn(&str) -> Answer) -> Result<Claim, ApiError> {
        let other = || ApiError::new(ErrorCode::Conflict, "this idempotency key was used for another call");
        let mut running = self.running();
        if let Some((known, answer)) = running.get(key) {
            return if *known == call { Ok(Claim::Running(answer.clone())) } else { Err(other()) };
        }
        if let Some(bytes) = self.store.get(&store_key(key))? {
            let record: Record = postcard::from_bytes(&bytes).map_err(|error| ApiError::internal(error.to_string()))?;
            if record.call != call {
                return Err(other());
            }
            let lost = || unknown("the node stopped before the result was known; look at the channel");
            return Ok(Claim::Answered(record.answer.unwrap_or_else(lost)));
        }
        let (sender, answer) = watch::channel(None);
        running.insert(key.to_string(), (call, answer.clone()));
        Ok(Claim::Mine(sender, answer))
    }

    async fn run(
        self,
        key: String,
        call: B256,
        sender: watch::Sender<Option<Answer>>,
        work: impl Future<Output = Answer> + Send,
    ) {
        let at = (self.clock)();
        if self.begin(&key, Record { call, answer: None, at }).await.is_ok() {
            let answer = work.await;
            // If this write fails the node stops, and the answer after its restart is `unknown`.
            let _ = self.store.commit(put(&key, &Record { call, answer: Some(answer.clone()), at })).await;
            sender.send_replace(Some(answer));
        }
        self.running().remove(&key);
    }

    /// Remembers a call that begins, and forgets some that are too old.
    async fn begin(&self, key: &str, record: Record) -> Result<(), StoreError> {
        let mut batch = put(key, &record).put(time_key(record.at, &store_key(key)), []);
        let oldest = self.store.scan_after(TIMES, &[], FORGOTTEN_MAX)?;
        for (time, _) in oldest {
            let Some((at, name)) = time[TIMES.len()..].split_first_chunk::<8>() else { continue };
            if u64::from_be_bytes(*at).saturating_add(KEPT_S) < record.at {
                batch = batch.delete([CALLS, name].concat()).delete(time.clone());
            }
        }
        self.store.commit(batch).await
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Claim {
    Answered(Answer),
    Running(watch::Receiver<Option<Answer>>),
    Mine(watch::Sender<Option<Answer>>, watch::Receiver<Option<Answer>>),
}

/// Which call it is. How long the caller waits does not change what is done.
fn call_hash(path: &str, body: &[u8]) -> B256 {
    let body = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.remove("wait_s");
            serde_json::Value::Object(fields).to_string().into_bytes()
        }
        _ => body.to_vec(),
    };
    keccak256([path.as_bytes(), b"\n", &body].concat())
}

fn put(key: &str, record: &Record) -> WriteBatch {
    WriteBatch::new().put(store_key(key), postcard::to_stdvec(record).unwrap_or_default())
}

fn store_key(key: &str) -> Vec<u8> {
    [CALLS, keccak256(key).as_slice()].concat()
}

fn time_key(at: u64, call: &[u8]) -> Vec<u8> {
    [TIMES, &at.to_be_bytes(), &call[CALLS.len()..]].concat()
}

fn wall_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const WAIT: (Duration, fn(&str) -> Answer) = (Duration::from_secs(30), Answer::unknown);

    fn answer(text: &str) -> Answer {
        Answer { status: 200, body: text.into() }
    }

    #[tokio::test]
    async fn the_same_key_and_body_give_the_same_answer_once() {
        let calls = Idempotency::new(Store::in_memory().unwrap(), Tasks::default());
        let runs = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            let runs = Arc::clone(&runs);
            let work = async move { answer(&runs.fetch_add(1, Ordering::SeqCst).to_string()) };
            assert_eq!(calls.once("k".into(), ("/p", b"b"), WAIT, work).await.unwrap(), answer("0"));
        }
        let other = calls.once("k".into(), ("/p", b"c"), WAIT, async { answer("x") }).await.unwrap_err();
        assert_eq!(other.status(), StatusCode::CONFLICT);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_waits_longer_makes_the_same_call() {
        let short = call_hash("/p", br#"{"amount":"5","wait_s":1}"#);
        assert_eq!(short, call_hash("/p", br#"{"amount":"5"}"#));
        assert_ne!(short, call_hash("/p", br#"{"amount":"6","wait_s":1}"#));
        assert_ne!(short, call_hash("/q", br#"{"amount":"5","wait_s":1}"#));
    }

    #[tokio::test]
    async fn what_takes_long_is_unknown_and_then_known() {
        let calls = Idempotency::new(Store::in_memory().unwrap(), Tasks::default());
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            let _ = wait.await;
            answer("late")
        };
        let first = calls.once("k".into(), ("/p", b""), (Duration::ZERO, Answer::unknown), work).await.unwrap();
        assert!(first.body.contains("unknown"));
        go.send(()).unwrap();
        let second = calls.once("k".into(), ("/p", b""), WAIT, async { answer("again") }).await.unwrap();
        assert_eq!(second, answer("late"));
    }

    #[tokio::test]
    async fn a_call_that_a_crash_interrupted_is_unknown_and_not_repeated() {
        let store = Store::in_memory().unwrap();
        let calls = Idempotency::new(store.clone(), Tasks::default());
        let call = keccak256(b"/p\nb");
        calls.begin("k", Record { call, answer: None, at: 1 }).await.unwrap();
        let after = Idempotency::new(store, Tasks::default());
        let answer = after.once("k".into(), ("/p", b"b"), WAIT, async { answer("twice") }).await.unwrap();
        assert!(answer.body.contains("unknown"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_call_is_forgotten_after_a_week_and_not_before() {
        let store = Store::in_memory().unwrap();
        let mut calls = Idempotency::new(store.clone(), Tasks::default());
        calls.clock = || 1_000;
        for key in 0..3 {
            calls.once(key.to_string(), ("/p", b""), WAIT, async { answer("x") }).await.unwrap();
        }
        calls.clock = || 1_000 + KEPT_S;
        calls.once("3".into(), ("/p", b""), WAIT, async { answer("x") }).await.unwrap();
        assert_eq!(store.scan_prefix(CALLS).unwrap().len(), 4);
        calls.clock = || 1_001 + KEPT_S;
        calls.once("4".into(), ("/p", b""), WAIT, async { answer("x") }).await.unwrap();
        assert_eq!(store.scan_prefix(CALLS).unwrap().len(), 2);
        assert_eq!(store.scan_prefix(TIMES).unwrap().len(), 2);
        assert_eq!(calls.once("0".into(), ("/p", b""), WAIT, async { answer("y") }).await.unwrap(), answer("y"));
    }
}
