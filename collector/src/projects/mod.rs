//! The projects of this server and their credentials.
//!
//! A token is public: it is part of the shop's pages. A secret is compared in constant time and never logged. Projects come from the
//! command line or from the data folder, where `tillroll projects` changes them while the server runs.

pub(crate) mod file;

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context, anyhow};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Clock;
use crate::file_change::FileVersion;
use crate::text_input::without_byte_order_mark;

/// The longest token, in characters.
const MAX_TOKEN_CHARS: usize = 128;

/// The shortest secret, in characters. It excludes a part of a secret; created secrets have 48 characters.
const MIN_SECRET_CHARS: usize = 5;

/// A token and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the project; public.
    pub token: String,
    /// The proof of ownership.
    pub secret: String,
}

/// A secret that was replaced and is still valid for some time.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    secret: String,
    /// When the secret expires, in milliseconds since 1970.
    until: u64,
}

/// The SHA-256 hash of a secret.
pub(crate) type SecretHash = [u8; 32];

/// A project, and the secret that a request has proved to have.
#[derive(Clone)]
pub struct Owner {
    project: Arc<Project>,
    secret: SecretHash,
}

impl Owner {
    /// Returns the hash of the secret.
    pub(crate) fn secret_hash(&self) -> &SecretHash {
        &self.secret
    }
}

impl Deref for Owner {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

/// The project of one shop.
pub struct Project {
    /// The number of the project in the store.
    pub id: i64,
    /// The token and the current secret.
    pub credentials: Credentials,
    /// The previous secrets.
    pub previous_secrets: Vec<PreviousSecret>,
    clock: Clock,
}

impl Project {
    /// Returns whether `is_valid` accepts a secret that is valid now. All are tried, so the duration does not reveal which one matched.
    pub fn verifies(&self, is_valid: impl Fn(&str) -> bool) -> bool {
        let now = self.clock.millis();
        let previous = self.previous_secrets.iter().filter(|previous| now < previous.until).map(|previous| previous.secret.as_str());
        previous.chain([self.credentials.secret.as_str()]).fold(false, |verified, secret| is_valid(secret) | verified)
    }
}

/// The projects by token, and the first one.
#[derive(Default)]
struct Index {
    first: Option<Arc<Project>>,
    by_token: HashMap<String, Arc<Project>>,
}

/// All projects of this server.
pub struct ProjectRegistry {
    from_flags: Vec<Credentials>,
    folder: PathBuf,
    clock: Clock,
    read: Mutex<Option<FileVersion>>,
    index: RwLock<Arc<Index>>,
}

impl ProjectRegistry {
    /// Loads the projects of the command line and of the data folder. If there are none, it creates one and returns its credentials too,
    /// for the operator. `id_of` returns the number of a token's project in the store.
    pub fn open(
        flags: &[String],
        folder: &Path,
        clock: Clock,
        id_of: impl Fn(&str) -> anyhow::Result<i64>,
    ) -> anyhow::Result<(Self, Option<Credentials>)> {
        let from_flags = parse_all(flags)?;
        let created = if from_flags.is_empty() { file::create_first(folder)? } else { None };
        let projects = Self { from_flags, folder: folder.into(), clock, read: Mutex::default(), index: RwLock::default() };
        projects.refresh(id_of)?;
        Ok((projects, created))
    }

    /// Reads the data folder again if another process has changed the projects.
    pub fn refresh(&self, id_of: impl Fn(&str) -> anyhow::Result<i64>) -> anyhow::Result<()> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let version = file::version(&self.folder);
        if *read == Some(version) {
            return Ok(());
        }
        let mut index = Index::default();
        let from_flags = self.from_flags.iter().map(|credentials| (credentials.clone(), Vec::new()));
        let from_file = file::read(&self.folder)?.into_iter().filter_map(file::Entry::credentials);
        for (credentials, previous_secrets) in from_flags.chain(from_file) {
            if index.by_token.contains_key(&credentials.token) {
                tracing::warn!("a project is set with --project and also stored in the data folder; the secret of --project is used");
                continue;
            }
            let project = Arc::new(Project { id: id_of(&credentials.token)?, previous_secrets, clock: self.clock, credentials });
            index.first.get_or_insert_with(|| Arc::clone(&project));
            index.by_token.insert(project.credentials.token.clone(), project);
        }
        if index.first.is_none() {
            tracing::warn!("the server has no project; create one with `tillroll projects add`");
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        *read = Some(version);
        Ok(())
    }

    fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the project with this token.
    pub fn find(&self, token: &str) -> Option<Arc<Project>> {
        self.index().by_token.get(token).cloned()
    }

    /// Returns the project with this token and secret. The duration reveals nothing about the secret.
    pub fn authenticate(&self, token: &str, secret: &str) -> Option<Owner> {
        let secret = hash(secret);
        let owner = self.owner_by_hash(token, |expected| secret.ct_eq(expected).into());
        if owner.is_none() && self.find(token).is_none() {
            // The same work as for an existing project.
            let _ = bool::from(secret.ct_eq(&hash("")));
        }
        owner
    }

    /// Returns the project with this token, as the owner with the valid secret whose hash `is_proved` accepts.
    pub(crate) fn owner_by_hash(&self, token: &str, is_proved: impl Fn(&SecretHash) -> bool) -> Option<Owner> {
        let project = self.find(token)?;
        let proved = Cell::new(None);
        let is_valid = project.verifies(|secret| {
            let secret = hash(secret);
            let is_proved = is_proved(&secret);
            if is_proved {
                proved.set(Some(secret));
            }
            is_proved
        });
        let secret = proved.get().filter(|_| is_valid)?;
        Some(Owner { project, secret })
    }

    /// Returns whether the project still exists and the owner's secret is still valid.
    pub(crate) fn is_current(&self, owner: &Owner) -> bool {
        self.owner_by_hash(&owner.credentials.token, |secret| *secret == owner.secret).is_some()
    }

    /// Returns the project of a server that has exactly one.
    pub fn single(&self) -> Option<Arc<Project>> {
        let index = self.index();
        index.first.clone().filter(|_| index.by_token.len() == 1)
    }

    /// Returns the first project: the first of the command line, else the oldest in the data folder.
    pub fn first(&self) -> Option<Arc<Project>> {
        self.index().first.clone()
    }

    /// Returns the first project as its owner, for requests that need no secret.
    pub(crate) fn first_owner(&self) -> Option<Owner> {
        self.first().map(|project| Owner { secret: hash(&project.credentials.secret), project })
    }
}

fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Returns the tokens of the projects in a data folder that are not retired.
pub fn active_tokens(folder: &Path) -> anyhow::Result<Vec<String>> {
    Ok(file::read(folder)?.into_iter().filter_map(file::Entry::credentials).map(|(credentials, _)| credentials.token).collect())
}

/// Validates projects as given on the command line.
pub fn check(flags: &[String]) -> anyhow::Result<()> {
    parse_all(flags).map(|_| ())
}

fn parse_all(flags: &[String]) -> anyhow::Result<Vec<Credentials>> {
    let mut all: Vec<Credentials> = Vec::new();
    for (index, text) in flags.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let invalid =
            |reason| anyhow!("--project number {} {reason}; write TOKEN:SECRET, and a secret with a comma into --project-file", index + 1);
        let credentials = parse(text.trim()).map_err(invalid)?;
        if all.iter().any(|other| other.token == credentials.token) {
            return Err(invalid("repeats the token of another"));
        }
        all.push(credentials);
    }
    Ok(all)
}

/// Reads projects from a file: `TOKEN:SECRET` in each line. Empty lines and lines that begin with `#` are skipped.
pub fn read_lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the projects in {}", path.display()))?;
    let mut projects = Vec::new();
    for (index, line) in
        without_byte_order_mark(&text).lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        parse(line).map_err(|reason| anyhow!("{}: line {} {reason}; write TOKEN:SECRET", path.display(), index + 1))?;
        projects.push(line.to_owned());
    }
    Ok(projects)
}

