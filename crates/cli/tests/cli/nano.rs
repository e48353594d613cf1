//! Nanocontracts by the command: code is checked without a node, and a game is played out where one player leaves.

use crate::bench::{assert_refused, run};
use std::process::Output;

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("JSON")
}

#[test]
fn code_is_judged_without_a_node() {
    let known = json(&run(&["--json", "nano", "check", "tic-tac-toe", "--steps", "9", "--gas-price", "2gwei"]));
    assert_eq!((&known["admitted"], &known["enforceable"]), (&true.into(), &true.into()), "{known}");
    let dispute = known["gas"]["longest_dispute"].as_u64().expect("gas");
    assert_eq!(known["smallest_stake_wei"], (dispute * 2_000_000_000).to_string());

    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    // PUSH0 SLOAD STOP: what it does depends on where it was deployed.
    let storage = write("storage.json", r#"{"deployedBytecode":"0x5f5400"}"#);
    let refused = run(&["--json", "nano", "check", &storage]);
    let report: serde_json::Value = serde_json::from_slice(&refused.stdout).expect("the report all the same");
    assert_eq!((refused.status.code(), &report["admitted"]), (Some(2), &false.into()));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SLOAD"), "{refused:?}");
    let fine = write("fine.hex", "0x5f5ffd");
    assert_eq!(json(&run(&["--json", "nano", "check", &fine]))["bytes"], 3);
    let large = run(&["nano", "check", &fine, "--storage", "16385"]);
    assert_eq!(large.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&large.stderr).contains("cannot be forced"), "{large:?}");
    assert_refused(&run(&["nano", "check", &write("text", "hello")]), 2, "holds no code");
}

#[test]
fn a_new_one_is_a_folder_of_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("my-game").display().to_string();
    let made = json(&run(&["--json", "nano", "new", &place]));
    assert_eq!(made["contract"], "MyGame");
    let source = std::fs::read_to_string(dir.path().join("my-game/MyGame.sol")).expect("a source");
    assert!(source.contains("contract MyGame is INanocontract") && !source.contains("Skeleton"));
    let readme = std::fs::read_to_string(dir.path().join("my-game/README.md")).expect("a page");
    assert!(readme.starts_with("# my-game\n") && readme.contains("MyGame.json"), "{readme}");
    assert_refused(&run(&["nano", "new", &place]), 2, "cannot be made");
    assert_refused(&run(&["nano", "new", "My_Game"]), 2, "small letters");
}

/// What the report says was measured; who leaves has lost, whether it was that player's turn or not.
#[test]
fn who_leaves_a_game_has_lost_and_every_wei_is_accounted_for() {
    for (leaves, after, winner) in [("bob", "4", "alice"), ("alice", "2", "bob")] {
        let story = ["play", "tictactoe", "--scripted", "--json", "--leaves", leaves, "--after", after];
        let report = json(&run(&story));
        assert_eq!((&report["winner"], &report["conserved"]), (&winner.into(), &true.into()), "{report}");
        assert_eq!((&report["left"], &report["transactions_while_playing"]), (&leaves.into(), &0.into()));
        assert_eq!(report["balances_after"]["adjudicator"], "0");
        let sent: Vec<&str> =
            report["transactions"].as_array().expect("a list").iter().filter_map(|t| t["name"].as_str()).collect();
        for name in ["registerVirtualFor", "registerVirtualNano", "concludeVirtual", "settle"] {
            assert!(sent.contains(&name), "no {name} in {sent:?}");
        }
    }
}

#[test]
fn a_game_to_the_end_takes_no_dispute_and_nobody_is_asked_without_a_terminal() {
    let report = json(&run(&["play", "tictactoe", "--scripted", "--json", "--leaves", "nobody"]));
    assert_eq!((&report["winner"], &report["conserved"], &report["left"]), (&"alice".into(), &true.into(), &().into()));
    assert_eq!(report["transactions"].as_array().map(Vec::len), Some(10), "{report}");
    assert_refused(&run(&["play", "tictactoe", "--json"]), 2, "--scripted");
}
