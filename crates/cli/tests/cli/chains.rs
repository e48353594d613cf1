//! Chains that are not there, or not the right ones.

use crate::bench::{Chain, Home, PASSWORD, STRANGER, assert_refused, perunika, run};
use alloy::primitives::{Bytes, U256};
use perunika_devnet::dev_address;

/// Nobody listens on it: ports this low need rights that no test has.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn a_chain_that_is_not_there_is_the_chain_s_fault() {
    let account = STRANGER.to_string();
    assert_refused(&run(&["fund", &account, "1eth", "--rpc", NOWHERE]), 4, NOWHERE);
    assert_refused(&run(&["deploy", "--rpc", NOWHERE]), 4, NOWHERE);
    let key = "0x1111111111111111111111111111111111111111111111111111111111111111";
    assert_refused(&run(&["quickstart", "--rpc", NOWHERE, "--funder-key", key]), 4, NOWHERE);
}

#[test]
fn init_asks_the_chain_and_makes_nothing_if_it_is_not_there() {
    let home = Home::new();
    let mut command =
        perunika(&["--dir", &home.text(), "init", "--adjudicator", &STRANGER.to_string(), "--rpc", NOWHERE]);
    let output = command.env("PERUNIKA_PASSWORD", PASSWORD).output().expect("starts");
    assert_refused(&output, 4, NOWHERE);
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn a_node_refuses_a_chain_that_is_not_there() {
    let home = Home::new();
    home.init(NOWHERE, 31_337, STRANGER);
    assert_refused(&home.node(), 4, NOWHERE);
}

#[test]
fn a_node_refuses_another_chain() {
    let chain = Chain::start();
    let home = Home::new();
    home.init(&chain.url(), 1, chain.deploy());
    assert_refused(&home.node(), 4, "31337");
}

#[test]
fn a_node_refuses_an_address_without_code() {
    let chain = Chain::start();
    let home = Home::new();
    home.init(&chain.url(), 31_337, STRANGER);
    assert_refused(&home.node(), 4, "no contract");
}

#[test]
fn a_node_refuses_code_that_is_not_the_adjudicator_s() {
    let chain = Chain::start();
    // Deploys one byte, STOP.
    let code = Bytes::from_static(&[0x60, 0x01, 0x60, 0x00, 0xf3]);
    let from = dev_address(1);
    chain.server.with_chain(|chain| {
        chain.send_unsigned(from, None, U256::ZERO, code, 1_000_000).expect("accepted");
        chain.mine(chain.head().header.timestamp + 1).expect("mined");
    });
    let home = Home::new();
    home.init(&chain.url(), 31_337, from.create(0));
    assert_refused(&home.node(), 4, "not the Adjudicator");
}

#[test]
fn an_empty_account_cannot_deploy() {
    let chain = Chain::start();
    let key = "0x1111111111111111111111111111111111111111111111111111111111111111";
    assert_refused(&run(&["deploy", "--rpc", &chain.url(), "--key", key]), 4, "insufficient funds");
}
