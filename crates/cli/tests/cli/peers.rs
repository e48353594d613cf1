//! A running node, and people who ask it for what it cannot do.

use crate::bench::{Chain, Home, Running, STRANGER, assert_refused, run};

const NO_ID: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";

#[test]
fn a_running_node_says_whose_mistake_it_is() {
    let chain = Chain::start();
    let home = Home::new();
    let identity = home.init(&chain.url(), 31_337, chain.deploy());
    let dir = home.text();
    let ask = |args: &[&str]| run(&[&["--dir", &dir], args].concat());
    assert_refused(&ask(&["info"]), 2, "has never run");
    let node = Running::node(&home.path());

    let info = ask(&["--json", "info"]);
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).expect("one JSON value");
    assert_eq!(info["key"], serde_json::json!(identity.key));
    assert_eq!(info["chain"], 31_337);

    let stranger = STRANGER.to_string();
    assert_refused(&ask(&["channel", "open", &stranger, "--deposit", "1eth"]), 2, "account holds 0 ETH");
    crate::money::ask(&chain, "anvil_setBalance", serde_json::json!([identity.owner, "0x1bc16d674ec80000"]));
    assert_refused(&ask(&["channel", "open", &stranger, "--deposit", "1eth", "--wait", "5s"]), 3, "peer");
    assert_refused(&ask(&["channel", "show", NO_ID]), 2, "channel");
    assert_refused(&ask(&["channel", "pay", NO_ID, "1gwei"]), 2, "channel");
    assert_refused(&ask(&["channel", "close", NO_ID]), 2, "channel");
    assert_refused(&ask(&["virtual", "show", NO_ID]), 2, "channel");
    assert_refused(&ask(&["virtual", "pay", NO_ID, "1gwei"]), 2, "channel");
    assert_refused(&ask(&["fetch", "not-an-offer", "-o", "film"]), 2, "offer");
    let list = ask(&["--json", "channel", "list"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout).trim(), "[]", "nothing half done");

    drop(node);
    assert_refused(&ask(&["info"]), 1, "no node answers");
}
