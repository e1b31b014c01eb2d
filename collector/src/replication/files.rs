//! Keeps projects and signing keys of all nodes equal: a change on one node is published, and applied by the others within two seconds.
//!
//! A file of the data folder that differs from the group's was changed here, or is outdated, or both. The version that was equal last, the
//! base, shows what was changed on which side. Both sides are merged; it becomes the group's only if no other node was faster.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use super::file_merge::{Merged, merge};
use super::group_key::GroupKey;
use crate::store::{FileChange, SealedFile, Store};
use crate::{atomic_file, auth, projects};

/// The files.
const NAMES: [&str; 2] = [projects::file::FILE, auth::keyring::FILE];

/// The file in the data folder with the bases.
pub(crate) const STATE_FILE: &str = "group-files.json";

/// The base of a file that the group does not have.
const NO_ENTRIES: &[u8] = b"[]";

/// How often files are compared.
const INTERVAL: Duration = Duration::from_millis(500);

/// The files of a node.
pub(super) struct GroupFiles {
    folder: PathBuf,
    key: GroupKey,
    store: Arc<Store>,
}

/// The base of each file.
type Bases = BTreeMap<String, String>;

/// A file as the group has it.
struct GroupFile {
    version: u64,
    content: Option<Vec<u8>>,
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
                Ok(are_equal) => {
                    reported.clear();
                    rounds.send_modify(|rounds| *rounds += u64::from(are_equal));
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

    /// Compares the files once. Returns whether they are equal now.
    async fn synchronise(&self) -> anyhow::Result<bool> {
        let mut are_equal = true;
        for name in NAMES {
            are_equal &= self.synchronise_file(name).await?;
        }
        Ok(are_equal)
    }

    async fn synchronise_file(&self, name: &str) -> anyhow::Result<bool> {
        let local = read(&self.folder.join(name))?;
        let mut of_group = self.group_file(name).await?;
        if of_group.content.is_none() {
            self.set_base(name, NO_ENTRIES)?;
        }
        if let Some(local) = &local
            && of_group.content.as_ref() != Some(local)
            // Without a base this node has just joined, and what it has is not the group's.
            && let Some(base) = self.base(name)?.filter(|base| base != local)
        {
            match self.publish(name, &base, local, &of_group).await? {
                Some(published) => of_group = published,
                None => return Ok(false),
            }
        }
        let Some(content) = of_group.content else { return Ok(true) };
        if local.as_ref() != Some(&content) && !self.replace(name, local.as_deref(), &content)? {
            return Ok(false);
        }
        self.set_base(name, &content).map(|()| true)
    }

    /// Publishes the changes of this node since `base`. Returns the file with them, or None if another node was faster.
    async fn publish(&self, name: &str, base: &[u8], local: &[u8], of_group: &GroupFile) -> anyhow::Result<Option<GroupFile>> {
        let known = of_group.content.as_deref().unwrap_or(NO_ENTRIES);
        let Merged { content, undone } = merge(base, local, known).with_context(|| format!("cannot publish {name}"))?;
        let mut published = GroupFile { version: of_group.version, content: Some(content.clone()) };
        if of_group.content.as_ref() != Some(&content) {
            let change = FileChange { name: name.into(), replaces: of_group.version, sealed: self.key.seal(name, &content)? };
            self.store.change_group_file(change).await?;
            published = self.group_file(name).await?;
            if published.content.as_ref() != Some(&content) {
                return Ok(None);
            }
        }
        // What is changed here from now on is a change of this content.
        self.set_base(name, local)?;
        if !undone.is_empty() {
            tracing::warn!(
                file = name,
                undone = undone.join(", "),
                "two nodes changed the same project or key at the same time, and the change of this node is undone; repeat the command"
            );
        }
        Ok(Some(published))
    }

    async fn group_file(&self, name: &str) -> anyhow::Result<GroupFile> {
        let found = self.store.group_files().await?.into_iter().find(|file| file.name == name);
        let version = found.as_ref().map_or(0, |file| file.version);
        Ok(GroupFile { version, content: found.map(|file| self.unseal(&file)).transpose()? })
    }

    fn unseal(&self, file: &SealedFile) -> anyhow::Result<Vec<u8>> {
        let content = self.key.open(&file.name, &file.sealed);
        content.with_context(|| format!("{} of the group was sealed with another TILLROLL_GROUP_KEY", file.name))
    }

    /// Replaces a file, unless a command has changed it meanwhile. Returns whether it was replaced.
    fn replace(&self, name: &str, expected: Option<&[u8]>, content: &[u8]) -> anyhow::Result<bool> {
        let path = self.folder.join(name);
        projects::file::locked(&self.folder, || {
            if read(&path)?.as_deref() != expected {
                return Ok(false);
            }
            atomic_file::replace(&path, content).with_context(|| format!("cannot write {}", path.display())).map(|()| true)
        })?
    }

    fn base(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.bases()?.remove(name).map(String::into_bytes))
    }

    fn bases(&self) -> anyhow::Result<Bases> {
        let bytes = read(&self.folder.join(STATE_FILE))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    fn set_base(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let mut bases = self.bases()?;
        let content = String::from_utf8_lossy(content).into_owned();
        if bases.get(name) != Some(&content) {
            bases.insert(name.to_owned(), content);
            let path = self.folder.join(STATE_FILE);
            atomic_file::replace(&path, &serde_json::to_vec(&bases)?).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
