//! Processes that go on when the command that started them is done.

use crate::exit::{Error, Result};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
const START_LIMIT: Duration = Duration::from_secs(60);

/// A process in the background. Dropping it leaves it alone.
#[derive(Debug)]
pub(crate) struct Background {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts `perunika ARGS…`; what it prints goes to the end of `log`, its process id to `pid`.
    pub(crate) fn start(
        name: &'static str,
        args: &[String],
        envs: &[(&str, &str)],
        log: &Path,
        pid: &Path,
    ) -> Result<Self> {
        let unusable =
            |path: &Path, e: std::io::Error| Error::user(format!("{} cannot be written: {e}", path.display()));
        let program = std::env::current_exe().map_err(|e| Error::other(format!("this program has no path: {e}")))?;
        let file = OpenOptions::new().create(true).append(true).open(log).map_err(|e| unusable(log, e))?;
        let copy = file.try_clone().map_err(|e| unusable(log, e))?;
        let mut command = Command::new(program);
        command.args(args).envs(envs.iter().copied()).stdin(Stdio::null()).stdout(file).stderr(copy);
        // Ctrl-C on the terminal is for what runs in the foreground.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|e| Error::other(format!("{name} did not start: {e}")))?;
        let mut started = Self { name, child, log: log.to_owned() };
        if let Err(e) = fs::write(pid, format!("{}\n", started.child.id())) {
            let _ = started.child.kill();
            return Err(unusable(pid, e));
        }
        Ok(started)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` has an answer. What ends before that says why, and with the exit code whose fault it is.
    pub(crate) async fn wait_until<T>(&mut self, mut ready: impl AsyncFnMut() -> Option<T>) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(answer) = ready().await {
                return Ok(answer);
            }
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(Error::of_process(status.code(), &self.last_words())),
                Err(e) => return Err(Error::other(format!("{} cannot be watched: {e}", self.name))),
            }
            if start.elapsed() > START_LIMIT {
                let (name, log) = (self.name, self.log.display());
                return Err(Error::other(format!("{name} does not answer yet; its log is {log}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let last = text.lines().last().unwrap_or_default();
        let words = last.strip_prefix("error: ").unwrap_or(last);
        if words.is_empty() { format!("{} ended without a word", self.name) } else { words.to_owned() }
    }
}
