//! The processes of the story. None of them outlives this one.

use crate::exit::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
const TAIL_LINES: usize = 15;
const TAIL_BYTES: u64 = 16 << 10;

/// Another instance of this program. It is killed when this value goes, and it ends by itself when this process does,
/// however that happens: it holds the other end of a pipe.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Option<Child>,
    log: PathBuf,
}

/// Where a process lives, one after the other if it is killed and started again. Shared by those who talk to it and those who
/// kill it.
#[derive(Debug, Default)]
pub(crate) struct Seat(Mutex<Option<Process>>);

impl Seat {
    /// Somebody sits down; whoever sat there is killed first.
    pub(crate) fn fill(&self, start: impl FnOnce() -> Result<Process>) -> Result<()> {
        // Under one lock: nobody sees the seat empty in between.
        let mut seat = self.lock();
        drop(seat.take());
        *seat = Some(start()?);
        Ok(())
    }

    /// Kills whoever sits there; false if nobody does.
    pub(crate) fn empty(&self) -> bool {
        self.lock().take().is_some()
    }

    /// Whether a process was started here and not killed by us.
    pub(crate) fn is_taken(&self) -> bool {
        self.lock().is_some()
    }

    /// An error if a process was started and has ended by itself.
    pub(crate) fn check(&self) -> Result<()> {
        self.lock().as_mut().map_or(Ok(()), Process::check)
    }

    /// Name and end of what was printed.
    pub(crate) fn log_tail(&self) -> Option<String> {
        self.lock().as_ref().map(|process| format!("--- {}\n{}\n", process.name, process.log_tail()))
    }

    /// Asks `ready` again and again until it has an answer, the process ends by itself or the time is over.
    pub(crate) async fn wait_until<T>(
        &self,
        (who, what): (&str, &str),
        limit: Duration,
        mut ready: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(answer) = ready().await {
                return Ok(answer);
            }
            self.check()?;
            if start.elapsed() > limit {
                return Err(Error::other(format!("{who} did not {what} within {} s", limit.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts `perunika ARGS…`; what it prints goes to the end of `log`.
    pub(crate) fn spawn(name: &str, args: &[String], envs: &[(&str, &str)], log: &Path) -> Result<Self> {
        let program = std::env::current_exe().map_err(|e| Error::other(format!("this program has no path: {e}")))?;
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.map_err(|e| Error::other(format!("{} cannot be written: {e}", log.display())))?;
        let copy = file.try_clone().map_err(|e| Error::other(format!("{}: {e}", log.display())))?;
        let mut command = Command::new(program);
        command.args(args).envs(envs.iter().copied()).stdin(Stdio::piped()).stdout(file).stderr(copy);
        own_group(&mut command);
        let child = command.spawn().map_err(|e| Error::other(format!("{name} did not start: {e}")))?;
        Ok(Self { name: name.to_owned(), child: Some(child), log: log.to_owned() })
    }

    /// Kills it as the system does when memory runs out (SIGKILL); returns once it is gone.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if the process has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// An error if it is not running.
    fn check(&mut self) -> Result<()> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(status))) => Err(Error::other(format!("{} ended early ({status})", self.name))),
            Some(Err(e)) => Err(Error::other(format!("{} cannot be watched: {e}", self.name))),
            None => Err(Error::other(format!("{} is not running", self.name))),
        }
    }

    /// The end of what it printed.
    fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ctrl-C on the terminal reaches this process alone, which then ends the others in its own order.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = fs::metadata(path)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        fs::write(&path, lines.join("\n")).expect("written");
        let tail = tail(&path).expect("read");
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 4999"));
    }
}
