//! The projects of this server: who may send, and who may read.
//!
//! A token is public, it stands in the shop's pages. A secret is compared in constant time and never logged. ProjectRegistry are given on the
//! command line, or kept in the data folder, where `tillroll projects` changes them while the server runs.

pub(crate) mod file;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Error;
use crate::clock::Clock;
use crate::file_version::FileVersion;

/// A token and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Names the project; public.
    pub token: String,
    /// Proves ownership of it.
    pub secret: String,
}

/// A secret that was replaced and is good for some time still.
#[derive(Clone, PartialEq, Eq)]
pub struct Former {
    secret: String,
    /// When it ends, in milliseconds since 1970.
    until: u64,
}

/// One shop's project.
pub struct Project {
    /// Its number in the store.
    pub id: i64,
    /// Its token and its newest secret.
    pub keys: Keys,
    /// Its earlier secrets.
    pub former: Vec<Former>,
    clock: Clock,
}

impl Project {
    /// Returns whether `is_it` takes any secret that is good now. All are tried, so how long it takes does not tell which it was.
    pub fn proves(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let now = self.clock.millis();
        let former = self.former.iter().filter(|former| now < former.until).map(|former| former.secret.as_str());
        former.chain([self.keys.secret.as_str()]).fold(false, |proved, secret| is_it(secret) | proved)
    }
}

/// The projects by token, and the one that comes first.
#[derive(Default)]
struct Index {
    first: Option<Arc<Project>>,
    by_token: HashMap<String, Arc<Project>>,
}

/// All projects of this server.
pub struct ProjectRegistry {
    given: Vec<Keys>,
    folder: PathBuf,
    clock: Clock,
    read: Mutex<Option<FileVersion>>,
    index: RwLock<Arc<Index>>,
}

impl ProjectRegistry {
    /// Takes the projects that the operator gave and those in the data folder. Where there are none, one is made; it is returned too,
    /// because the operator does not know it yet. `number` tells a project's number in the store.
    pub fn open(
        given: &[String],
        folder: &Path,
        clock: Clock,
        number: impl Fn(&str) -> Result<i64, Error>,
    ) -> Result<(Self, Option<Keys>), Error> {
        let given = parse_all(given)?;
        let made = if given.is_empty() { file::first(folder)? } else { None };
        let projects = Self { given, folder: folder.into(), clock, read: Mutex::default(), index: RwLock::default() };
        projects.refresh(number)?;
        Ok((projects, made))
    }

    /// Reads the data folder again if somebody changed the projects there since.
    pub fn refresh(&self, number: impl Fn(&str) -> Result<i64, Error>) -> Result<(), Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let edition = file::edition(&self.folder);
        if *read == Some(edition) {
            return Ok(());
        }
        let mut index = Index::default();
        let given = self.given.iter().map(|keys| (keys.clone(), Vec::new()));
        for (keys, former) in given.chain(file::read(&self.folder)?.into_iter().filter_map(file::Entry::in_use)) {
            if index.by_token.contains_key(&keys.token) {
                tracing::warn!("a project is given with --project and kept in the data folder too; the given secret counts");
                continue;
            }
            let project = Arc::new(Project { id: number(&keys.token)?, former, clock: self.clock, keys });
            index.first.get_or_insert_with(|| Arc::clone(&project));
            index.by_token.insert(project.keys.token.clone(), project);
        }
        if index.first.is_none() {
            tracing::warn!("no project is served; `tillroll projects add` makes one");
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        *read = Some(edition);
        Ok(())
    }

    fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the project with this token.
    pub fn find(&self, token: &str) -> Option<Arc<Project>> {
        self.index().by_token.get(token).cloned()
    }

    /// Returns the project whose token and secret these are. How long this takes tells nothing about the secret.
    pub fn authenticate(&self, token: &str, secret: &str) -> Option<Arc<Project>> {
        let project = self.find(token);
        let said = Sha256::digest(secret.as_bytes());
        let is_it = |known: &str| bool::from(said.ct_eq(&Sha256::digest(known.as_bytes())));
        match project {
            Some(project) => project.proves(is_it).then_some(project),
            // As much work as for a project that is there.
            None => {
                is_it("");
                None
            }
        }
    }

