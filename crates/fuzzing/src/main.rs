//! Writes seeds, and runs inputs without libFuzzer.

use perunika_fuzzing::{TARGETS, target};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "perunika-fuzzing list                     all targets
perunika-fuzzing seeds FOLDER             writes the seeds of every target into FOLDER/TARGET
perunika-fuzzing run TARGET FILE...       runs inputs; a crash shows itself";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => {
            TARGETS.iter().for_each(|target| println!("{:<16}{}", target.name, target.about));
            Ok(())
        }
        ["seeds", folder] => seeds(Path::new(folder)),
        ["run", name, files @ ..] if !files.is_empty() => run(name, files),
        _ => Err(HELP.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn seeds(folder: &Path) -> Result<(), String> {
    for target in TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for (name, bytes) in (target.seeds)() {
            std::fs::write(folder.join(&name), bytes).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn run(name: &str, files: &[&str]) -> Result<(), String> {
    let target = target(name).ok_or_else(|| format!("there is no target `{name}`; `list` shows all"))?;
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let start = Instant::now();
        let accepted = (target.run)(&bytes);
        println!("{file}: {} ({} ms)", if accepted { "accepted" } else { "refused" }, start.elapsed().as_millis());
    }
    Ok(())
}
