//! How a node ends, and whom it tells.

#![cfg(unix)]

use crate::bench::{Chain, Home, PASSWORD, Running, perunika};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far more than any end may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn signal(child: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().expect("a shell");
    assert!(status.success());
}

fn ended(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        assert!(begin.elapsed() < PATIENCE, "the node does not end");
        std::thread::yield_now();
    }
}

/// A node whose lines on the standard error can be read, and the address of its API.
fn node(home: &Home) -> (Running, BufReader<std::process::ChildStderr>, String) {
    let mut command = perunika(&["--dir", &home.text(), "node", "--log-format", "json"]);
    command.env("PERUNIKA_PASSWORD", PASSWORD).stderr(Stdio::piped());
    let mut node = Running::spawn(command);
    let line = node.line();
    let api = line.split("http://").nth(1).and_then(|rest| rest.split(';').next()).expect("an address").to_owned();
    let errors = BufReader::new(node.child.stderr.take().expect("a pipe"));
    (node, errors, api)
}

/// A call that never ends: the body does not come.
fn hanging_call(home: &Home, api: &str) -> TcpStream {
    let token = std::fs::read_to_string(home.path().join("api.token")).expect("a token");
    let mut stream = TcpStream::connect(api).expect("connected");
    let head = format!(
        "POST /v1/peers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("written");
    // The node asks for the body: the call is under way.
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100");
    stream
}

fn wait_for(errors: &mut BufReader<std::process::ChildStderr>, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(errors.read_line(&mut line).expect("readable") > 0, "`{words}` was never said");
    }
}

#[test]
fn a_signal_ends_the_node_and_frees_its_folder() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    for _ in 0..2 {
        let (mut node, mut errors, _) = node(&home);
        signal(&node.child);
        assert!(ended(&mut node.child).success());
        wait_for(&mut errors, "the node stops");
    }
}

#[test]
fn a_call_that_never_ends_does_not_keep_the_node() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    let (mut node, mut errors, api) = node(&home);
    let _call = hanging_call(&home, &api);
    signal(&node.child);
    assert!(ended(&mut node.child).success());
    wait_for(&mut errors, "some tasks did not end in time");
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    let (mut node, mut errors, api) = node(&home);
    let _call = hanging_call(&home, &api);
    signal(&node.child);
    wait_for(&mut errors, "the node stops");
    signal(&node.child);
    assert_eq!(ended(&mut node.child).code(), Some(1));
    wait_for(&mut errors, "told twice");
}

#[test]
fn the_service_manager_is_told() {
    let (home, chain) = (Home::new(), Chain::start());
    home.init(&chain.url(), 31_337, chain.deploy());
    let socket = home.path().with_file_name("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut command = perunika(&["--dir", &home.text(), "node"]);
    command.env("PERUNIKA_PASSWORD", PASSWORD).env("NOTIFY_SOCKET", &socket);
    let mut node = Running::spawn(command);
    let told = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1");
    signal(&node.child);
    assert_eq!(told(), "STOPPING=1");
    assert!(ended(&mut node.child).success());
}
