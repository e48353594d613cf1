//! Requests to the API, through the router and everything behind it.

use super::rig::{PATIENCE, TOKEN, runtime, start, store};
use super::spoken::{PEOPLE, told};
use crate::{Seed, Source, block};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use std::future::poll_fn;
use tower_service::Service;

/// Most requests of one run.
const REQUESTS_MAX: usize = 4;
const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::HEAD, Method::OPTIONS];
/// They read and write files of this machine where the owner asks for it.
const WITH_FILES: [&str; 2] = ["/v1/serve", "/v1/fetch"];

/// Which of the tokens a request shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    Root,
    Wrong,
}

/// Every answer is an answer: nothing panics, and no fault is the node's own.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    let at = source.below(told().disks.len());
    let runtime = runtime();
    let store = store(Some(at), []);
    runtime.block_on(async {
        let rig = start(store, at % PEOPLE).await.expect("what the story wrote can be read");
        let mut accepted = false;
        for _ in 0..REQUESTS_MAX {
            if source.is_empty() {
                break;
            }
            if let Some(request) = request(&mut source) {
                accepted |= answered(rig.router.clone(), request).await;
            }
        }
        rig.stop().await;
        accepted
    })
}

fn request(source: &mut Source<'_>) -> Option<Request<Body>> {
    let method = source.pick(&METHODS)?.clone();
    let token = match source.u8() % 8 {
        0 => Token::None,
        1 => Token::Wrong,
        _ => Token::Root,
    };
    let path = String::from_utf8_lossy(source.block()).into_owned();
    let (name, value, body) = (source.block(), source.block(), source.block().to_vec());
    // A path with escapes may be one of these too.
    let touches_files = WITH_FILES.iter().any(|with| path.starts_with(with)) || path.contains('%');
    let mut request = Request::builder().method(method).uri(path);
    match token {
        Token::Root if !touches_files => request = request.header("authorization", format!("Bearer {TOKEN}")),
        Token::Wrong => request = request.header("authorization", "Bearer 01234567_89"),
        _ => {}
    }
    request = request.header("content-type", "application/json").header("idempotency-key", "k");
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        request = request.header(name, value);
    }
    request.body(Body::from(body)).ok()
}

async fn answered(mut router: Router, request: Request<Body>) -> bool {
    let called = async {
        poll_fn(|context| Service::<Request<Body>>::poll_ready(&mut router, context)).await.expect("always ready");
        router.call(request).await.expect("every refusal is an answer")
    };
    let Ok(response) = tokio::time::timeout(PATIENCE, called).await else { return false };
    let status = response.status();
    assert_ne!(status.as_u16(), 500, "the node blames itself");
    // Streams of events have no end.
    let whole = tokio::time::timeout(PATIENCE, axum::body::to_bytes(response.into_body(), usize::MAX)).await;
    if let Ok(Ok(bytes)) = whole
        && status.is_client_error()
        && !bytes.is_empty()
    {
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(), "a refusal that is no JSON");
    }
    status.is_success()
}

/// What the owner is shown under a path.
pub(super) async fn get(router: &Router, path: &str) -> bool {
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {TOKEN}")).body(Body::empty());
    answered(router.clone(), request.expect("a sound request")).await
}

fn seed(method: u8, path: &str, body: &str) -> Vec<u8> {
    [&[method, 2][..], &block(path.as_bytes()), &block(b"accept"), &block(b"*/*"), &block(body.as_bytes())].concat()
}

pub(super) fn seeds() -> Vec<Seed> {
    let (ch, vc) = (told().links[0], told().vc);
    let peer = told().people[1].key_address();
    let get = [
        "/v1/health",
        "/v1/ready",
        "/openapi.json",
        "/v1/info",
        "/v1/peers",
        "/v1/channels?limit=1",
        "/v1/virtual",
        "/metrics",
        "/v1/offers",
        "/v1/jobs",
        "/v1/transactions",
        "/v1/events?after=0&limit=5&wait=0",
        "/v1/tokens",
        "/v1/nanos",
    ];
    let mut seeds: Vec<Seed> = get
        .iter()
        .enumerate()
        .map(|(at, path)| (format!("get_{at}"), [&[4][..], &seed(0, path, "")].concat()))
        .collect();
    for (name, path) in [
        ("channel", format!("/v1/channels/{ch}")),
        ("virtual", format!("/v1/virtual/{vc}")),
        ("evidence", format!("/v1/virtual/{vc}/evidence")),
        ("nanos", format!("/v1/channels/{ch}/nanos")),
    ] {
        seeds.push((format!("get_{name}"), [&[3][..], &seed(0, &path, "")].concat()));
    }
    let post = [
        (
            "open",
            "/v1/channels".to_owned(),
            format!(r#"{{"peer":"{peer}","deposit":"5","peer_deposit":"0","lane":1}}"#),
        ),
        (
            "pay",
            format!("/v1/channels/{ch}/pay"),
            r#"{"amount":"1000","countersigned":true,"reference":"6869"}"#.into(),
        ),
        ("close", format!("/v1/channels/{ch}/close"), r#"{"force":true}"#.into()),
        (
            "open_virtual",
            "/v1/virtual".into(),
            format!(r#"{{"path":["{peer}"],"stake":"5","peer_stake":"0","fee_max":"9"}}"#),
        ),
        ("quote", "/v1/quotes".into(), format!(r#"{{"path":["{peer}"],"stake":"5","term":60}}"#)),
        ("peer", "/v1/peers".into(), format!(r#"{{"address":"{peer}@h:1"}}"#)),
        ("token", "/v1/tokens".into(), r#"{"name":"a","scopes":["read","pay"],"per_day":"5","peers":[]}"#.into()),
        ("acknowledge", "/v1/events/ack".into(), r#"{"cursor":3}"#.into()),
    ];
    for (name, path, body) in post {
        seeds.push((name.to_owned(), [&[3][..], &seed(1, &path, &body), &seed(0, "/v1/info", "")].concat()));
    }
    seeds
}
