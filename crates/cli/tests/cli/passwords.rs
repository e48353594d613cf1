//! Keys and passwords.

use crate::bench::{Chain, Home, PASSWORD, STRANGER, assert_refused, perunika, run};

const ADJUDICATOR: &str = "0x00112233445566778899aabbccddeeff01234567";

#[test]
fn without_a_password_nothing_is_made() {
    let home = Home::new();
    let args = ["--dir", &home.text(), "init", "--adjudicator", ADJUDICATOR, "--chain-id", "1"];
    assert_refused(&run(&args), 2, "password");
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn without_a_password_the_node_does_not_start() {
    let home = Home::new();
    home.init("http://127.0.0.1:1", 1, STRANGER);
    let before = home.entries();
    assert_refused(&run(&["--dir", &home.text(), "node"]), 2, "password");
    assert_eq!(home.entries(), before);
}

#[test]
fn with_another_password_the_node_does_not_start() {
    let home = Home::new();
    let chain = Chain::start();
    home.init(&chain.url(), 31_337, chain.deploy());
    let mut command = perunika(&["--dir", &home.text(), "node"]);
    let output = command.env("PERUNIKA_PASSWORD", "battery staple").output().expect("starts");
    assert_refused(&output, 2, "password");
}

#[test]
fn init_never_touches_what_is_there() {
    let home = Home::new();
    home.init("http://127.0.0.1:1", 1, STRANGER);
    let read = |name: &str| std::fs::read(home.path().join(name)).expect("a file");
    let before = (read("keystore.json"), read("config.toml"));
    let mut command = perunika(&["--dir", &home.text(), "init", "--adjudicator", ADJUDICATOR, "--chain-id", "1"]);
    let output = command.env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts");
    assert_refused(&output, 2, "there is a node in");
    assert_eq!((read("keystore.json"), read("config.toml")), before);
}

#[test]
fn a_phrase_restores_the_same_node() {
    let homes = [Home::new(), Home::new()];
    let init = |home: &Home, more: &[&str]| {
        let dir = home.text();
        let args = ["--json", "--dir", &dir, "init", "--adjudicator", ADJUDICATOR, "--chain-id", "1"];
        let mut command = perunika(&[&args, more].concat());
        let output = command.env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("one JSON value")
    };
    let first = init(&homes[0], &[]);
    let phrase = homes[0].path().with_file_name("phrase");
    std::fs::write(&phrase, first["phrase"].as_str().expect("words")).expect("written");
    let second = init(&homes[1], &["--phrase-file", &phrase.display().to_string()]);
    assert_eq!((&first["key"], &first["owner"]), (&second["key"], &second["owner"]));

    let third = Home::new();
    std::fs::write(&phrase, "twelve words that are not a phrase at all but some text in english").expect("written");
    let dir = third.text();
    let args = ["--dir", &dir, "init", "--adjudicator", ADJUDICATOR, "--chain-id", "1", "--phrase-file"];
    let mut command = perunika(&[&args[..], &[&phrase.display().to_string()]].concat());
    let output = command.env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts");
    assert_refused(&output, 2, "");
    assert_eq!(third.entries(), Vec::<String>::new());
}
