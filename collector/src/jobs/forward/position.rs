//! The position of forwarding in the event log, and the requests that were set aside, in a file of the data folder, so that forwarding resumes
//! after a crash; in a group of collectors also in a value that all nodes share, so that the next leader resumes. Each node copies that value to its
//! file: the file counts if the node leaves the group, or begins a new log.
//!
//! A request is stored as its place in the log. So the file has no personal data, and an event that was erased is not sent.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::atomic_file;
use crate::replication::SharedValue;
use crate::store::Cursor;

/// The prefix of the files in the data folder; the project's token follows.
const FILE_PREFIX: &str = "forwarded.";

/// A position in the log: after an event, and after some requests of the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForwardPosition {
    /// The last event whose requests were all sent.
    pub(super) after: Cursor,
    /// How many requests of the next event were answered.
    pub(super) sent: usize,
}

/// A request that was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetAside {
    /// The position of the request.
    pub(super) position: ForwardPosition,
    /// The event of the request.
    pub(super) event: Cursor,
    /// How often the request was sent since then without an answer. Not stored.
    pub(super) attempts: u32,
}

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) position: ForwardPosition,
    /// The requests that were set aside, the oldest first.
    pub(super) set_aside: VecDeque<SetAside>,
}

/// The file that holds the progress.
#[derive(Clone, Debug)]
pub(super) struct ProgressFile(PathBuf);

impl ProgressFile {
    /// Returns the file of a project and its progress. A new file begins with the next event after `head`, and so does one that is ahead of the
    /// store, as that of a node can be which had not applied all entries when it left its group.
    pub(super) fn open(folder: &Path, token: &str, head: Cursor) -> io::Result<(Self, Progress)> {
        let file = Self(folder.join(format!("{FILE_PREFIX}{token}")));
        match fs::read_to_string(&file.0) {
            Ok(text) => {
                let progress =
                    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file contains no log position"))?;
                Ok((file, progress.up_to(head)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let progress = Progress::begin(head);
                file.save(&progress)?;
                Ok((file, progress))
            }
            Err(error) => Err(error),
        }
    }

    /// Stores the progress durably.
    pub(super) fn save(&self, progress: &Progress) -> io::Result<()> {
        atomic_file::replace(&self.0, progress.to_text().as_bytes())
    }

    /// Stores the progress durably, on another thread.
    async fn save_async(&self, progress: &Progress) -> anyhow::Result<()> {
        let (file, progress) = (self.clone(), progress.clone());
        tokio::task::spawn_blocking(move || file.save(&progress)).await?.context("cannot store the position of forwarding")
    }
}

/// Where the progress is stored.
pub(super) struct ProgressStore {
    /// The file in the data folder.
    pub(super) file: ProgressFile,
    /// The value that the nodes of a group share.
    pub(super) shared: Option<SharedValue>,
}

impl ProgressStore {
    /// Stores the progress durably.
    pub(super) async fn save(&mut self, progress: &Progress) -> anyhow::Result<()> {
        if let Some(shared) = &mut self.shared {
            shared.save(progress.to_text().into()).await.context("cannot store the position of forwarding")?;
        }
        self.file.save_async(progress).await
    }

    /// Loads what the previous leader has stored. Without that, `progress` stays as it was when this node started: events that arrive before the
    /// first leader begins are forwarded too.
    pub(super) async fn reload(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        if let Some(stored) = self.load().await? {
            *progress = stored;
        }
        if self.shared.is_some() { self.save(progress).await } else { Ok(()) }
    }

    /// Copies what the leader has stored to the file.
    pub(super) async fn copy(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        match self.load().await? {
            Some(stored) if stored != *progress => {
                *progress = stored;
                self.file.save_async(progress).await
            }
            _ => Ok(()),
        }
    }

    /// Returns what the nodes of the group share, if that was stored before.
    async fn load(&mut self) -> anyhow::Result<Option<Progress>> {
        let Some(shared) = &mut self.shared else { return Ok(None) };
        let invalid = "the shared position of forwarding is invalid";
        let text = shared.load().await?;
        text.map(|text| std::str::from_utf8(&text).ok().and_then(parse).context(invalid)).transpose()
    }
}

impl Progress {
    /// Returns the progress before the next event.
    pub(super) fn begin(head: Cursor) -> Self {
        Self { position: ForwardPosition { after: head, sent: 0 }, set_aside: VecDeque::new() }
    }

    /// Returns the progress without what lies behind the end of the store.
    fn up_to(mut self, head: Cursor) -> Self {
        if self.position.after > head {
            self.position = ForwardPosition { after: head, sent: 0 };
        }
        self.set_aside.retain(|set_aside| set_aside.event <= head);
        self
    }

    fn to_text(&self) -> String {
        let ForwardPosition { after, sent } = self.position;
        let mut text = format!("{after} {sent}\n");
        for SetAside { position, event, .. } in &self.set_aside {
            let _ = writeln!(text, "{} {} {event}", position.after, position.sent);
        }
        text
    }
}

fn parse(text: &str) -> Option<Progress> {
    let mut lines = text.lines();
    let (position, _) = parse_line(lines.next()?)?;
    let set_aside = lines.map(|line| {
        let (position, event) = parse_line(line)?;
        Some(SetAside { position, event: event?.parse().ok()?, attempts: 0 })
    });
    Some(Progress { position, set_aside: set_aside.collect::<Option<_>>()? })
}

/// Returns the position at the start of a line, and the word behind it.
fn parse_line(line: &str) -> Option<(ForwardPosition, Option<&str>)> {
    let mut words = line.split_whitespace();
    let position = ForwardPosition { after: words.next()?.parse().ok()?, sent: words.next()?.parse().ok()? };
    Some((position, words.next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_progress_is_restored_and_a_new_file_begins_at_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let cursor = |text: &str| text.parse::<Cursor>().unwrap();
        let (file, first) = ProgressFile::open(folder.path(), "t", cursor("e2a")).unwrap();
        assert_eq!(first, Progress { position: ForwardPosition { after: cursor("e2a"), sent: 0 }, set_aside: VecDeque::new() });
        let position = ForwardPosition { after: cursor("e2b"), sent: 3 };
        let set_aside = SetAside { position: ForwardPosition { after: cursor("e2"), sent: 1 }, event: cursor("e3"), attempts: 0 };
        let later = Progress { position, set_aside: [set_aside].into() };
        file.save(&later).unwrap();
        let (_, restored) = ProgressFile::open(folder.path(), "t", cursor("e2b")).unwrap();
        assert_eq!(restored, later);
        // A store that has less continues after its own end.
        let (_, restored) = ProgressFile::open(folder.path(), "t", cursor("e3")).unwrap();
        assert_eq!(restored, Progress { set_aside: [set_aside].into(), ..Progress::begin(cursor("e3")) });
        let (_, restored) = ProgressFile::open(folder.path(), "t", cursor("e2")).unwrap();
        assert_eq!(restored, Progress::begin(cursor("e2")));
    }

    #[test]
    fn an_invalid_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "nonsense", "e1 0\ne1 0", "e1 0\ne1 0 x"] {
            fs::write(folder.path().join("forwarded.t"), text).unwrap();
            assert!(ProgressFile::open(folder.path(), "t", Cursor::START).is_err(), "{text}");
        }
    }
}
