//! Why code reverted, in words.

use alloy_primitives::hex;
use alloy_sol_types::{Panic, Revert, SolError};

/// Characters of a reason that are passed on.
const CHARACTERS_MAX: usize = 200;

/// One sentence without a full stop for the data of a revert, as far as code of others can be trusted with words.
pub fn reason(data: &[u8]) -> String {
    if let Ok(revert) = Revert::abi_decode(data) {
        return printable(&revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return panic.to_string();
    }
    match data.first_chunk::<4>() {
        Some(selector) if data.len() == 4 => format!("custom error 0x{}", hex::encode(selector)),
        Some(selector) => {
            let arguments = &data[4..data.len().min(4 + 32)];
            format!("custom error 0x{} with 0x{}", hex::encode(selector), hex::encode(arguments))
        }
        None => "it gives no reason".into(),
    }
}

fn printable(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(CHARACTERS_MAX).collect();
    if clean.is_empty() { "it gives no reason".into() } else { clean }
}
