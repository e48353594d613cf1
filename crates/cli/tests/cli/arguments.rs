//! What cannot be meant is refused before anything happens.

use crate::bench::{Home, assert_refused, run};

const ID: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
const PEER: &str = "0x00112233445566778899aabbccddeeff01234567";

#[test]
fn amounts_without_a_unit_or_with_a_wrong_one_are_refused() {
    for (amount, words) in [
        ("5", "a unit is missing"),
        ("5 par-sec", "unknown unit `par-sec`"),
        ("0.5wei", "finer than the smallest unit"),
        ("five eth", "expected an amount"),
        ("99999999999eth", "more ether than there is"),
    ] {
        assert_refused(&run(&["channel", "pay", ID, amount]), 2, words);
        assert_refused(&run(&["channel", "open", PEER, "--deposit", amount]), 2, words);
        assert_refused(&run(&["virtual", "pay", ID, amount]), 2, words);
    }
}

#[test]
fn a_kilobyte_is_not_written_kb() {
    assert_refused(&run(&["serve", "film", "--price", "1gwei", "--chunk", "100KB"]), 2, "unknown unit `KB`");
}

#[test]
fn ids_and_keys_must_be_whole() {
    assert_refused(&run(&["channel", "close", "0x12"]), 2, "not a channel id");
    assert_refused(&run(&["channel", "open", "0x12", "--deposit", "1eth"]), 2, "not the key of a peer");
    assert_refused(&run(&["peer", "add", PEER]), 2, "0x<address>@host:port");
}

#[test]
fn what_is_missing_is_named() {
    assert_refused(&run(&["channel", "open", PEER]), 2, "--deposit <AMOUNT>");
    assert_refused(&run(&["virtual", "open", PEER, "--stake", "1eth"]), 2, "--via <HUB>");
    assert_refused(&run(&["quickstart", "--rpc", "http://127.0.0.1:1"]), 2, "--funder-key");
}

#[test]
fn a_private_key_is_never_repeated() {
    let output = run(&["fund", PEER, "1eth", "--key", "deadbeef"]);
    assert_refused(&output, 2, "private key");
    let output = run(&["quickstart", "--rpc", "http://127.0.0.1:1", "--funder-key", "deadbeef"]);
    assert_refused(&output, 2, "private key");
}

#[test]
fn a_folder_without_a_node_is_named() {
    let home = Home::new();
    let dir = home.text();
    for args in [&["info"][..], &["channel", "list"], &["peer", "list"], &["node"]] {
        let output = run(&[&["--dir", &dir], args].concat());
        assert_refused(&output, 2, &format!("there is no node in {dir}"));
    }
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_not_there_is_not_served() {
    assert_refused(&run(&["serve", "/no/such/film", "--price", "1gwei"]), 2, "there is no file /no/such/film");
}

#[test]
fn a_chain_for_everybody_is_refused() {
    assert_refused(&run(&["devnet", "--listen", "0.0.0.0:0"]), 2, "not a loopback address");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("quickstart"), "{shell}");
    }
    assert_refused(&run(&["completions", "cmd.exe"]), 2, "cmd.exe");
}

#[test]
fn every_command_gets_a_manual_page() {
    let home = Home::new();
    assert!(run(&["man", &home.text()]).status.success());
    let pages = home.entries();
    assert!(
        ["perunika.1", "perunika-channel-close.1"].iter().all(|page| pages.contains(&(*page).to_owned())),
        "{pages:?}"
    );
}
