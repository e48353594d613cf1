//! What people type: arguments, amounts, sizes and times.

use crate::Seed;
use perunika_cli::fuzzing::{arguments, quantities};

/// One argument a line.
pub(super) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let words: Vec<&str> = std::iter::once("perunika").chain(text.lines()).collect();
    quantities(text) | arguments(&words)
}

pub(super) fn seeds() -> Vec<Seed> {
    let lines = [
        "0.25eth",
        "1.5gwei",
        "64KiB",
        "1.5min",
        "quickstart\n--dispute\n--size\n1MiB\n--price\n1gwei",
        "node\n--rpc\nhttp://127.0.0.1:8545",
        "channel\nopen\n0x00112233445566778899aabbccddeeff01234567@h:1\n--deposit\n1eth",
        "virtual\nopen\n0x00112233445566778899aabbccddeeff01234567\n--stake\n1gwei\n--term\n2h",
        "pay\n0x0101010101010101010101010101010101010101010101010101010101010101\n1gwei",
        "fetch\nperunika2abc\n--output\nsong",
        "token\nnew\n--name\na\n--scope\nread\n--per-day\n1gwei",
        "--json\ninfo",
        "events\n--after\n5",
        "vault\nfund\n5USDC\n--yes",
        "channel\ndeposit\n0x0101010101010101010101010101010101010101010101010101010101010101\n1eth\n--from\nvault",
    ];
    lines.iter().enumerate().map(|(at, line)| (format!("line_{at}"), line.as_bytes().to_vec())).collect()
}
