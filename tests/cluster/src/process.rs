//! A program that can be killed, paused and started again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A program. Dropping it kills it.
pub struct Process {
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// A program that does not run yet. What it prints is appended to `log`.
    pub fn new(log: PathBuf) -> Self {
        Self { log, child: Mutex::default() }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file with what it prints.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts the program. Ctrl-C in a terminal does not reach it.
    pub fn start(&self, command: &mut Command) -> Result<()> {
        use std::os::unix::process::CommandExt;
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        *self.child() = Some(child);
        Ok(())
    }

    /// Kills the program, also if it is paused.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // The only error is that it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Returns its process id, or None if it was not started or is killed.
    pub fn pid(&self) -> Option<Pid> {
        self.child().as_ref().map(Pid::from_child)
    }

    /// Returns whether it runs; false if it has ended by itself.
    pub fn is_running(&self) -> bool {
        self.child().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else { bail!("the program does not run") };
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it has ended by itself, and returns whether it succeeded.
    pub fn wait(&self) -> Result<bool> {
        let Some(mut child) = self.child().take() else { return Ok(true) };
        Ok(child.wait()?.success())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
