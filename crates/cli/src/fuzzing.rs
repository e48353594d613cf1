//! For fuzzing only: what people type.

use crate::{commands::Cli, exit, units};
use clap::Parser as _;

/// Reads arguments, the first of which is the name of the program. Nothing is run.
pub fn arguments(words: &[&str]) -> bool {
    match Cli::try_parse_from(words) {
        Ok(cli) => !format!("{cli:?}").is_empty(),
        Err(error) => {
            let _ = exit::parse_error(&error).to_string();
            false
        }
    }
}

/// Reads an amount, a size and a time; an amount is printed so that it can be read back.
pub fn quantities(text: &str) -> bool {
    let amount = units::amount(text);
    if let Ok(wei) = amount {
        let shown = units::Amount(wei).to_string();
        assert_eq!(units::amount(&shown), Ok(wei), "{wei} wei are shown as {shown}");
    }
    let size = units::size(text).map(|size| units::Size(size).to_string());
    amount.is_ok() || size.is_ok() || units::seconds(text).is_ok()
}