    /// Returns the project of a server that has one alone.
    pub fn only(&self) -> Option<Arc<Project>> {
        let index = self.index();
        index.first.clone().filter(|_| index.by_token.len() == 1)
    }

    /// Returns the project that comes first: as it was given, or the oldest one in the data folder.
    pub fn first(&self) -> Option<Arc<Project>> {
        self.index().first.clone()
    }
}

/// Checks projects as they are given on the command line.
pub fn check(given: &[String]) -> Result<(), Error> {
    parse_all(given).map(|_| ())
}

fn parse_all(given: &[String]) -> Result<Vec<Keys>, Error> {
    let mut all: Vec<Keys> = Vec::new();
    for (at, text) in given.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let fault = |reason| Error::BadProject { number: at + 1, reason };
        let keys = parse(text.trim()).map_err(fault)?;
        if all.iter().any(|other| other.token == keys.token) {
            return Err(fault("repeats the token of another"));
        }
        all.push(keys);
    }
    Ok(all)
}

/// Tokens stand in addresses and cookies, so they are kept to characters that need no encoding there.
fn parse(text: &str) -> Result<Keys, &'static str> {
    let (token, secret) = text.split_once(':').ok_or("has no colon")?;
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.~".contains(character);
    match (token, secret) {
        ("", _) => Err("has no token before the colon"),
        (_, "") => Err("has no secret after the colon"),
        _ if token.len() > 128 => Err("has a token longer than 128 characters"),
        _ if !token.chars().all(plain) => Err("has a token with characters other than letters, digits and -_.~"),
        _ => Ok(Keys { token: token.into(), secret: secret.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.into()).collect()
    }

    fn open(given: &[&str], folder: &Path, clock: Clock) -> (ProjectRegistry, Option<Keys>) {
        ProjectRegistry::open(&list(given), folder, clock, |_| Ok(1)).unwrap()
    }

    #[test]
    fn keys_are_read_and_refused_by_number() {
        let read = |texts: &[&str]| parse_all(&list(texts)).map(|keys| keys.len()).map_err(|error| error.to_string());
        assert_eq!(read(&["a:b", "c:d:e", ""]), Ok(2));
        for (texts, part) in [
            (&["ab"][..], "number 1 has no colon"),
            (&["a:b", ":x"], "number 2 has no token"),
            (&["a:"], "no secret"),
            (&["a:b", "a:c"], "repeats"),
            (&["a/b:c"], "other than letters"),
        ] {
            assert!(read(texts).is_err_and(|text| text.contains(part)), "{texts:?}");
        }
    }

    #[test]
    fn a_made_project_is_kept_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let (first, made) = open(&[], folder.path(), Clock::SYSTEM);
        let made = made.unwrap();
        let (again, none) = open(&[""], folder.path(), Clock::SYSTEM);
        assert!(none.is_none());
        for projects in [first, again] {
            assert!(projects.authenticate(&made.token, &made.secret).is_some());
        }
    }

    #[test]
    fn the_only_project_of_an_older_folder_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("project"), "old:secret\n").unwrap();
        let (projects, made) = open(&[], folder.path(), Clock::SYSTEM);
        assert!(made.is_none() && projects.authenticate("old", "secret").is_some());
    }

    #[test]
    fn only_the_right_secret_opens_a_project() {
        let folder = tempfile::tempdir().unwrap();
        let (projects, _) = open(&["t:s"], folder.path(), Clock::SYSTEM);
        assert!(projects.authenticate("t", "s").is_some());
        for (token, secret) in [("t", ""), ("t", "S"), ("", ""), ("x", "s"), ("x", "")] {
            assert!(projects.authenticate(token, secret).is_none(), "{token}:{secret}");
        }
    }

    #[test]
    fn a_replaced_secret_is_good_until_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        file::change(folder.path(), |entries| file::add(entries, "t", "old".into())).unwrap();
        file::change(folder.path(), |entries| file::rotate(entries, "t", "new".into(), 100)).unwrap();
        for (clock, old) in [(Clock::new(|| 99), true), (Clock::new(|| 100), false)] {
            let (projects, _) = open(&[], folder.path(), clock);
            assert_eq!(projects.authenticate("t", "old").is_some(), old);
            assert!(projects.authenticate("t", "new").is_some());
        }
    }
}
