//! The table of docs/mutants.md.

/// The page, as it was when this was built.
#[cfg(perunika_mutant = "any")]
pub(super) const PAGE: &str = include_str!("../../../../docs/mutants.md");

/// A mutant: a build without one guard, or without two of which either is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mutant {
    /// Names of the guards that it is without.
    pub(super) without: Vec<String>,
    /// The seed that found it when the page was written.
    pub(super) seed: Option<u64>,
}

impl Mutant {
    /// As one writes it: `A` or `A+B`.
    pub(super) fn name(&self) -> String {
        self.without.join("+")
    }

    /// `A+B`, or `A+B@7` where seed 7 is to be tried first.
    pub(super) fn named(name: &str) -> Self {
        let (names, seed) = name.split_once('@').map_or((name, None), |(names, seed)| (names, seed.parse().ok()));
        Self { without: names.split('+').map(str::to_owned).collect(), seed }
    }
}

/// The mutants that the simulator must find: of every row whose last but one cell is a seed (or still empty) the name in the first
/// cell. A guard that has a twin stands in a row that says so, and the pair in one of its own.
pub(super) fn mutants(page: &str) -> Vec<Mutant> {
    page.lines().filter_map(row).filter(|cells| cells.len() == 6 && !is_excused(cells[4])).map(mutant).collect()
}

/// Another guard catches the same, or nothing that a peer sends can get so far: the page says which and why.
fn is_excused(seed: &str) -> bool {
    seed.starts_with("twin") || seed.starts_with("by construction") || seed.starts_with("test")
}

fn mutant(cells: Vec<&str>) -> Mutant {
    Mutant { seed: cells[4].parse().ok(), ..Mutant::named(&cells[0].replace('`', "")) }
}

/// Cells of a row of a table whose first cell is a name in backticks.
pub(super) fn row(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| `")?.strip_suffix(" |")?;
    let start = line.len() - inner.len() - " |".len() - 1;
    Some(line[start..line.len() - " |".len()].split(" | ").map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_a_twin_are_not_hunted_and_pairs_are() {
        let page = "| mutant | a | b | c | seed | said |\n|---|---|---|---|---|---|\n| `1.a` | guard | log | x | 7 | I8: y |\n\
                    | `1.b` | guard | log | x | twin of `1.c` |  |\n| `1.b+1.c` | guard | log | x | – |  |\n";
        let found = mutants(page);
        let names: Vec<String> = found.iter().map(Mutant::name).collect();
        assert_eq!(names, ["1.a", "1.b+1.c"]);
        assert_eq!((found[0].seed, found[1].seed), (Some(7), None));
        assert_eq!(found[1].without, ["1.b", "1.c"]);
    }
}
