//! Keeps projects and signing keys of all nodes equal: a change on one node is published, and applied by the others within a second.
//!
//! A file of the data folder that differs from the group's is either a local change, which is published, or outdated, which is replaced. The
//! digest of the version that was equal last decides that. If two nodes change a file at the same time, the first change stays.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::group_key::GroupKey;
use crate::hex;
use crate::store::{FileChange, SealedFile, Store};
use crate::{atomic_file, auth, projects};

/// The files.
const NAMES: [&str; 2] = [projects::file::FILE, auth::keyring::FILE];

/// The file in the data folder with the digests.
pub(crate) const STATE_FILE: &str = "group-files.json";

/// How often files are compared.
const INTERVAL: Duration = Duration::from_millis(500);

/// The files of a node.
pub(super) struct GroupFiles {
    folder: PathBuf,
    key: GroupKey,
    store: Arc<Store>,
}

/// The digest of the version of each file that was equal last.
type Digests = BTreeMap<String, String>;

/// What a file needs.
#[derive(Debug, PartialEq, Eq)]
enum Action<'a> {
    None,
    Write(&'a [u8]),
    Publish(&'a [u8]),
}

impl GroupFiles {
    pub(super) fn new(folder: &Path, key: GroupKey, store: Arc<Store>) -> Self {
        Self { folder: folder.into(), key, store }
    }

    /// Compares the files again and again. `rounds` counts how often they were equal.
    pub(super) async fn run(self, rounds: watch::Sender<u64>) {
        let mut reported = String::new();
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            interval.tick().await;
            let result = self.synchronise().await;
            match result {
                Ok(()) => {
                    reported.clear();
                    rounds.send_modify(|rounds| *rounds += 1);
                }
                Err(error) => {
                    let text = format!("{error:#}");
                    if text != reported {
                        tracing::warn!(error = text, "projects and keys are not yet those of the group");
                        reported = text;
                    }
                }
            }
        }
    }

    async fn synchronise(&self) -> anyhow::Result<()> {
        for name in NAMES {
            let is_published = self.synchronise_file(name).await?;
            // The change of another node may have been first.
            if is_published && self.synchronise_file(name).await? {
                anyhow::bail!("{name} was changed on two nodes at the same time");
            }
        }
        Ok(())
    }

    /// Returns whether a local change was published.
    async fn synchronise_file(&self, name: &str) -> anyhow::Result<bool> {
        let files = self.store.group_files().await?;
        let of_group = files.into_iter().find(|file| file.name == name);
        let version = of_group.as_ref().map_or(0, |file| file.version);
        let content = of_group.map(|file| self.unseal(&file)).transpose()?;
        let mut digests = self.digests()?;
        let local = read(&self.folder.join(name))?;
        match action(local.as_deref(), content.as_deref(), digests.get(name).map(String::as_str)) {
            Action::None => {}
            Action::Write(content) => self.write(name, content)?,
            Action::Publish(local) => {
                let change = FileChange { name: name.into(), replaces: version, sealed: self.key.seal(name, local)? };
                self.store.change_group_file(change).await?;
                // From now on the local file counts as outdated if it differs from the group's.
                return self.set_digest(&mut digests, name, local).map(|()| true);
            }
        }
        match content {
            Some(content) => self.set_digest(&mut digests, name, &content).map(|()| false),
            None => Ok(false),
        }
    }

    fn unseal(&self, file: &SealedFile) -> anyhow::Result<Vec<u8>> {
        let content = self.key.open(&file.name, &file.sealed);
        content.with_context(|| format!("{} of the group was sealed with another TILLROLL_GROUP_KEY", file.name))
    }

    fn write(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let write = || atomic_file::replace(&path, content).with_context(|| format!("cannot write {}", path.display()));
        if name == projects::file::FILE { projects::file::locked(&self.folder, write)? } else { write() }
    }

    fn digests(&self) -> anyhow::Result<Digests> {
        let bytes = read(&self.folder.join(STATE_FILE))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    fn set_digest(&self, digests: &mut Digests, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let digest = digest(content);
        if digests.insert(name.to_owned(), digest.clone()) != Some(digest) {
            let path = self.folder.join(STATE_FILE);
            atomic_file::replace(&path, &serde_json::to_vec(digests)?).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Returns what to do with a file: as it is here, as the group has it, and the digest of the version that was equal last.
fn action<'a>(local: Option<&'a [u8]>, of_group: Option<&'a [u8]>, equal: Option<&str>) -> Action<'a> {
    match (local, of_group) {
        (None, None) => Action::None,
        (Some(local), None) => Action::Publish(local),
        (None, Some(of_group)) => Action::Write(of_group),
        (Some(local), Some(of_group)) if local == of_group => Action::None,
        (Some(local), Some(of_group)) => match equal {
            Some(equal) if equal != digest(local) => Action::Publish(local),
            // The file was not changed here; or this node has just joined, and what it has is not the group's.
            _ => Action::Write(of_group),
        },
    }
}

fn digest(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content))
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_change_is_published_and_an_outdated_file_is_replaced() {
        let [old, new] = [b"old".as_slice(), b"new"];
        let equal_to_old = digest(old);
        for (local, of_group, equal, expected) in [
            (None, None, None, Action::None),
            (Some(new), None, None, Action::Publish(new)),
            (None, Some(new), None, Action::Write(new)),
            (Some(new), Some(new), None, Action::None),
            (Some(old), Some(new), Some(equal_to_old.as_str()), Action::Write(new)),
            (Some(new), Some(old), Some(equal_to_old.as_str()), Action::Publish(new)),
            (Some(new), Some(old), None, Action::Write(old)),
        ] {
            assert_eq!(action(local, of_group, equal), expected);
        }
    }
}
