//! The whole story, small; and nobody is left behind when it is cut short.

use crate::bench::{Home, Running, assert_refused, perunika, run};
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn the_story_adds_up() {
    let output = run(&["quickstart", "--json", "--size", "1MiB", "--chunk", "4KiB"]);
    let report = report(&output);
    assert_eq!(report["conserved"], true);
    assert_eq!(report["checksum_ok"], true);
    assert_eq!(report["hub_gain_wei"], report["hub_fee_wei"]);
    assert_ne!(report["hub_fee_wei"], "0");
    assert_eq!(report["balances_after"]["adjudicator"], "0");
    assert_eq!(report["payments"], 256);
    assert!(report["payments_while_hub_was_down"].as_u64() >= Some(128), "{report}");
    let names: Vec<&str> =
        report["transactions"].as_array().expect("a list").iter().filter_map(|t| t["name"].as_str()).collect();
    let count = |name: &str| names.iter().filter(|n| **n == name).count();
    assert_eq!((count("deploy"), count("open"), count("confirm"), count("close")), (1, 2, 2, 2), "{names:?}");
    assert_eq!(names.len(), 7, "{names:?}");
}

#[test]
fn an_old_state_is_refuted_by_the_seller_s_node() {
    let output = run(&["quickstart", "--dispute", "--json", "--size", "256KiB", "--chunk", "4KiB"]);
    let report = report(&output);
    assert_eq!((&report["refuted_by"], &report["conserved"]), (&"bob".into(), &true.into()));
    assert_eq!(report["hub_gain_wei"], report["hub_fee_wei"]);
    assert_eq!(report["balances_after"]["adjudicator"], "0");
    let transactions = report["transactions"].as_array().expect("a list");
    let sent = |name: &str, by: &str| transactions.iter().filter(|t| t["name"] == name && t["from"] == by).count();
    assert_eq!((sent("registerVirtualFor", "alice"), sent("concludeVirtual", "alice")), (1, 0), "{report}");
    assert!(report["dispute_gas"].as_u64() > Some(100_000), "{report}");
}

#[test]
fn a_dispute_needs_a_chain_whose_clock_can_be_moved() {
    let chain = crate::bench::DeafChain::start();
    let key = "0x1111111111111111111111111111111111111111111111111111111111111111";
    let output = run(&["quickstart", "--dispute", "--rpc", &chain.url, "--funder-key", key]);
    assert_refused(&output, 2, "--dispute needs a development chain");
}

#[test]
fn killed_nodes_come_back_and_nobody_loses() {
    let output = run(&["quickstart", "--torture", "6", "--seed", "3", "--json", "--size", "256KiB"]);
    let report = report(&output);
    assert_eq!((&report["moments"], &report["stories"], &report["seed"]), (&6.into(), &1.into(), &3.into()));
}

fn report(output: &std::process::Output) -> serde_json::Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("JSON")
}

#[test]
fn a_file_that_costs_more_than_the_stake_is_refused() {
    let output = run(&["quickstart", "--json", "--size", "1MiB", "--price", "1eth"]);
    assert_refused_with_logs(&output, 2, "more than the stake");
}

#[test]
fn a_folder_in_use_is_refused() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join("alice")).expect("made");
    assert_refused(&run(&["quickstart", "--dir", &home.text()]), 2, "exists");
}

#[test]
fn nobody_survives_a_story_that_is_killed() {
    let home = Home::new();
    let command = perunika(&["quickstart", "--dir", &home.text()]);
    let mut story = Running::spawn(command);
    wait_for_line(&mut story, "nodes run");
    let mut nodes = ["alice", "ingrid", "bob"].map(|name| connection(&home.path().join(name).join("api.address")));

    // SIGKILL: it cannot clean up after itself, so the others must notice.
    story.child.kill().expect("killed");
    for node in &mut nodes {
        // The other end closes when its process ends.
        node.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        let mut rest = Vec::new();
        let ended = node.read_to_end(&mut rest);
        assert!(!ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "a node is still there");
    }
}

fn wait_for_line(story: &mut Running, words: &str) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        let line = story.line();
        assert!(!line.is_empty(), "the story ended early");
        if line.contains(words) {
            return;
        }
    }
    panic!("`{words}` was not said");
}

fn connection(file: &Path) -> TcpStream {
    let address = std::fs::read_to_string(file).expect("the API's address");
    let address = address.trim().trim_start_matches("http://");
    TcpStream::connect(address).expect("the node listens")
}

fn assert_refused_with_logs(output: &std::process::Output, code: i32, words: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.lines().last().unwrap_or_default().contains(words), "{error}");
    assert_eq!(output.status.code(), Some(code), "{error}");
}
