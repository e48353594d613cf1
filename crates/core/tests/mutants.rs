//! The markers of guards (docs/mutants.md): their names, the page, and that an ordinary build knows nothing of them.

use perunika_core::Participant;
use perunika_core::io::{Env, Input, Step};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files below `folder` for which `wanted` holds, without what is built.
fn files(folder: &Path, wanted: &impl Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules", ".git"].contains(&name.as_str()) {
            files(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

fn texts(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(folder, &wanted, &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a text"))).collect()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

/// Kind and name of every marker, in the order of the sources.
fn markers() -> Vec<(String, String)> {
    let sources = texts(&root().join("crates/core/src"), is_rust);
    let mut found = Vec::new();
    for (_, text) in &sources {
        for kind in ["guard", "duty"] {
            for behind in text.split(&format!("{kind}!(")).skip(1) {
                let name = behind.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                found.extend(name.map(|name| (kind.to_owned(), name.to_owned())));
            }
        }
    }
    found
}

/// Name and kind of every row of the page.
fn rows() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/mutants.md")).expect("the page");
    let table = page.split("<!-- end -->").next().unwrap_or_default();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| line.split(" | "));
    cells
        .map(|mut cells| {
            let name = cells.next().unwrap_or_default().trim_end_matches('`').to_owned();
            (cells.next().unwrap_or_default().to_owned(), name)
        })
        .collect()
}

#[test]
fn every_guard_has_one_name_and_one_row() {
    let markers = markers();
    assert!(markers.len() > 100, "only {} markers were found", markers.len());
    let names: BTreeSet<&String> = markers.iter().map(|(_, name)| name).collect();
    assert_eq!(names.len(), markers.len(), "a name marks two places");
    let marked: BTreeSet<(String, String)> = markers.iter().cloned().collect();
    let (pairs, single): (Vec<_>, Vec<_>) = rows().into_iter().partition(|(kind, _)| kind == "pair");
    let listed: BTreeSet<(String, String)> = single.iter().cloned().collect();
    assert_eq!(listed.len(), single.len(), "a guard stands in two rows");
    assert_eq!(marked, listed, "the page and the sources name different guards");
    for (_, pair) in pairs {
        assert!(pair.split('+').all(|name| names.contains(&name.to_owned())), "{pair} names an unknown guard");
    }
}

#[test]
fn a_twin_names_a_pair_that_is_hunted() {
    let page = fs::read_to_string(root().join("docs/mutants.md")).expect("the page");
    let rows = rows();
    let pairs: Vec<&String> = rows.iter().filter(|(kind, _)| kind == "pair").map(|(_, name)| name).collect();
    for line in page.lines().filter(|line| line.starts_with("| `") && line.contains("| twin")) {
        let name = line["| `".len()..].split('`').next().unwrap_or_default();
        let hunted = pairs.iter().any(|pair| pair.split('+').any(|one| one == name));
        assert!(hunted, "{name} has a twin, and no row is without both");
    }
}

#[test]
fn no_cargo_feature_removes_a_guard() {
    for (path, text) in texts(&root(), |path| path.file_name().is_some_and(|n| n == "Cargo.toml")) {
        let features = text.split("[features]").nth(1).map_or("", |rest| rest.split("\n[").next().unwrap_or_default());
        assert!(!features.contains("mutant"), "{} has a feature of mutants", path.display());
    }
    let word = ["muta", "nt"].concat();
    for (path, text) in texts(&root().join("crates"), is_rust) {
        let featured =
            text.split("feature = \"").skip(1).any(|rest| rest.split('"').next().unwrap_or_default().contains(&word));
        assert!(!featured, "{} asks for a feature of mutants", path.display());
    }
}

#[test]
fn only_the_markers_know_of_the_configuration() {
    let option = ["perunika_", "mutant"].concat();
    let allowed = ["core/src/mutant.rs", "core/src/lib.rs", "core/tests/mutants.rs"];
    for (path, text) in texts(&root().join("crates"), is_rust) {
        let shown = path.to_string_lossy().replace('\\', "/");
        let known = allowed.iter().any(|end| shown.ends_with(end)) || shown.contains("/sim/src/");
        assert!(known || !text.contains(&option), "{shown} asks whether a guard is removed");
    }
}

/// In what is shipped there is nothing to switch: not even the names are left.
#[test]
#[cfg(not(perunika_mutant = "any"))]
fn nothing_of_the_markers_is_left_in_an_ordinary_build() {
    // This makes the whole core part of this program.
    let handle: fn(&mut Participant, Input, Env) -> Step = Participant::handle;
    std::hint::black_box(handle);
    let program = fs::read(std::env::current_exe().expect("a program has a file")).expect("it can be read");
    // A sentence of the core that must be there, written so that it is not there because of this test.
    let sentence = ["a path cannot pass through", "the same participant twice"].join(" ");
    let begins = |at: usize, text: &str| program[at..].starts_with(text.as_bytes());
    assert!((0..program.len()).any(|at| begins(at, &sentence)), "the core is not in this program");
    let names: Vec<String> = markers().into_iter().map(|(_, name)| name).collect();
    let numbers = (0..program.len() - 1).filter(|at| program[*at].is_ascii_digit() && program[*at + 1] == b'.');
    let left: BTreeSet<&String> = numbers.flat_map(|at| names.iter().filter(move |name| begins(at, name))).collect();
    assert!(left.is_empty(), "an ordinary build names {left:?}");
}
