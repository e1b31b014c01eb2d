//! Runs other programs: with visible output, with captured output, or with output that is both shown and parsed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::context::Context;

/// A cargo command in the workspace; uses the cargo that started this program.
pub(crate) fn cargo(context: &Context) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(context.root());
    command
}

/// A Node command in the workspace.
pub(crate) fn node(context: &Context) -> Command {
    let mut command = Command::new("node");
    command.current_dir(context.root());
    command
}

/// Runs a program that writes to the terminal.
pub(crate) fn run_visible(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| start_failure(command))?;
    check_status(command, status, "")
}

/// Runs a program and returns its standard output; the error of a failed program contains all its output.
pub(crate) fn run_captured(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| start_failure(command))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    check_status(command, output.status, &format!(":\n{stdout}{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(stdout)
}

/// Runs a program, prints its standard output and passes each line to `on_line`.
pub(crate) fn run_parsed(command: &mut Command, on_line: &mut dyn FnMut(&str)) -> Result<ExitStatus> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| start_failure(command))?;
    let mut stdout = child.stdout.take().map(BufReader::new);
    let mut line = Vec::new();
    while stdout.as_mut().is_some_and(|stdout| stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0)) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        on_line(text.trim_end());
        line.clear();
    }
    child.wait().with_context(|| start_failure(command))
}

/// The message for a program that did not start, with what to install.
pub(crate) fn start_failure(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let advice = match &*program {
        "node" | "npm" => "install Node 20 or newer",
        "rustup" => "install Rust from https://rustup.rs",
        _ => "it is not installed or not on the PATH",
    };
    format!("cannot start `{program}`; {advice}")
}

/// The first of these programs that is on the `PATH`.
pub(crate) fn find_on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn check_status(command: &Command, status: ExitStatus, output: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let command_line: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    bail!("`{}` failed ({status}){output}", command_line.join(" "))
}
