//! `perunika-sim`: random stories of whole networks, each from one seed.

use alloy_primitives::Bytes;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("mutants") => perunika_sim::mutants::command(&args[1..]),
        Some("search") => perunika_sim::search::command(&args[1..]),
        // Further commands of the simulator are named by a word.
        Some(word) if !word.starts_with('-') => {
            eprintln!("{word} is not a command of the simulator");
            ExitCode::from(2)
        }
        _ => match adjudicator() {
            Ok(code) => perunika_sim::campaign::command(&args, code),
            Err(why) => {
                eprintln!("PERUNIKA_ADJUDICATOR: {why}");
                ExitCode::from(2)
            }
        },
    }
}

/// Creation code to deploy instead of the embedded one: hex text in the file that `PERUNIKA_ADJUDICATOR` names.
fn adjudicator() -> Result<Option<Bytes>, String> {
    let Some(file) = std::env::var_os("PERUNIKA_ADJUDICATOR") else { return Ok(None) };
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.trim().parse().map(Some).map_err(|error| format!("no hex text: {error}"))
}
