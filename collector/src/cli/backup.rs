//! `tillroll backup TO`: copies the data folder as of one moment, while its server keeps running.
//!
//! The store is copied from one snapshot, so the copy contains every event that was acknowledged before, and no partial transaction. It
//! replaces an earlier backup at the same place only when it is complete and on disk. The projection is not copied: it is rebuilt from
//! the store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::json;

use crate::cli::files::{create, failed, files_below, remove, rename, sync_folder, write_private};
use crate::cli::progress::byte_bar;
use crate::clock::Clock;
use crate::config::DataFolder;
use crate::operator_error::with_advice;
use crate::projection;
use crate::projects;
use crate::store::{FILE, LOCK_FILE, ReadOnlyStore};

/// The file that marks a folder as a backup.
pub(super) const MANIFEST: &str = "backup.json";

/// How often the progress bar is updated.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// The flags of `tillroll backup`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Backup folder to create; an earlier backup there is replaced
    pub to: PathBuf,

    /// The data folder.
    #[command(flatten)]
    pub folder: DataFolder,
}

/// Runs the command.
pub fn run(flags: &Flags, clock: Clock) -> anyhow::Result<()> {
    let data = &flags.folder.data;
    let to = target(&flags.to)?;
    refuse_overlap(&to, data)?;
    let is_free = fs::read_dir(&to).map_or(!to.exists(), |mut entries| entries.next().is_none());
    if !is_free && !to.join(MANIFEST).is_file() {
        bail!("{} exists and is not a backup; choose another folder", to.display());
    }
    let store = ReadOnlyStore::open(data).map_err(with_advice)?;
    let (new, previous) = (sibling(&to, "new"), sibling(&to, "old"));
    remove(&new)?;
    let made = make(data, store, &new, clock).with_context(|| format!("cannot make the backup {}", to.display()));
    // A partial copy contains personal data and takes space.
    let bytes = made.inspect_err(|_| drop(remove(&new)))?;
    remove(&previous)?;
    if to.exists() {
        rename(&to, &previous)?;
    }
    rename(&new, &to)?;
    sync_folder(to.parent().unwrap_or(&to))?;
    remove(&previous)?;
    eprintln!("Created the backup {} with {bytes} bytes of store.", to.display());
    Ok(())
}

/// Returns the absolute path of the backup. The folder of a symbolic link is replaced, not the link.
fn target(to: &Path) -> anyhow::Result<PathBuf> {
    let is_there = fs::symlink_metadata(to).is_ok();
    let target = if is_there { fs::canonicalize(to) } else { std::path::absolute(to) };
    let target = target.with_context(failed("write", to))?;
    // A backup replaces the folder of the one before, which is not possible there.
    if is_mount_point(&target) {
        bail!("{} is a mount point; name a folder inside of it", target.display());
    }
    Ok(target)
}

/// Refuses a backup within the data folder, which later backups would contain, and one in place of a folder that contains the data folder.
fn refuse_overlap(to: &Path, data: &Path) -> anyhow::Result<()> {
    let Ok(data) = fs::canonicalize(data) else { return Ok(()) };
    let existing = to.ancestors().find_map(|folder| Some((fs::canonicalize(folder).ok()?, to.strip_prefix(folder).ok()?)));
    let resolved = existing.map_or_else(|| to.to_owned(), |(folder, rest)| folder.join(rest));
    if resolved.starts_with(&data) {
        bail!("{} is within the data folder {}; choose a folder outside of it", to.display(), data.display());
    }
    if data.starts_with(&resolved) {
        bail!("{} contains the data folder {}; choose another folder", to.display(), data.display());
    }
    Ok(())
}

#[cfg(unix)]
fn is_mount_point(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|data| data.dev()).ok();
    match (device(folder), folder.parent().map(device)) {
        (Some(own), Some(Some(parent))) => own != parent,
        (own, None) => own.is_some(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_mount_point(_folder: &Path) -> bool {
    false
}

/// Writes the files of a backup into a new folder, and returns the size of the store in bytes.
fn make(data: &Path, store: ReadOnlyStore, new: &Path, clock: Clock) -> anyhow::Result<u64> {
    create(new)?;
    let file = new.join(FILE);
    copy_other_files(data, new)?;
    copy_store(store, &file)?;
    let bytes = fs::metadata(&file).map_or(0, |data| data.len());
    let manifest = json!({"made_at": clock.millis(), "bytes": bytes, "version": env!("CARGO_PKG_VERSION")});
    write_private(&new.join(MANIFEST), format!("{manifest}\n").as_bytes())?;
    sync_folder(new)?;
    Ok(bytes)
}

/// Copies the store on a second thread, and shows the size of the copy as the progress.
fn copy_store(store: ReadOnlyStore, file: &Path) -> anyhow::Result<()> {
    let bar = byte_bar("store", store.bytes().map_err(with_advice)?);
    let (sender, result) = mpsc::channel();
    let target = file.to_owned();
    let thread = std::thread::spawn(move || {
        // The receiver is gone only if this command has failed.
        let _ = sender.send(store.copy_to(&target));
    });
    let copied = loop {
        match result.recv_timeout(PROGRESS_INTERVAL) {
            Ok(result) => break result.map_err(with_advice),
            Err(RecvTimeoutError::Timeout) => bar.set_position(fs::metadata(file).map_or(0, |data| data.len())),
            Err(RecvTimeoutError::Disconnected) => break Err(anyhow!("the copying thread ended without a result")),
        }
    };
    bar.finish_and_clear();
    let _ = thread.join();
    copied?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).with_context(failed("write", file))?;
    }
    File::open(file).and_then(|file| file.sync_all()).with_context(failed("write", file))
}

/// Copies everything in the data folder except store and projection: keys, projects, and positions of forwarding.
///
/// These are copied before the store: a position must not be ahead of the store that it refers to.
fn copy_other_files(data: &Path, to: &Path) -> anyhow::Result<()> {
    for name in files_below(data)? {
        let text = name.to_string_lossy();
        // A name may end in a project's token, which the shop has chosen. Those that begin with a dot are temporary.
        let is_separate = [FILE, projection::FILE_PREFIX, "."].iter().any(|start| text.starts_with(start));
        if is_separate || [MANIFEST, LOCK_FILE, projects::file::LOCK_FILE].contains(&&*text) {
            continue;
        }
        let (from, to) = (data.join(&name), to.join(&name));
        let bytes = fs::read(&from).with_context(failed("read", &from))?;
        create(to.parent().unwrap_or(&to))?;
        write_private(&to, &bytes)?;
    }
    Ok(())
}

/// Returns a temporary path in the same parent folder, so that the rename is atomic.
fn sibling(to: &Path, purpose: &str) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.tillroll-{purpose}"))
}
