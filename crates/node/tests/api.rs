//! The HTTP API of one node: who may call, and what is said to wrong calls.

mod support;

use perunika_client::types::{Fetch, OpenChannel, Serve, Wei};
use perunika_client::{Client, ClientError, fresh_key};
use perunika_core::{Address, B256};
use perunika_node::daemon::{self, NodeError, Options};
use perunika_node::folder::Folder;
use support::{PASSWORD, World};

fn refusal(error: ClientError) -> (u16, String, String) {
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

    let body =
        OpenChannel { peer: Address::repeat_byte(1), amount: Wei(1), peer_amount: Wei(0), lane: 0, wait_s: None };
    assert_eq!(refusal(node.api.open_channel(&body, "").await.unwrap_err()).0, 400);
    assert_eq!(refusal(node.api.open_channel(&body, &fresh_key()).await.unwrap_err()).0, 502);
    let fetch = Fetch { offer: "perunika1x".into(), output: "/tmp/x".into(), channel: None };
    assert_eq!(refusal(node.api.fetch(&fetch, &fresh_key()).await.unwrap_err()).0, 400);
    let serve = Serve { path: "relative".into(), price: Wei(1), chunk_bytes: 1 };
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
