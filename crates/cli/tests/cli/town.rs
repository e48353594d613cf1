//! Background processes, set up with the command alone, as the README does it.

use crate::bench::{Home, PASSWORD, Running, STRANGER, assert_refused, perunika};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A folder in which a chain and nodes run in the background.
struct Town {
    dir: tempfile::TempDir,
    rpc: String,
}

impl Town {
    /// With a chain that has the contract.
    fn new() -> Self {
        let mut town = Self { dir: tempfile::tempdir().expect("a folder"), rpc: String::new() };
        let started = town.json(&["devnet", "--deploy", "--background", "--listen", "127.0.0.1:0"]);
        town.rpc = started["url"].as_str().expect("a URL").to_owned();
        town
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = perunika(args);
        command.current_dir(self.dir.path()).env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts")
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(&[&["--json"], args].concat());
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON value")
    }

    /// Sets a node up with ten ether, on ports of its own, and starts it; returns its address for peers.
    fn settle(&self, name: &str, peers: &[&str], more: &[&str]) -> String {
        let ports = ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"];
        let peers: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
        let init = ["--dir", name, "init", "--rpc", &self.rpc, "--fund", "10eth", "--start"];
        let made = self.json(&[&init[..], &ports, &peers, more].concat());
        assert_eq!(made["started"]["missing_peers"], serde_json::json!([]), "{made}");
        std::fs::read_to_string(self.dir.path().join(name).join("peer.address")).expect("an address")
    }

    fn pid_files(&self) -> Vec<PathBuf> {
        let here = std::fs::read_dir(self.dir.path()).expect("a folder").flatten().map(|entry| entry.path());
        let nodes: Vec<PathBuf> = here.filter(|path| path.is_dir()).map(|dir| dir.join("node.pid")).collect();
        nodes.into_iter().chain([self.dir.path().join("devnet.pid")]).filter(|path| path.exists()).collect()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.pid_files().iter().for_each(|file| kill(file));
    }
}

fn kill(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap_or_default();
    let _ = Command::new("kill").args(["-KILL", pid.trim()]).output();
}

#[test]
fn two_nodes_open_pay_and_end_in_a_dispute_when_one_is_gone() {
    let town = Town::new();
    let bob = town.settle("bob", &[], &[]);
    town.settle("alice", &[&bob], &[]);
    let alice = |args: &[&str]| town.run(&[&["--dir", "alice"], args].concat());

    // A wait that is too short leaves the result open; the same key tells it later.
    let open = ["channel", "open", &bob, "--deposit", "1eth", "--key", "mine"];
    assert_refused(&alice(&[&open[..], &["--wait", "0s"]].concat()), 5, "--key mine");
    assert!(alice(&open).status.success());
    let other = ["channel", "open", &bob, "--deposit", "2eth", "--key", "mine"];
    assert_refused(&alice(&other), 2, "used for another call");

    assert!(alice(&["channel", "pay", &bob, "5gwei"]).status.success());
    let shown = town.json(&["--dir", "bob", "channel", "list"]);
    assert_eq!(shown[0]["mine"], "5000000000", "{shown}");
    assert_refused(&alice(&["channel", "pay", &bob, "2eth"]), 2, "");
    assert_refused(&alice(&["channel", "pay", &STRANGER.to_string(), "1gwei"]), 2, "no ledger channel with");
    assert_refused(&alice(&["virtual", "pay", &bob, "1gwei"]), 2, "no virtual channel with");

    kill(&town.dir.path().join("bob/node.pid"));
    let begun = town.json(&["--dir", "alice", "channel", "close", &bob, "--force", "--no-wait"]);
    assert_eq!(begun["closed"], false, "{begun}");
    let end = begun["refute_end"].as_u64().expect("a time");
    // Who does not want to wait any longer can ask again.
    let mut waiting = perunika(&["--progress", "--dir", "alice", "channel", "close", &bob, "--force"]);
    let mut waiting = Running::spawn({
        waiting.current_dir(town.dir.path());
        waiting
    });
    let told = waiting.error_line();
    assert!(told.contains("is on the chain; after"), "{told}");
    let _ = Command::new("kill").args(["-INT", &waiting.child.id().to_string()]).output();
    assert!(waiting.error_line().contains("waits again"));
    assert_eq!(waiting.child.wait().expect("ended").code(), Some(5));

    let now = town.json(&["devnet", "warp", "3min", "--rpc", &town.rpc])["time"].as_u64().expect("a time");
    assert!(now > end, "{now} {end}");
    let closing = alice(&["channel", "close", &bob, "--force"]);
    assert!(closing.status.success(), "{}", String::from_utf8_lossy(&closing.stderr));
    let channel = &town.json(&["--dir", "alice", "channel", "list"])[0];
    assert_eq!((&channel["stage"], &channel["mine"]), (&"closed".into(), &"999999995000000000".into()));

    assert_refused(&town.run(&["--dir", "bob", "info"]), 1, "no node answers");
}

