//! Running other programs: aloud, where a person wants to watch, or quietly, where only a failure is worth reading.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::context::Context;
use crate::error::Error;

/// A cargo command in the workspace, by the cargo that started us.
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

/// Runs a program whose output goes straight to the screen.
pub(crate) fn aloud(command: &mut Command) -> Result<(), Error> {
    let status = command.stdin(Stdio::null()).status().map_err(|source| not_started(command, source))?;
    judge(command, status, String::new())
}

/// Runs a program and gives its standard output; a failure carries all it said.
pub(crate) fn quiet(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|source| not_started(command, source))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = format!(":\n{said}{}", String::from_utf8_lossy(&output.stderr));
    judge(command, output.status, complaint)?;
    Ok(said)
}

/// Runs a program whose standard output goes to the screen and, line by line, to a reader.
pub(crate) fn watched(command: &mut Command, read: &mut dyn FnMut(&str)) -> Result<ExitStatus, Error> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|source| not_started(command, source))?;
    let mut output = child.stdout.take().map(BufReader::new);
    let mut line = Vec::new();
    while output.as_mut().is_some_and(|output| output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0)) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        read(text.trim_end());
        line.clear();
    }
    child.wait().map_err(|source| not_started(command, source))
}

/// The error for a program that did not start.
pub(crate) fn not_started(command: &Command, source: std::io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    let remedy = match program.as_str() {
        "node" | "npm" => "install Node 20 or newer",
        "rustup" => "install Rust by https://rustup.rs",
        _ => "it is not installed, or not on the PATH",
    };
    Error::Start { program, source, remedy }
}

/// The first program of these names on the `PATH`.
pub(crate) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn judge(command: &Command, status: ExitStatus, said: String) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    Err(Error::Failed { command: words.join(" "), status, said })
}
