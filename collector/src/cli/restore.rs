//! `tillroll restore FROM`: creates a data folder from a backup.
//!
//! The backup is checked before anything is written, and no existing file is ever replaced, except what an interrupted restore left.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::backup::MANIFEST;
use crate::cli::files::{create, create_data_folder, create_private, failed, files_below, rename, sync_folder};
use crate::cli::progress::byte_bar;
use crate::operator_error::with_advice;
use crate::store::{self, FILE};

/// The flags of `tillroll restore`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Backup folder
    pub from: PathBuf,

    /// Data folder to create; it must be missing or empty
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Runs the command.
pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let not_restorable = || format!("{} cannot be restored", flags.from.display());
    for name in [MANIFEST, FILE] {
        let path = flags.from.join(name);
        match path.metadata() {
            Ok(data) if data.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error).with_context(failed("read", &path)),
            _ => bail!("{}: it is not a backup made by `tillroll backup`", not_restorable()),
        }
    }
    store::check_file(&flags.from.join(FILE)).map_err(with_advice).with_context(not_restorable)?;
    let mut files = files_below(&flags.from)?;
    create_data_folder(&flags.data, &files)?;
    let _lock = store::lock(&flags.data).map_err(with_advice)?;
    // The store is last and under a temporary name until it is complete: a folder that has a store is complete. The temporary file is there
    // from the beginning, so that no server starts with an empty store after an interruption.
    let unfinished = store::unfinished_file(&flags.data);
    create_private(&unfinished)?;
    files.sort_by_key(|name| name == Path::new(FILE));
    let bytes = files.iter().filter_map(|name| fs::metadata(flags.from.join(name)).ok()).map(|data| data.len()).sum();
    let bar = byte_bar("files", bytes);
    for name in files.iter().filter(|name| *name != Path::new(MANIFEST)) {
        let (from, to) = (flags.from.join(name), flags.data.join(name));
        let target = if name == Path::new(FILE) { &unfinished } else { &to };
        create(to.parent().unwrap_or(&to))?;
        copy(&from, target, |bytes| bar.inc(bytes))?;
    }
    rename(&unfinished, &flags.data.join(FILE))?;
    sync_folder(&flags.data)?;
    bar.finish_and_clear();
    eprintln!("Restored {}; start a server on it.", flags.data.display());
    Ok(())
}

fn copy(from: &Path, to: &Path, mut on_copied: impl FnMut(u64)) -> anyhow::Result<()> {
    let mut source = File::open(from).with_context(failed("read", from))?;
    let mut target = create_private(to)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut buffer).with_context(failed("read", from))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        target.write_all(bytes).with_context(failed("write", to))?;
        on_copied(read as u64);
    }
    target.sync_all().with_context(failed("write", to))
}
