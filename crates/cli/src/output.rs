//! Results, for people or for programs, and what is going on meanwhile.

use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// What takes no longer needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(500);

/// How a command reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// One JSON value on the standard output, nothing else there.
    pub(crate) json: bool,
    /// Progress goes to the standard error.
    pub(crate) progress: bool,
}

impl Output {
    /// Progress is for people at a terminal, and for those who ask for it; never beside JSON.
    pub(crate) fn new(json: bool, progress: bool) -> Self {
        Self { json, progress: !json && (progress || std::io::stderr().is_terminal()) }
    }

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

    /// Says what a command that takes a while is doing.
    pub(crate) fn note(self, text: &str) {
        if self.progress {
            // Decoration: a terminal that has gone stops nothing.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Does `work`; if it takes more than a second, says where it stands whenever `state` says something new.
    pub(crate) async fn watch<T>(
        self,
        work: impl Future<Output = T>,
        mut state: impl AsyncFnMut() -> Option<String>,
    ) -> T {
        let noting = async {
            if !self.progress {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PATIENCE).await;
            let mut last = None;
            loop {
                let now = state().await;
                if now.is_some() && now != last {
                    self.note(now.as_deref().unwrap_or_default());
                    last = now;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = noting => unreachable!("it has no end"),
        }
    }
}

/// A reader that has gone (`perunika … | head`) is no reason to panic.
fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