#[test]
fn events_go_on_at_their_number_when_the_node_comes_back() {
    let town = Town::new();
    // Bob will be back on other ports, so he is the one who dials.
    let alice = town.settle("alice", &[], &[]);
    let bob = town.settle("bob", &[&alice], &[]);
    let pay = |amount: &str| town.json(&["--dir", "alice", "channel", "pay", &bob, amount]);
    town.json(&["--dir", "alice", "channel", "open", &bob, "--deposit", "1eth"]);
    assert_eq!(town.json(&["--dir", "bob", "channel", "show", &alice])["mine"], "0");

    let mut follow = perunika(&["--json", "--dir", "bob", "events", "--follow", "--ack"]);
    follow.current_dir(town.dir.path());
    let mut follow = Running::spawn(follow);
    let mut heard: Vec<serde_json::Value> = Vec::new();
    let mut until_share = |share: &str| loop {
        heard.push(serde_json::from_str(&follow.line()).expect("one JSON value in a line"));
        if heard.last().is_some_and(|event| event["share"] == share) {
            return;
        }
    };
    pay("1wei");
    pay("2wei");
    until_share("3");
    // It is gone in the middle, and back at another address.
    kill(&town.dir.path().join("bob/node.pid"));
    // A killed process holds its files for a moment longer.
    let start = Instant::now();
    while !town.run(&["--dir", "bob", "node", "--background"]).status.success() {
        assert!(start.elapsed() < Duration::from_secs(60), "bob does not start again");
    }
    let connected =
        || town.json(&["--dir", "alice", "info"])["connected"].as_array().is_some_and(|all| !all.is_empty());
    while !connected() {
        assert!(start.elapsed() < Duration::from_secs(60), "bob is not back");
    }
    pay("4wei");
    pay("8wei");
    until_share("15");

    let numbers: Vec<u64> = heard.iter().filter_map(|event| event["cursor"].as_u64()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    let paid: Vec<&str> =
        heard.iter().filter(|e| e["type"] == "payment_received").filter_map(|e| e["amount"].as_str()).collect();
    assert_eq!(paid, ["1", "2", "4", "8"]);

    // What was acknowledged is not shown again unasked; what comes later is.
    let last = numbers.last().expect("some").to_string();
    let rest = || town.run(&["--json", "--dir", "bob", "events", "--ack"]).stdout;
    rest();
    assert_eq!(String::from_utf8_lossy(&rest()), "");
    pay("16wei");
    let next = town.json(&["--dir", "bob", "events", "--after", &last]);
    assert_eq!((&next["type"], &next["amount"]), (&"payment_received".into(), &"16".into()));
    drop(follow);
}

#[test]
fn hubs_are_asked_for_their_price_and_nothing_is_opened() {
    let town = Town::new();
    let hub = town.settle("hub", &[], &["--hub"]);
    let bob = town.settle("bob", &[&hub], &[]);
    town.settle("alice", &[&hub, &bob], &[]);
    town.json(&["--dir", "alice", "channel", "open", &hub, "--deposit", "1eth"]);
    town.json(&["--dir", "hub", "channel", "open", &bob, "--deposit", "1eth"]);
    let ask = ["--dir", "alice", "quote", &bob, "--via", &hub, "--stake", "0.1eth"];
    let quote = town.json(&ask);
    assert_eq!(quote["total"], quote["fees"][0]["fee"], "{quote}");
    assert_ne!(quote["total"], "0");
    assert_eq!(town.json(&["--dir", "alice", "virtual", "list"]), serde_json::json!([]));
    assert_refused(&town.run(&["--dir", "alice", "quote", &bob, "--via", &hub, "--stake", "5eth"]), 2, "stake");
    let opened = town.json(&["--dir", "alice", "virtual", "open", &bob, "--via", &hub, "--stake", "0.1eth"]);
    let renewed = town.json(&["--dir", "alice", "virtual", "renew", &bob, "--term", "2h"]);
    assert_ne!(renewed["id"], opened["id"]);
    assert!(renewed["expires"].as_u64() > opened["expires"].as_u64(), "{renewed} {opened}");
    // The term is drawn anew, and with it the price.
    let [fee, asked] =
        [&opened["fees"][0], &quote["total"]].map(|fee| fee.as_str().expect("wei").parse().expect("a number"));
    assert!(u128::abs_diff(fee, asked) * 5 < asked, "{fee} {asked}");
}

#[test]
fn a_token_pays_within_its_limits_and_a_receipt_proves_it() {
    let town = Town::new();
    let bob = town.settle("bob", &[], &[]);
    town.settle("alice", &[&bob], &[]);
    town.json(&["--dir", "alice", "channel", "open", &bob, "--deposit", "1eth"]);
    let create = ["--dir", "alice", "token", "create", "shop", "--scope", "read,pay", "--per-payment", "10wei"];
    let made = town.json(&create);
    assert_refused(&town.run(&["--dir", "alice", "token", "create", "x", "--scope", "steal"]), 2, "not a scope");
    assert_eq!(town.json(&["--dir", "alice", "token", "list"])[0]["per_payment"], "10");

    // Whoever holds the token may do what it says, and nothing else.
    let (file, secret) = (town.dir.path().join("alice/api.token"), made["secret"].as_str().expect("a secret"));
    let root = std::fs::read_to_string(&file).expect("a token");
    std::fs::write(&file, secret).expect("written");
    let order = ["--json", "--dir", "alice", "channel", "pay", &bob, "--reference", "order 17"];
    let pay = |amount: &str| town.run(&[&order[..], &[amount]].concat());
    let paid = pay("10wei");
    assert!(paid.status.success(), "{}", String::from_utf8_lossy(&paid.stderr));
    assert_refused(&pay("11wei"), 2, "");
    assert_refused(&town.run(&["--dir", "alice", "token", "list"]), 2, "");
    std::fs::write(&file, root).expect("written");
    let id = made["token"]["id"].as_str().expect("an id");
    assert_eq!(town.json(&["--dir", "alice", "token", "revoke", id])["spent"], "10");
    assert_eq!(town.json(&["--dir", "alice", "token", "list"]), serde_json::json!([]));

    let receipt = town.dir.path().join("receipt.json");
    std::fs::write(&receipt, &paid.stdout).expect("written");
    let verify = |signer: &str| town.run(&["receipt", "verify", "receipt.json", "--signer", signer]);
    let said = verify(&bob);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("received 10 smallest units of the asset of"));
    assert_refused(&verify(&STRANGER.to_string()), 3, "signed this receipt, not");
    let forged = String::from_utf8_lossy(&paid.stdout).replace("order 17", "order 18");
    std::fs::write(&receipt, forged).expect("written");
    assert_refused(&verify(&bob), 3, "did not sign");
    std::fs::write(&receipt, "{}").expect("written");
    assert_refused(&verify(&bob), 2, "holds no receipt");
}

