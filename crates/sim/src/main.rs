//! `perunika-sim`: random stories of whole networks, each from one seed.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("mutants") => perunika_sim::mutants::command(&args[1..]),
        // Further commands of the simulator are named by a word.
        Some(word) if !word.starts_with('-') => {
            eprintln!("{word} is not a command of the simulator");
            ExitCode::from(2)
        }
        _ => perunika_sim::campaign::command(&args),
    }
}
