//! Who may call, and what is said to wrong calls.

use super::support;
use perunika_client::types::{ErrorBody, Fetch, OpenChannel, Serve, Source, Wei};
use perunika_client::{Client, ClientError, fresh_key};
use perunika_core::{Address, B256};
use perunika_node::daemon::{self, NodeError, Options};
use perunika_node::folder::Folder;
use support::{PASSWORD, World};

pub fn refusal(error: ClientError) -> (u16, String, String) {
    match error {
        ClientError::Refused { status, code, message } => (status, code, message),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_calls_get_one_clear_sentence() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    assert!(node.api.health().await.unwrap().ok);
    let info = node.api.info().await.unwrap();
    assert_eq!((info.chain, info.adjudicator), (world.domain.chain_id, world.domain.adjudicator));
    assert_eq!(info.balance, Some(Wei(100 * support::ETH)));

    let stranger = Client::new(&node.node.api_url(), "wrong");
    assert_eq!(refusal(stranger.info().await.unwrap_err()).0, 401);
    assert!(stranger.health().await.is_ok());
    assert_eq!(refusal(node.api.channel(B256::ZERO).await.unwrap_err()).0, 404);
    assert_eq!(refusal(node.api.job("no").await.unwrap_err()).0, 404);
    let (status, code, message) = refusal(node.api.add_peer("nonsense").await.unwrap_err());
    assert_eq!((status, code.as_str()), (400, "bad_request"));
    assert!(message.contains("host:port"), "{message}");

    let body = OpenChannel {
        peer: Address::repeat_byte(1),
        asset: Address::ZERO,
        amount: Wei(1),
        peer_amount: Wei(0),
        lane: 0,
        from: Some(Source::Wallet),
        peer_sends: false,
        wait_s: None,
    };
    assert_eq!(refusal(node.api.open_channel(&body, "").await.unwrap_err()).0, 400);
    assert_eq!(refusal(node.api.open_channel(&body, &fresh_key()).await.unwrap_err()).0, 502);
    let fetch = Fetch { offer: "perunika2x".into(), output: "/tmp/x".into(), channel: None, renew_fee_max: None };
    assert_eq!(refusal(node.api.fetch(&fetch, &fresh_key()).await.unwrap_err()).0, 400);
    let serve = Serve { path: "relative".into(), price: Wei(1), asset: Address::ZERO, chunk_bytes: 1 };
    assert_eq!(refusal(node.api.serve(&serve).await.unwrap_err()).0, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_prevents_a_start_is_said_in_one_sentence() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    let folder = Folder::new(node.folder.path());
    let twice = daemon::run(&folder, PASSWORD, Options::default()).await.unwrap_err();
    assert!(twice.to_string().contains("already open"), "{twice}");
    node.node.shutdown().await.unwrap();

    let wrong = daemon::run(&folder, "wrong", Options::default()).await.unwrap_err();
    assert!(matches!(wrong, NodeError::Keystore(_)), "{wrong}");
    let nowhere = Options { rpc_url: Some("http://127.0.0.1:1".into()), ..Options::default() };
    let nowhere = daemon::run(&folder, PASSWORD, nowhere).await.unwrap_err();
    assert!(matches!(nowhere, NodeError::Chain(_)), "{nowhere}");
    let text = std::fs::read_to_string(folder.config()).unwrap();
    std::fs::write(folder.config(), text.replace("chain_id = ", "chain_id = 9")).unwrap();
    let other = daemon::run(&folder, PASSWORD, Options::default()).await.unwrap_err();
    assert!(other.to_string().contains("has the id"), "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_json_with_a_code_and_a_sentence() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    let big = format!("{{\"address\":\"{}\"}}", "x".repeat(70_000));
    let id = B256::ZERO;
    let cases: &[(&str, &str, &str, &str, u16, &str)] = &[
        ("GET", "/nothing", "", "", 404, "not_found"),
        ("GET", "/v1/nothing", "", "", 404, "not_found"),
        ("POST", "/v1/info", "application/json", "{}", 405, "method_not_allowed"),
        ("DELETE", "/openapi.json", "", "", 405, "method_not_allowed"),
        ("POST", "/v1/peers", "application/json", &big, 413, "too_large"),
        ("POST", "/v1/peers", "text/plain", "{\"address\":\"x\"}", 415, "unsupported_media_type"),
        ("POST", "/v1/peers", "", "{\"address\":\"x\"}", 415, "unsupported_media_type"),
        ("POST", "/v1/peers", "application/json", "{\"address\":\"\u{fffd}", 400, "bad_request"),
        ("POST", "/v1/peers", "application/json; charset=utf-8", "", 400, "bad_request"),
        ("GET", "/v1/channels?limit=0", "", "", 400, "bad_request"),
        ("GET", "/v1/channels?limit=1001", "", "", 400, "bad_request"),
        ("GET", "/v1/channels?limit=x", "", "", 400, "bad_request"),
        ("GET", "/v1/channels?after=x", "", "", 400, "bad_request"),
        ("GET", "/v1/channels?color=red", "", "", 400, "bad_request"),
        ("GET", "/v1/channels?limit=1&limit=2", "", "", 400, "bad_request"),
        ("GET", "/v1/peers?after=0x00", "", "", 400, "bad_request"),
        ("GET", "/v1/jobs/%ff", "", "", 400, "bad_request"),
        ("GET", "/v1/channels/%ff", "", "", 400, "bad_request"),
        ("GET", "/v1/channels/0x12", "", "", 400, "bad_request"),
        ("GET", "/v1/events?after=-1", "", "", 400, "bad_request"),
        ("POST", "/v1/events/ack", "application/json", "{\"cursor\":999}", 400, "bad_request"),
    ];
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path, kind, body, status, code) in cases {
        let method: reqwest::Method = method.parse().unwrap();
        let mut request = http.request(method, format!("{}{path}", node.node.api_url())).bearer_auth(node.node.token());
        if !kind.is_empty() {
            request = request.header("content-type", *kind);
        }
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), *status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        if *status == 405 {
            assert!(response.headers().contains_key("allow"), "{path}");
        }
        let body: ErrorBody = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!((body.error.code.as_str(), body.error.message.is_empty()), (*code, false), "{path}");
    }
    // Bytes that are no text, in a header and in a body.
    let url = format!("{}/v1/channels/{id}/pay", node.node.api_url());
    let request = http.post(&url).bearer_auth(node.node.token()).header("content-type", "application/json");
    let response = request.body(vec![0xff, 0xfe]).send().await.unwrap();
    assert!([400, 404].contains(&response.status().as_u16()));
    let token = reqwest::header::HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    let response = http.get(node.node.api_url() + "/v1/info").header("authorization", token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
}

/// The document and the running router know the same calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_served_and_true() {
    let world = World::new(1).await;
    let node = world.start(0, false).await;
    let document = node.api.openapi().await.unwrap();
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&committed).unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let known = operations.get(method).is_some();
            let url = node.node.api_url() + &path.replace("{id}", "none");
            let verb: reqwest::Method = method.to_uppercase().parse().unwrap();
            let status = http.request(verb, url).send().await.unwrap().status().as_u16();
            let open = known && operations[method].get("security").is_none();
            let expected = if !known {
                405
            } else if open {
                200
            } else {
                401
            };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}
