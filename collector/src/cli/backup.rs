//! `tillroll backup TO`: a copy of the data folder as it was at one moment, while its server goes on.
//!
//! The store is copied from one snapshot, so everything that was acknowledged before is in it, and nothing half. A backup at the same place
//! takes the place of the earlier one only when it is whole and on disk. The projection is left out: it is made of the store.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::Error;
use crate::cli::{Fault, sync_folder, weighing};
use crate::clock::Clock;
use crate::projection;
use crate::store::{FILE, ReadOnlyStore};

/// Tells a backup from any other folder.
pub(super) const LABEL: &str = "backup.json";

/// How often the bar is brought up to date.
const LOOK: Duration = Duration::from_millis(100);

/// The flags of `tillroll backup`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The folder to make; an earlier backup there is replaced
    pub to: PathBuf,

    /// The folder in which everything is kept
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Backs up.
pub fn run(flags: &Flags, clock: Clock) -> Result<(), Error> {
    let to = std::path::absolute(&flags.to).map_err(|source| Fault::file("write", &flags.to, source))?;
    let is_free = fs::read_dir(&to).map_or(!to.exists(), |mut entries| entries.next().is_none());
    if !is_free && !to.join(LABEL).is_file() {
        return Err(Fault::Foreign(to).into());
    }
    let store = ReadOnlyStore::open(&flags.data)?;
    let (fresh, former) = (beside(&to, "new"), beside(&to, "old"));
    remove(&fresh)?;
    make(&fresh)?;
    let file = fresh.join(FILE);
    copy_rest(&flags.data, &fresh)?;
    copy(store, &file)?;
    let size = fs::metadata(&file).map_or(0, |data| data.len());
    let label = json!({"made_at": clock.millis(), "bytes": size, "version": env!("CARGO_PKG_VERSION")});
    write_private(&fresh.join(LABEL), format!("{label}\n").as_bytes())?;
    sync_folder(&fresh)?;
    remove(&former)?;
    if to.exists() {
        rename(&to, &former)?;
    }
    rename(&fresh, &to)?;
    sync_folder(to.parent().unwrap_or(&to))?;
    remove(&former)?;
    eprintln!("The backup is in {}; {size} bytes of store.", to.display());
    Ok(())
}

/// The copying thread cannot say how far it is, but its file can.
fn copy(store: ReadOnlyStore, file: &Path) -> Result<(), Error> {
    let bar = weighing("store", store.bytes()?);
    let (tell, done) = mpsc::channel();
    let target = file.to_owned();
    let copying = std::thread::spawn(move || {
        // Nobody listens any more only where we have failed already.
        let _ = tell.send(store.copy_to(&target));
    });
    let copied = loop {
        match done.recv_timeout(LOOK) {
            Ok(result) => break result.map_err(Error::from),
            Err(RecvTimeoutError::Timeout) => bar.set_position(fs::metadata(file).map_or(0, |data| data.len())),
            Err(RecvTimeoutError::Disconnected) => break Err(Fault::Broken.into()),
        }
    };
    bar.finish_and_clear();
    let _ = copying.join();
    copied?;
    protect(file)?;
    File::open(file).and_then(|file| file.sync_all()).map_err(|source| Fault::file("write", file, source).into())
}

/// Everything in the data folder that is neither store nor projection: keys, projects, and how far others were told.
///
/// It is copied before the store. A note of how far something has come must not be ahead of the store that it speaks of.
fn copy_rest(data: &Path, to: &Path) -> Result<(), Error> {
    for name in files_below(data)? {
        let text = name.to_string_lossy();
        let is_ours = text.starts_with(FILE) || text.starts_with(projection::FILE_PREFIX) || text == LABEL;
        if is_ours || [".new", ".part", "lock"].iter().any(|end| text.ends_with(end)) {
            continue;
        }
        let (from, to) = (data.join(&name), to.join(&name));
        let bytes = fs::read(&from).map_err(|source| Fault::file("read", &from, source))?;
        make(to.parent().unwrap_or(&to))?;
        write_private(&to, &bytes)?;
    }
    Ok(())
}

/// Returns the names of all files in a folder and the folders in it, from there.
pub(super) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault = |path: &Path, source| Fault::file("read", path, source);
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inner) = open.pop() {
        let path = folder.join(&inner);
        for entry in fs::read_dir(&path).map_err(|source| fault(&path, source))? {
            let entry = entry.map_err(|source| fault(&path, source))?;
            let name = inner.join(entry.file_name());
            match entry.file_type().map_err(|source| fault(&path, source))? {
                kind if kind.is_dir() => open.push(name),
                kind if kind.is_file() => found.push(name),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// What is kept is personal or secret, so nobody else on the machine may look.
pub(super) fn make(folder: &Path) -> Result<(), Fault> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| Fault::file("make", folder, source))
}

/// Writes a file that only its owner may read, durably.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let written = private(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|source| Fault::file("write", path, source))
}

/// Makes a file that only its owner may read.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn protect(path: &Path) -> Result<(), Fault> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|source| Fault::file("write", path, source))?;
    }
    Ok(())
}

/// A name of ours in the same folder, so that moving is one step.
fn beside(to: &Path, what: &str) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.tillroll-{what}"))
}

fn rename(from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to).map_err(|source| Fault::file("write", to, source))
}

fn remove(folder: &Path) -> Result<(), Fault> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(|source| Fault::file("remove", folder, source))
}
