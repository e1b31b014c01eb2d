//! The projects in the data folder, in a file that only its owner can read.
//!
//! It is written beside its place and then moved there, so that nobody ever reads half of it. Who changes it holds a lock meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file_version::FileVersion;
use crate::projects::{Former, Keys, parse};
use crate::{Error, clock};

/// The file in the data folder.
const FILE: &str = "projects.json";

/// Where the only project stood, as `TOKEN:SECRET`, before there could be several.
const FORMER_FILE: &str = "project";

/// A project as it stands in the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) token: String,
    /// The last one is the newest.
    pub(crate) secrets: Vec<Secret>,
    /// When it was retired, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retired_at: Option<u64>,
}

/// A secret, and when it ends.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secret {
    secret: String,
    /// In milliseconds since 1970; the newest one has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

impl Entry {
    /// Returns the keys and the former secrets of a project that is not retired.
    pub(crate) fn in_use(mut self) -> Option<(Keys, Vec<Former>)> {
        let newest = self.secrets.pop().filter(|_| self.retired_at.is_none())?;
        let former = self.secrets.into_iter().filter_map(|Secret { secret, until }| Some(Former { secret, until: until? }));
        Some((Keys { token: self.token, secret: newest.secret }, former.collect()))
    }
}

/// Returns the edition of the file in `folder`.
pub(crate) fn edition(folder: &Path) -> FileVersion {
    FileVersion::of(&folder.join(FILE))
}

/// Returns all projects in `folder`, oldest first.
pub(crate) fn read(folder: &Path) -> Result<Vec<Entry>, Error> {
    let path = folder.join(FILE);
    let fault = |source| Error::DataFolder { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| fault(unreadable(&error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(fault(error)),
    }
}

/// The text is not repeated, because it holds secrets.
fn unreadable(error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is no list of projects (line {})", error.line()))
}

/// Changes the projects in `folder`, all at once or not at all.
pub(crate) fn change<T>(folder: &Path, change: impl FnOnce(&mut Vec<Entry>) -> Result<T, Error>) -> Result<T, Error> {
    let fault = |source| Error::DataFolder { path: folder.join(FILE), source };
    let lock = File::create(folder.join("projects.lock")).map_err(fault)?;
    lock.lock().map_err(fault)?;
    let mut entries = read(folder)?;
    let result = change(&mut entries)?;
    write(folder, &entries).map_err(fault)?;
    Ok(result)
}

fn write(folder: &Path, entries: &[Entry]) -> io::Result<()> {
    let beside = folder.join("projects.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(entries).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(FILE))
}

/// Makes the first project, unless this folder ever had one.
pub(crate) fn first(folder: &Path) -> Result<Option<Keys>, Error> {
    if folder.join(FILE).exists() {
        return Ok(None);
    }
    let fault = |source| Error::DataFolder { path: folder.join(FILE), source };
    if let Ok(text) = fs::read_to_string(folder.join(FORMER_FILE)) {
        let Keys { token, secret } = parse(text.trim()).map_err(Error::BadKeys)?;
        change(folder, |entries| add(entries, &token, secret))?;
        return Ok(None);
    }
    let keys = Keys { token: clock::random_hex::<8>().map_err(fault)?, secret: secret().map_err(fault)? };
    change(folder, |entries| add(entries, &keys.token, keys.secret.clone()))?;
    Ok(Some(keys))
}

/// Makes a secret.
pub(crate) fn secret() -> io::Result<String> {
    clock::random_hex::<24>()
}

/// Adds a project, or brings a retired one back.
pub(crate) fn add(entries: &mut Vec<Entry>, token: &str, secret: String) -> Result<(), Error> {
    parse(&format!("{token}:{secret}")).map_err(Error::BadKeys)?;
    if entries.iter().any(|entry| entry.token == token && entry.retired_at.is_none()) {
        return Err(Error::ProjectExists);
    }
    entries.retain(|entry| entry.token != token);
    entries.push(Entry { token: token.into(), secrets: vec![Secret { secret, until: None }], retired_at: None });
    Ok(())
}

/// Replaces a project's secret. Those before it are good until `until` at the latest, in milliseconds since 1970.
pub(crate) fn rotate(entries: &mut [Entry], token: &str, secret: String, until: u64) -> Result<(), Error> {
    let entry = find(entries, token)?;
    for former in &mut entry.secrets {
        former.until = Some(former.until.map_or(until, |known| known.min(until)));
    }
    entry.secrets.push(Secret { secret, until: None });
    Ok(())
}

/// Ends a project: its token and all its secrets.
pub(crate) fn retire(entries: &mut [Entry], token: &str, now: u64) -> Result<(), Error> {
    let entry = find(entries, token)?;
    entry.secrets.clear();
    entry.retired_at = Some(now);
    Ok(())
}

fn find<'a>(entries: &'a mut [Entry], token: &str) -> Result<&'a mut Entry, Error> {
    entries.iter_mut().find(|entry| entry.token == token && entry.retired_at.is_none()).ok_or(Error::NoSuchProject)
}
