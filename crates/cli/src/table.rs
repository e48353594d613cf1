//! Plain tables: a header, aligned columns, nothing else.

use std::fmt;

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. A title that starts with `>` makes a column of numbers.
    pub(crate) fn new<const N: usize>(titles: [&str; N]) -> Self {
        let column = |title: &str| match title.strip_prefix('>') {
            Some(number) => (number.to_owned(), Align::Right),
            None => (title.to_owned(), Align::Left),
        };
        Self { columns: titles.into_iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells stay empty.
    pub(crate) fn row<I, S>(&mut self, cells: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: ToString,
    {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| cell.to_string()).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
        self
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize, title: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([title.chars().count()]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(|(column, (title, _))| width(column, title)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| title.clone()).collect();
        for cells in std::iter::once(&titles).chain(&self.rows) {
            let padded = cells.iter().zip(&widths).zip(&self.columns).map(|((cell, width), (_, align))| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["who", ">wei", "note"]);
        table.row(["alice", "5", "first"]);
        table.row(["bob", "12345"]);
        assert_eq!(table.to_string(), "who      wei  note\nalice      5  first\nbob    12345\n");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(Table::new(["id", ">cash"]).to_string(), "id  cash\n");
    }

    #[test]
    fn surplus_cells_are_dropped() {
        let mut table = Table::new(["a"]);
        table.row(["1", "2"]);
        assert_eq!(table.to_string(), "a\n1\n");
    }
}
