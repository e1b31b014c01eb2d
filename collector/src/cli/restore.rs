//! `tillroll restore FROM`: a data folder made of a backup.
//!
//! The backup is checked before anything is written, and nothing that is there is ever replaced.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::Error;
use crate::cli::backup::{LABEL, files_below, make, private};
use crate::cli::{Fault, sync_folder, weighing};
use crate::store::{self, FILE};

/// The flags of `tillroll restore`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The folder that a backup has made
    pub from: PathBuf,

    /// The data folder to make; it must be empty or not there yet
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Restores.
pub fn run(flags: &Flags) -> Result<(), Error> {
    if !flags.from.join(LABEL).is_file() || !flags.from.join(FILE).is_file() {
        let reason = "it is no folder that `tillroll backup` has made".to_owned();
        return Err(Fault::NotBackup { path: flags.from.clone(), reason }.into());
    }
    store::check_file(&flags.from.join(FILE))?;
    make(&flags.data)?;
    if store::is_used(&flags.data) {
        return Err(Fault::NotEmpty(flags.data.clone()).into());
    }
    let _lock = store::lock(&flags.data)?;
    let mut files = files_below(&flags.from)?;
    // The store comes last, under another name: a folder with a store in it is a whole one.
    files.sort_by_key(|name| name == Path::new(FILE));
    let size = files.iter().filter_map(|name| fs::metadata(flags.from.join(name)).ok()).map(|data| data.len()).sum();
    let bar = weighing("files", size);
    for name in files.iter().filter(|name| *name != Path::new(LABEL)) {
        let (from, to) = (flags.from.join(name), flags.data.join(name));
        let part = to.with_added_extension("part");
        make(to.parent().unwrap_or(&to))?;
        copy(&from, &part, |bytes| bar.inc(bytes))?;
        fs::rename(&part, &to).map_err(|source| Fault::file("write", &to, source))?;
    }
    sync_folder(&flags.data)?;
    bar.finish_and_clear();
    eprintln!("{} is restored; start a server on it.", flags.data.display());
    Ok(())
}

fn copy(from: &Path, to: &Path, mut copied: impl FnMut(u64)) -> Result<(), Fault> {
    let mut source = File::open(from).map_err(|source| Fault::file("read", from, source))?;
    let fault = |source| Fault::file("write", to, source);
    let mut target = private(to).map_err(fault)?;
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut piece).map_err(|source| Fault::file("read", from, source))?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        target.write_all(bytes).map_err(fault)?;
        copied(read as u64);
    }
    target.sync_all().map_err(fault)
}
