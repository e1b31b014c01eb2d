//! The projects of this server: who may send, and who may read.
//!
//! A token is public, it stands in the shop's pages. A secret is compared in constant time and never logged.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Error, clock};

/// The file in the data folder that keeps the project made on the first start.
const FILE: &str = "project";

/// A token and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Names the project; public.
    pub token: String,
    /// Proves ownership of it.
    pub secret: String,
}

/// One shop's project.
pub struct Project {
    /// Its number in the store.
    pub id: i64,
    /// Its token and secret.
    pub keys: Keys,
}

/// All projects of this server, in the order in which they were configured.
pub struct Projects(Vec<Project>);

impl Projects {
    /// Takes the projects as they are.
    pub fn new(projects: Vec<Project>) -> Self {
        Self(projects)
    }

    /// Returns the project with this token.
    pub fn find(&self, token: &str) -> Option<&Project> {
        self.0.iter().find(|project| project.keys.token == token)
    }

    /// Returns the project whose token and secret these are. How long this takes tells nothing about the secret.
    pub fn authenticate(&self, token: &str, secret: &str) -> Option<&Project> {
        let project = self.find(token);
        let known = project.map_or("", |project| &project.keys.secret);
        let same: bool = Sha256::digest(secret.as_bytes()).ct_eq(&Sha256::digest(known.as_bytes())).into();
        project.filter(|_| same)
    }

    /// Returns the project of a server that has one alone.
    pub fn only(&self) -> Option<&Project> {
        self.0.first().filter(|_| self.0.len() == 1)
    }

    /// Returns the project that was configured first.
    pub fn first(&self) -> Option<&Project> {
        self.0.first()
    }
}

/// Where the keys of a server came from.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// The operator gave them.
    Given,
    /// An earlier start made them.
    Kept,
    /// This start made them; the operator does not know them yet.
    Made,
}

/// Returns the keys that the operator gave, or those kept in `folder`, which are made if there are none.
pub fn keys(given: &[String], folder: &Path) -> Result<(Vec<Keys>, Origin), Error> {
    let given = parse_all(given)?;
    if !given.is_empty() {
        return Ok((given, Origin::Given));
    }
    let path = folder.join(FILE);
    let fault = |source| Error::DataFolder { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let kept = parse(text.trim()).map_err(|reason| fault(io::Error::new(io::ErrorKind::InvalidData, reason)))?;
            Ok((vec![kept], Origin::Kept))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((vec![make(&path).map_err(fault)?], Origin::Made)),
        Err(error) => Err(fault(error)),
    }
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

/// Written beside its place and then moved there, so that a kill in between never leaves half a secret.
fn make(path: &Path) -> io::Result<Keys> {
    let keys = Keys { token: clock::random_hex::<8>()?, secret: clock::random_hex::<24>()? };
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    writeln!(file, "{}:{}", keys.token, keys.secret)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.into()).collect()
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
    fn a_made_project_is_kept_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let (made, origin) = keys(&[], folder.path()).unwrap();
        assert!(origin == Origin::Made && made.len() == 1);
        let (kept, origin) = keys(&list(&[""]), folder.path()).unwrap();
        assert!(origin == Origin::Kept && kept == made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn only_the_right_secret_opens_a_project() {
        let projects = Projects::new(vec![Project { id: 1, keys: Keys { token: "t".into(), secret: "s".into() } }]);
        assert!(projects.authenticate("t", "s").is_some());
        for (token, secret) in [("t", ""), ("t", "S"), ("", ""), ("x", "s"), ("x", "")] {
            assert!(projects.authenticate(token, secret).is_none(), "{token}:{secret}");
        }
    }
}
