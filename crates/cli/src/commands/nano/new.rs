//! `perunika nano new`

use crate::exit::{Error, Result};
use crate::output::Output;
use serde_json::json;
use std::path::{Path, PathBuf};

const SOURCE: &str = include_str!("skeleton/Skeleton.sol");
const README: &str = include_str!("skeleton/README.md");

/// Write a nanocontract to begin with: a small game, and how to compile, check and play it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name, like `my-game`; the folder of this name must not exist.
    name: PathBuf,
}

/// Writes the folder.
pub(crate) fn run(args: &Args, output: Output) -> Result<()> {
    let folder = &args.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let contract = camel(name)
        .ok_or_else(|| Error::user("the name has small letters, digits and hyphens, and begins with a letter"))?;
    let failed = |e: std::io::Error| Error::user(format!("{} cannot be made: {e}", folder.display()));
    std::fs::create_dir(folder).map_err(failed)?;
    let write = |file: &Path, text: &str| {
        let text = text.replace("Skeleton", &contract).replace("skeleton-folder", name);
        std::fs::write(folder.join(file), text).map_err(failed)
    };
    let source = format!("{contract}.sol");
    write(Path::new(&source), SOURCE)?;
    write(Path::new("README.md"), README)?;
    let shown = json!({ "folder": folder, "contract": contract, "files": [source, "README.md"] });
    output.result(&shown, || format!("{} has {source} and a README.md that says how to go on", folder.display()));
    Ok(())
}

fn camel(name: &str) -> Option<String> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fine) {
        return None;
    }
    let word = |word: &str| word.get(..1).map(|first| first.to_ascii_uppercase() + &word[1..]).unwrap_or_default();
    Some(name.split('-').map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_names_of_contracts() {
        assert_eq!(camel("my-game2").as_deref(), Some("MyGame2"));
        for wrong in ["", "My", "2x", "-a", "a_b", "a/b", "ž"] {
            assert_eq!(camel(wrong), None, "{wrong}");
        }
    }
}
