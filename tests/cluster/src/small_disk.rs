//! A small disk for one process, which really becomes full: a file system in memory, in a namespace that ends with the process.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Ways to mount a disk in a namespace of its own: as the system's administrator, or in a user namespace.
const NAMESPACES: [&[&str]; 2] = [&["-m"], &["--user", "--map-root-user", "-m"]];

/// Mounts a disk of `$0` megabytes at `$1`, and becomes the program that follows.
const SCRIPT: &str = "mount -t tmpfs -o size=\"$0m\" tmpfs \"$1\" && shift && exec \"$@\"";

/// How much the ballast grows at a time.
const BLOCK: [u8; 4096] = [0; 4096];

/// Returns the words before a program and its arguments that give it an empty disk at `folder`, or None if the system does not allow it.
pub fn small_disk(folder: &Path, megabytes: u32) -> Option<Vec<String>> {
    let is_allowed = |namespace: &&&[&str]| {
        let output = Command::new("unshare").args(**namespace).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(folder).output();
        output.is_ok_and(|output| output.status.success())
    };
    let namespace = NAMESPACES.iter().find(is_allowed)?;
    let (megabytes, folder) = (megabytes.to_string(), folder.to_string_lossy());
    let words = [&["unshare"], *namespace, &["sh", "-c", SCRIPT, &megabytes, &folder]].concat();
    Some(words.into_iter().map(str::to_owned).collect())
}

/// Returns the path under which a file of such a process is found from outside.
pub fn inside(pid: u32, path: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/root{}", path.display()))
}

/// Writes a file until the disk is full.
pub fn fill(file: &Path) -> std::io::Result<()> {
    let mut file = File::create(file)?;
    while file.write_all(&BLOCK).is_ok() {}
    Ok(())
}
