//! `docs/attacks.md` names only tests that exist, and says of every attack where it stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, ending: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let skipped = path.file_name().is_some_and(|name| name == "target" || name == "node_modules" || name == "lib");
        if path.is_dir() && !skipped {
            sources(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.extend(fs::read_to_string(&path));
        }
    }
}

/// The sources in which a test of this crate may stand.
fn texts(name: &str, cache: &mut BTreeMap<String, Vec<String>>) -> Vec<String> {
    let read = |name: &str| {
        let mut found = Vec::new();
        sources(&root().join("crates").join(name), "rs", &mut found);
        match name {
            "contracts" => sources(&root().join("contracts/test"), "sol", &mut found),
            "fuzz" => sources(&root().join("fuzz"), "rs", &mut found),
            _ => {}
        }
        found
    };
    cache.entry(name.into()).or_insert_with(|| read(name)).clone()
}

fn is_there(test: &str, texts: &[String]) -> bool {
    let (rust, solidity) = (format!("fn {test}("), format!("function {test}("));
    texts.iter().any(|text| text.contains(&rust) || text.contains(&solidity))
}

/// Cells of every row of a table, the first being K…, S…, R-…, G… or E….
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let numbered = |row: &Vec<String>| {
        let digits = row[0].trim_start_matches(['K', 'S', 'G', 'E']).trim_start_matches("R-");
        digits != row[0] && digits.chars().all(|c| c.is_ascii_digit()) && !digits.is_empty()
    };
    page.lines().filter(|line| line.starts_with("| ")).map(cells).filter(numbered).collect()
}

#[test]
fn every_test_that_the_page_of_attacks_names_exists() {
    let page = fs::read_to_string(root().join("docs/attacks.md")).expect("the page");
    let (mut cache, mut missing) = (BTreeMap::new(), Vec::new());
    let mut named = 0;
    for row in rows(&page) {
        for word in row.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let Some((home, test)) = word.split_once("::") else { continue };
            named += 1;
            if !is_there(test, &texts(home, &mut cache)) {
                missing.push(format!("{}: {word}", row[0]));
            }
        }
    }
    assert!(named > 200, "{named} tests are named");
    assert!(missing.is_empty(), "named, but not there:\n{}", missing.join("\n"));
}

#[test]
fn every_attack_has_a_row_and_a_state() {
    let page = fs::read_to_string(root().join("docs/attacks.md")).expect("the page");
    let rows = rows(&page);
    let wanted = (1..=10).map(|n| format!("K{n}")).chain((1..=74).map(|n| format!("S{n}")));
    for number in wanted {
        let row = rows.iter().find(|row| row[0] == number).unwrap_or_else(|| panic!("no row {number}"));
        let (tests, status) = (&row[row.len() - 2], &row[row.len() - 1]);
        let known = ["tested", "partly", "later: ", "tested on chain; later: "].iter().any(|s| status.starts_with(s));
        assert!(known, "{number}: {status}");
        assert_eq!(status.starts_with("later"), !tests.contains('`'), "{number} is {status} and names {tests}");
    }
}
