//! Exit codes where the node itself is in the way.

use crate::bench::{ANY_PORT, Chain, Home, Running, STRANGER, assert_refused, run};
use std::io::{Read, Write};
use std::net::TcpListener;

const ID: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";

/// Something that takes a request at the address of a node and answers with `text`.
fn impostor(home: &Home, text: &'static str) {
    home.init("http://127.0.0.1:1", 1, STRANGER);
    let listener = TcpListener::bind(ANY_PORT).expect("a port");
    std::fs::write(home.path().join("api.address"), listener.local_addr().expect("known").to_string())
        .expect("written");
    // Ends with the tests' process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(text.as_bytes());
        }
    });
}

#[test]
fn a_payment_whose_answer_is_lost_is_an_open_result_with_the_key_to_ask_again() {
    let home = Home::new();
    impostor(&home, "");
    let dir = home.text();
    assert_refused(&run(&["--dir", &dir, "channel", "pay", ID, "1gwei", "--key", "k"]), 5, "--key k");
    assert_refused(&run(&["--dir", &dir, "virtual", "pay", ID, "1gwei", "--key", "k"]), 5, "--key k");
    assert_refused(&run(&["--dir", &dir, "virtual", "close", ID, "--key", "k"]), 5, "--key k");
    assert_refused(&run(&["--dir", &dir, "channel", "close", ID, "--key", "k"]), 5, "--key k");
    // Nothing depends on a question.
    assert_refused(&run(&["--dir", &dir, "info"]), 1, "broke before the answer");
}

#[test]
fn what_is_no_node_is_nobody_s_mistake() {
    let home = Home::new();
    impostor(&home, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    assert_refused(&run(&["--dir", &home.text(), "info"]), 1, "cannot be read");
}

#[test]
fn refusals_of_the_node_keep_their_fault() {
    for (code, exit) in [
        ("bad_request", 2),
        ("unauthorized", 2),
        ("forbidden", 2),
        ("not_found", 2),
        ("conflict", 2),
        ("limit", 2),
        ("refused", 2),
        ("peer", 3),
        ("chain", 4),
        ("unknown", 5),
        ("stopping", 1),
        ("internal", 1),
        ("method_not_allowed", 1),
        ("too_large", 2),
    ] {
        let home = Home::new();
        let body = format!(r#"{{"error":{{"code":"{code}","message":"because"}}}}"#);
        let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        // As long as the tests run.
        impostor(&home, Box::leak((head + &body).into_boxed_str()));
        assert_refused(&run(&["--dir", &home.text(), "info"]), exit, "because");
    }
}

#[test]
fn another_token_opens_nothing() {
    let chain = Chain::start();
    let home = Home::new();
    home.init(&chain.url(), 31_337, chain.deploy());
    let _node = Running::node(&home.path());
    std::fs::write(home.path().join("api.token"), "0".repeat(64)).expect("written");
    assert_refused(&run(&["--dir", &home.text(), "info"]), 2, "api.token");
}