#[test]
fn a_background_node_that_cannot_run_says_why_and_whose_fault_it_is() {
    let town = Town::new();
    let wrong = perunika(&["--dir", "n", "init", "--rpc", &town.rpc]).current_dir(town.dir.path()).output();
    assert_refused(&wrong.expect("starts"), 2, "password");
    let made =
        town.json(&["--dir", "n", "init", "--rpc", &town.rpc, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
    assert_eq!(made["started"], serde_json::Value::Null);
    let mut start = perunika(&["--dir", "n", "node", "--background"]);
    let output = start.current_dir(town.dir.path()).env("PERUNIKA_PASSWORD", "another").output().expect("starts");
    assert_refused(&output, 2, "password does not open");
    kill(&town.dir.path().join("devnet.pid"));
    assert_refused(&town.run(&["--dir", "n", "node", "--background"]), 4, "no chain answers");
    assert_refused(&town.run(&["devnet", "warp", "1min", "--rpc", &town.rpc]), 4, "of no help");
}

#[test]
fn without_the_contract_of_devnet_it_must_be_named() {
    let chain = crate::bench::Chain::start();
    let home = Home::new();
    let mut init = perunika(&["--dir", &home.text(), "init", "--rpc", &chain.url()]);
    let output = init.env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts");
    assert_refused(&output, 2, "--adjudicator");
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn a_clock_that_cannot_be_moved_is_no_development_chain() {
    let chain = crate::bench::DeafChain::start();
    assert_refused(&crate::bench::run(&["devnet", "warp", "1min", "--rpc", &chain.url]), 2, "no development chain");
}

/// Offer, answer, steps, boards, and an end that both sign; all of it typed.
#[test]
fn two_nodes_play_tic_tac_toe_by_hand() {
    let town = Town::new();
    let bob = town.settle("bob", &[], &[]);
    let alice = town.settle("alice", &[&bob], &[]);
    town.json(&["--dir", "alice", "channel", "open", &bob, "--deposit", "1eth", "--peer-deposit", "1eth"]);
    let mut offer = perunika(&["--json", "--dir", "alice", "nano", "open", &bob, "--app", "tic-tac-toe"]);
    offer.args(["--stake", "0.1eth"]).current_dir(town.dir.path());
    let mut offer = Running::spawn(offer);
    let start = Instant::now();
    while town.json(&["--dir", "bob", "nano", "list"]).as_array().is_none_or(Vec::is_empty) {
        assert!(start.elapsed() < Duration::from_secs(60), "no offer came");
    }
    town.json(&["--dir", "bob", "nano", "answer", &alice]);
    assert!(offer.child.wait().expect("ended").success());

    let step = |who: &str, peer: &str, cell: &str| town.run(&["--dir", who, "nano", "step", peer, "--cell", cell]);
    assert_refused(&step("bob", &alice, "0"), 2, "turn");
    let first = step("alice", &bob, "4");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(String::from_utf8_lossy(&first.stdout).contains(" 3 | X | 5 "), "{first:?}");
    assert_refused(&step("bob", &alice, "4"), 2, "does not allow");
    for (who, peer, cell) in [("bob", &alice, "0"), ("alice", &bob, "3"), ("bob", &alice, "1"), ("alice", &bob, "5")] {
        let stepped = step(who, peer, cell);
        assert!(stepped.status.success(), "{}", String::from_utf8_lossy(&stepped.stderr));
    }
    // Three in a row: closed by both, and what was won is cash in the channel.
    let won = || town.json(&["--dir", "alice", "channel", "show", &bob])["mine"].clone();
    while won() != "1100000000000000000" {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", won());
    }
    assert_refused(&step("bob", &alice, "6"), 2, "no such nanocontract");
}
