//! The projects file in the data folder. Only its owner can read it.
//!
//! It is replaced atomically, so no reader sees a partial file. A lock file serialises the processes that change it or the keys.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::file_change::FileVersion;
use crate::projects::{Credentials, PreviousSecret, parse};
use crate::{atomic_file, clock};

/// The file in the data folder.
pub(crate) const FILE: &str = "projects.json";

/// The file that a process locks while it changes the projects.
pub(crate) const LOCK_FILE: &str = "projects.lock";

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
pub(crate) fn read(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        // The message does not quote the file, because it contains secrets.
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| anyhow!("{}: the file is not a valid list of projects (line {})", path.display(), error.line())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| unusable(&path)),
    }
}

fn unusable(path: &Path) -> String {
    format!("cannot use {}; make it readable and writable or choose another folder with --data", path.display())
}

/// Runs `work` while no other process changes the projects or the keys in `folder`.
pub(crate) fn locked<T>(folder: &Path, work: impl FnOnce() -> T) -> anyhow::Result<T> {
    let lock = File::create(folder.join(LOCK_FILE)).with_context(|| unusable(folder))?;
    lock.lock().with_context(|| unusable(folder))?;
    Ok(work())
}

/// Changes the projects in `folder`. Either the whole change is stored or, after an error, none of it.
pub(crate) fn change<T>(folder: &Path, change: impl FnOnce(&mut Vec<Entry>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let path = folder.join(FILE);
    locked(folder, || {
        let mut entries = read(folder)?;
        let result = change(&mut entries)?;
        atomic_file::replace(&path, &serde_json::to_vec_pretty(&entries)?).with_context(|| unusable(&path))?;
        Ok(result)
    })?
}

/// Creates the first project, unless the folder has or had one. Returns the new credentials.
pub(crate) fn create_first(folder: &Path) -> anyhow::Result<Option<Credentials>> {
    if folder.join(FILE).exists() {
        return Ok(None);
    }
    if let Ok(text) = fs::read_to_string(folder.join(SINGLE_PROJECT_FILE)) {
        let Credentials { token, secret } = parse(text.trim()).map_err(|reason| anyhow!("the project {reason}"))?;
        change(folder, |entries| add(entries, &token, secret))?;
        return Ok(None);
    }
    let credentials = Credentials { token: random_token()?, secret: random_secret()? };
    change(folder, |entries| add(entries, &credentials.token, credentials.secret.clone()))?;
    Ok(Some(credentials))
}

/// Returns a new random token.
pub(crate) fn random_token() -> anyhow::Result<String> {
    clock::random_hex::<8>().context("the system returned no random bytes")
}

/// Returns a new random secret.
pub(crate) fn random_secret() -> anyhow::Result<String> {
    clock::random_hex::<24>().context("the system returned no random bytes")
}

/// Adds a project, or restores a retired one.
pub(crate) fn add(entries: &mut Vec<Entry>, token: &str, secret: String) -> anyhow::Result<()> {
    parse(&format!("{token}:{secret}")).map_err(|reason| anyhow!("the project {reason}"))?;
    if entries.iter().any(|entry| entry.token == token && entry.retired_at.is_none()) {
        bail!("the project exists already; `tillroll projects rotate-secret` replaces its secret");
    }
    entries.retain(|entry| entry.token != token);
    entries.push(Entry { token: token.into(), secrets: vec![Secret { secret, until: None }], retired_at: None });
    Ok(())
}

/// Replaces a project's secret. Previous secrets expire at `until` at the latest, in milliseconds since 1970.
pub(crate) fn rotate(entries: &mut [Entry], token: &str, secret: String, until: u64) -> anyhow::Result<()> {
    parse(&format!("{token}:{secret}")).map_err(|reason| anyhow!("the project {reason}"))?;
    let entry = find(entries, token)?;
    for previous in &mut entry.secrets {
        previous.until = Some(previous.until.map_or(until, |earlier| earlier.min(until)));
    }
    entry.secrets.push(Secret { secret, until: None });
    Ok(())
}

/// Retires a project: deletes all its secrets.
pub(crate) fn retire(entries: &mut [Entry], token: &str, now: u64) -> anyhow::Result<()> {
    let entry = find(entries, token)?;
    entry.secrets.clear();
    entry.retired_at = Some(now);
    Ok(())
}

fn find<'a>(entries: &'a mut [Entry], token: &str) -> anyhow::Result<&'a mut Entry> {
    let found = entries.iter_mut().find(|entry| entry.token == token);
    let entry =
        found.context("no project with this token is stored in the data folder; change a project of --project where that flag is set")?;
    if entry.retired_at.is_some() {
        bail!("{token} is retired; `tillroll projects add {token}` activates it again");
    }
    Ok(entry)
}
