//! A real process, killed with no chance to tidy up.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use super::{block_on, numbered};
use crate::Store;

const FOLDER: &str = "PERUNIKA_STORE_CRASH_FOLDER";
const START: &str = "PERUNIKA_STORE_CRASH_START";

/// The victim: run by the test below in a process of its own, it never ends by itself.
#[test]
#[ignore = "runs as the child of `every_acknowledged_batch_survives_a_kill`"]
fn victim() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let start: u64 = env::var(START).unwrap().parse().unwrap();
    block_on(async {
        let store = Store::open(folder).unwrap();
        let mut waiting = std::collections::VecDeque::new();
        for number in start.. {
            waiting.push_back((number, store.submit(numbered(number)).await.unwrap()));
            if waiting.len() > 16 {
                let (number, ticket) = waiting.pop_front().unwrap();
                ticket.await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "ack {number}").unwrap();
                out.flush().unwrap();
            }
        }
    });
}

/// Starts a victim, kills it in the middle of its work, and returns the last number that it acknowledged.
fn kill_after(folder: &Path, start: u64, acks: usize) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::crash::victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(START, start.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    let mut last = None;
    for line in lines {
        let line = line.unwrap();
        let Some(number) = line.strip_prefix("ack ").and_then(|number| number.parse().ok()) else { continue };
        last = Some(number);
        seen += 1;
        if seen == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= acks, "the victim ended by itself after {seen} acknowledgements");
    last.unwrap()
}

#[test]
fn every_acknowledged_batch_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 0;
    for acks in [1, 150, 37] {
        let last = kill_after(dir.path(), next, acks);
        let store = Store::open(dir.path()).unwrap();
        let found = store.scan_prefix(b"").unwrap().len() as u64;
        assert!(found > last, "{last} was acknowledged, {found} batches are there");
        for number in 0..found {
            assert_eq!(store.get(&number.to_be_bytes()).unwrap(), Some(number.to_le_bytes().to_vec()));
        }
        next = found;
    }
}
