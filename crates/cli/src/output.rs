//! Results, for people or for programs.

use serde_json::Value;
use std::io::Write;

/// How a command reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// One JSON value on the standard output, nothing else there.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the result of a command: `value` for programs, `text` for people.
    pub(crate) fn result(self, value: &Value, text: impl FnOnce() -> String) {
        let text = if self.json { value.to_string() } else { text() };
        print_line(text.trim_end());
    }

    /// Says to people what is going on; programs do not hear it.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            print_line(text);
        }
    }
}

/// A reader that has gone (`perunika … | head`) is no reason to panic.
fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