/// Tokens are limited to characters that need no encoding in URLs and cookies, secrets to those that HTTP Basic authentication can carry.
fn parse(text: &str) -> Result<Credentials, &'static str> {
    let (token, secret) = text.split_once(':').ok_or("has no colon")?;
    let is_unreserved = |character: char| character.is_ascii_alphanumeric() || "-_.~".contains(character);
    match (token, secret) {
        ("", _) => Err("has no token before the colon"),
        (_, "") => Err("has no secret after the colon"),
        _ if secret.contains(':') => Err("has a second colon; a secret contains none"),
        _ if secret.chars().any(char::is_control) => Err("has a secret with control characters"),
        _ if secret.chars().count() < MIN_SECRET_CHARS => Err("has a secret shorter than 5 characters"),
        _ if token.len() > MAX_TOKEN_CHARS => Err("has a token longer than 128 characters"),
        _ if !token.chars().all(is_unreserved) => Err("has a token with characters other than letters, digits and -_.~"),
        _ => Ok(Credentials { token: token.into(), secret: secret.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.into()).collect()
    }

    fn open(given: &[&str], folder: &Path, clock: Clock) -> (ProjectRegistry, Option<Credentials>) {
        ProjectRegistry::open(&list(given), folder, clock, |_| Ok(1)).unwrap()
    }

    #[test]
    fn invalid_credentials_are_reported_by_number() {
        let read = |texts: &[&str]| parse_all(&list(texts)).map(|all| all.len()).map_err(|error| error.to_string());
        assert_eq!(read(&["a:s3cret", " b:0ther ", ""]), Ok(2));
        for (texts, part) in [
            (&["ab"][..], "number 1 has no colon"),
            (&["a:s3cret", ":s3cret"], "number 2 has no token"),
            (&["a:"], "no secret"),
            (&["a:s3cret", "a:0ther"], "repeats"),
            (&["a/b:s3cret"], "other than letters"),
            (&["a:s3cret:more"], "second colon"),
            (&["a:s3c\tret"], "control characters"),
            (&["a:s3cr"], "shorter than 5"),
        ] {
            assert!(read(texts).is_err_and(|text| text.contains(part)), "{texts:?}");
        }
    }

    #[test]
    fn a_created_project_is_stored_and_returned_once() {
        let folder = tempfile::tempdir().unwrap();
        let (first, created) = open(&[], folder.path(), Clock::SYSTEM);
        let created = created.unwrap();
        let (again, none) = open(&[""], folder.path(), Clock::SYSTEM);
        assert!(none.is_none());
        for projects in [first, again] {
            assert!(projects.authenticate(&created.token, &created.secret).is_some());
        }
    }

    #[test]
    fn the_project_of_an_earlier_version_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("project"), "old:secret\n").unwrap();
        let (projects, created) = open(&[], folder.path(), Clock::SYSTEM);
        assert!(created.is_none() && projects.authenticate("old", "secret").is_some());
    }

    #[test]
    fn only_the_right_secret_authenticates() {
        let folder = tempfile::tempdir().unwrap();
        let (projects, _) = open(&["t:secret"], folder.path(), Clock::SYSTEM);
        assert!(projects.authenticate("t", "secret").is_some());
        for (token, secret) in [("t", ""), ("t", "Secret"), ("", ""), ("x", "secret"), ("x", "")] {
            assert!(projects.authenticate(token, secret).is_none(), "{token}:{secret}");
        }
    }

    #[test]
    fn a_replaced_secret_is_valid_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        file::change(folder.path(), |entries| file::add(entries, "t", "old-secret".into())).unwrap();
        file::change(folder.path(), |entries| file::rotate(entries, "t", "new-secret".into(), 100)).unwrap();
        for (clock, old) in [(Clock::new(|| 99), true), (Clock::new(|| 100), false)] {
            let (projects, _) = open(&[], folder.path(), clock);
            assert_eq!(projects.authenticate("t", "old-secret").is_some(), old);
            assert!(projects.authenticate("t", "new-secret").is_some());
        }
    }
}
