//! The projects file in the data folder. Only its owner can read it.
//!
//! It is replaced atomically, so no reader sees a partial file. A lock file serialises the processes that change it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file_version::FileVersion;
use crate::projects::{Credentials, PreviousSecret, parse};
use crate::{Error, atomic_file, clock};

/// The file in the data folder.
const FILE: &str = "projects.json";

/// The file of earlier versions, which held one project as `TOKEN:SECRET`.
const SINGLE_PROJECT_FILE: &str = "project";

/// A project in the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) token: String,
    /// The secrets; the last one is current.
    pub(crate) secrets: Vec<Secret>,
    /// When the project was retired, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retired_at: Option<u64>,
}

/// A secret and its expiry.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secret {
    secret: String,
    /// When the secret expires, in milliseconds since 1970; the current one does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

impl Entry {
    /// Returns the credentials and the previous secrets, or None if the project is retired.
    pub(crate) fn credentials(mut self) -> Option<(Credentials, Vec<PreviousSecret>)> {
        let current = self.secrets.pop().filter(|_| self.retired_at.is_none())?;
        let previous = self.secrets.into_iter().filter_map(|Secret { secret, until }| Some(PreviousSecret { secret, until: until? }));
        Some((Credentials { token: self.token, secret: current.secret }, previous.collect()))
    }
}

/// Returns the version of the file in `folder`.
pub(crate) fn version(folder: &Path) -> FileVersion {
    FileVersion::of(&folder.join(FILE))
}

/// Returns all projects in `folder`, oldest first.
pub(crate) fn read(folder: &Path) -> Result<Vec<Entry>, Error> {
    let path = folder.join(FILE);
    let failed = |source| Error::DataFolder { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(invalid_file(&error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// The message does not quote the file, because it contains secrets.
fn invalid_file(error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is not a valid list of projects (line {})", error.line()))
}

/// Changes the projects in `folder`. Either the whole change is stored or, after an error, none of it.
pub(crate) fn change<T>(folder: &Path, change: impl FnOnce(&mut Vec<Entry>) -> Result<T, Error>) -> Result<T, Error> {
    let path = folder.join(FILE);
    let failed = |source| Error::DataFolder { path: path.clone(), source };
    let lock = File::create(folder.join("projects.lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut entries = read(folder)?;
    let result = change(&mut entries)?;
    let json = serde_json::to_vec_pretty(&entries).map_err(io::Error::other);
    json.and_then(|json| atomic_file::replace(&path, &json)).map_err(failed)?;
    Ok(result)
}

/// Creates the first project, unless the folder has or had one. Returns the new credentials.
pub(crate) fn create_first(folder: &Path) -> Result<Option<Credentials>, Error> {
    if folder.join(FILE).exists() {
        return Ok(None);
    }
    let failed = |source| Error::DataFolder { path: folder.join(FILE), source };
    if let Ok(text) = fs::read_to_string(folder.join(SINGLE_PROJECT_FILE)) {
        let Credentials { token, secret } = parse(text.trim()).map_err(Error::InvalidCredentials)?;
        change(folder, |entries| add(entries, &token, secret))?;
        return Ok(None);
    }
    let credentials = Credentials { token: clock::random_hex::<8>().map_err(failed)?, secret: random_secret().map_err(failed)? };
    change(folder, |entries| add(entries, &credentials.token, credentials.secret.clone()))?;
    Ok(Some(credentials))
}

/// Returns a new random secret.
pub(crate) fn random_secret() -> io::Result<String> {
    clock::random_hex::<24>()
}

/// Adds a project, or restores a retired one.
pub(crate) fn add(entries: &mut Vec<Entry>, token: &str, secret: String) -> Result<(), Error> {
    parse(&format!("{token}:{secret}")).map_err(Error::InvalidCredentials)?;
    if entries.iter().any(|entry| entry.token == token && entry.retired_at.is_none()) {
        return Err(Error::ProjectExists);
    }
    entries.retain(|entry| entry.token != token);
    entries.push(Entry { token: token.into(), secrets: vec![Secret { secret, until: None }], retired_at: None });
    Ok(())
}

/// Replaces a project's secret. Previous secrets expire at `until` at the latest, in milliseconds since 1970.
pub(crate) fn rotate(entries: &mut [Entry], token: &str, secret: String, until: u64) -> Result<(), Error> {
    let entry = find(entries, token)?;
    for previous in &mut entry.secrets {
        previous.until = Some(previous.until.map_or(until, |earlier| earlier.min(until)));
    }
    entry.secrets.push(Secret { secret, until: None });
    Ok(())
}

/// Retires a project: deletes all its secrets.
pub(crate) fn retire(entries: &mut [Entry], token: &str, now: u64) -> Result<(), Error> {
    let entry = find(entries, token)?;
    entry.secrets.clear();
    entry.retired_at = Some(now);
    Ok(())
}

fn find<'a>(entries: &'a mut [Entry], token: &str) -> Result<&'a mut Entry, Error> {
    entries.iter_mut().find(|entry| entry.token == token && entry.retired_at.is_none()).ok_or(Error::ProjectNotFound)
}
