//! Tokens and the vault, by the command.

use crate::bench::{Chain, Home, Running, assert_refused, run};
use alloy::providers::{Provider, RootProvider};
use perunika_core::Address;
use perunika_devnet::dev_address;
use serde_json::{Value, json};

/// `contracts/test/support/NamedToken.sol`.
const TOKEN: &str = include_str!("../../../../contracts/artifacts/test/NamedToken.json");

pub(crate) fn ask(chain: &Chain, method: &'static str, params: Value) -> Value {
    let provider: RootProvider = RootProvider::new_http(chain.url().parse().expect("a URL"));
    chain.runtime.block_on(provider.raw_request(method.into(), params)).expect("answered")
}

fn mined(chain: &Chain, transaction: Value) -> Value {
    let hash = ask(chain, "eth_sendTransaction", json!([transaction]));
    loop {
        let receipt = ask(chain, "eth_getTransactionReceipt", json!([hash]));
        if !receipt.is_null() {
            return receipt;
        }
    }
}

/// A token of which each of these holds 100.
fn token(chain: &Chain, owners: &[Address]) -> String {
    let artifact: Value = serde_json::from_str(TOKEN).expect("JSON");
    let code = &artifact["bytecode"];
    let receipt = mined(chain, json!({ "from": dev_address(0), "data": code, "gas": "0x4c4b40" }));
    let token = receipt["contractAddress"].as_str().expect("an address").to_owned();
    for owner in owners {
        let data = format!("0x40c10f19{:0>64}{:064x}", owner.to_string()[2..].to_lowercase(), 100_000_000);
        mined(chain, json!({ "from": dev_address(0), "to": token, "data": data }));
        ask(chain, "anvil_setBalance", json!([owner, "0xde0b6b3a7640000"]));
    }
    token
}

fn done(home: &Home, args: &[&str]) -> String {
    let output = run(&[&["--dir", &home.text()], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_channel_of_a_token_by_hand() {
    let (chain, alice, bob) = (Chain::start(), Home::new(), Home::new());
    let adjudicator = chain.deploy();
    let [a, b] = [&alice, &bob].map(|home| home.init(&chain.url(), 31_337, adjudicator));
    let token = token(&chain, &[a.owner, b.owner]);
    for home in [&alice, &bob] {
        let path = home.path().join("config.toml");
        let text = std::fs::read_to_string(&path).expect("a config file");
        let section = format!("\n[tokens.USDC]\naddress = \"{token}\"\ndecimals = 6\nggas_price = \"4 USDC\"\n");
        std::fs::write(path, format!("{text}{section}")).expect("written");
    }
    let _nodes = [Running::node(&alice.path()), Running::node(&bob.path())];
    let place = std::fs::read_to_string(bob.path().join("peer.address")).expect("an address");
    done(&alice, &["peer", "add", place.trim()]);
    let peer = b.key.to_string();

    // What is missing, and amounts of another asset.
    let dir = alice.text();
    let refused = |args: &[&str], words: &str| assert_refused(&run(&[&["--dir", &dir], args].concat()), 2, words);
    refused(&["channel", "open", &peer, "--deposit", "20USDC"], "perunika asset approve");
    refused(&["channel", "open", &peer, "--deposit", "20DAI"], "unknown unit `DAI`");
    refused(&["channel", "open", &peer, "--deposit", "20USDC", "--peer-deposit", "1eth"], "write the amount in USDC");
    refused(&["vault", "fund", "5 eth"], "holds");
    refused(&["asset", "approve", "1eth"], "ETH needs no allowance");

    assert!(done(&alice, &["asset", "approve", "50USDC"]).contains("may take 50 USDC"));
    let opened = done(&alice, &["channel", "open", &peer, "--deposit", "20USDC"]);
    assert!(opened.contains("with 20 USDC of this node in it"), "{opened}");
    let id = opened.split(' ').next().expect("an id").to_owned();
    refused(&["channel", "pay", &id, "5gwei"], "another asset");
    refused(&["channel", "pay", &id, "5DAI"], "unknown unit `DAI`");
    assert!(done(&alice, &["channel", "pay", &id, "5.5 USDC"]).contains("paid 5.5 USDC"));
    let more = done(&alice, &["channel", "deposit", &id, "10USDC"]);
    assert!(more.contains("10 USDC deposited") && more.contains("30 USDC"), "{more}");
    assert!(done(&alice, &["channel", "withdraw", &id, "4USDC", "--to", "vault"]).contains("4 USDC withdrawn"));
    let vault = done(&alice, &["vault", "show"]);
    assert!(vault.lines().any(|line| line.starts_with("USDC") && line.contains("4 USDC")), "{vault}");
    assert!(done(&alice, &["vault", "withdraw", "4 USDC"]).contains("4 USDC taken out"));
    let shown = done(&alice, &["channel", "show", &id]);
    assert!(shown.contains(&format!("USDC ({token})")) || shown.to_lowercase().contains(&token), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("mine") && line.contains("20.5 USDC")), "{shown}");
    assert!(done(&alice, &["channel", "list"]).contains("20.5 USDC"));
    let assets: Value = serde_json::from_str(&done(&alice, &["--json", "asset", "show"])).expect("JSON");
    assert_eq!((&assets[1]["symbol"], &assets[1]["balance"]), (&json!("USDC"), &json!("74000000")));
    assert!(done(&bob, &["events"]).contains("5.5 USDC through"));
    done(&alice, &["channel", "close", &id]);
    assert!(done(&alice, &["asset", "show"]).contains("94.5 USDC"));
}
