//! The processes of the story. None of them outlives this one.

use crate::exit::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

    /// The name that people see.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Kills it as the system does when memory runs out (SIGKILL); returns once it is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if the process has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// An error if it is not running.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(status))) => Err(Error::other(format!("{} ended early ({status})", self.name))),
            Some(Err(e)) => Err(Error::other(format!("{} cannot be watched: {e}", self.name))),
            None => Err(Error::other(format!("{} is not running", self.name))),
        }
    }

    /// The end of what it printed.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_default()
    }

    /// Asks `ready` again and again until it has an answer, the process ends or the time is over.
    pub(crate) async fn wait_until<T>(
        &mut self,
        what: &str,
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
                return Err(Error::other(format!("{} did not {what} within {} s", self.name, limit.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
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
