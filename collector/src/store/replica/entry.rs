//! The format of an entry: a version, and with `postcard` an id and the tasks. In every version the id comes first.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire::{WireTask, from_wire, to_wire};
use crate::store::tasks::Task;

/// The newest version of the format that this build can apply.
const NEWEST: u8 = 1;

/// The version that it writes. The release before this one can apply it too, so that both can be in one group: a new version is written one release
/// after it can be applied.
const WRITTEN: u8 = 1;

/// The first bytes of each entry; the version follows.
const MAGIC: [u8; 2] = *b"tr";

/// Why an entry cannot be applied.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A newer build has written it.
    #[error("the entry has version {found}, and this build applies versions up to {NEWEST}; install the version that wrote it")]
    Newer {
        /// The version of the entry.
        found: u8,
    },
    /// The bytes are no entry.
    #[error("the message is not an entry of a collector, or is damaged")]
    Damaged,
}

/// Returns the id in an entry, whatever its version is; None if the bytes are no entry.
pub fn entry_id(bytes: &[u8]) -> Option<[u8; 16]> {
    let (_version, rest) = bytes.strip_prefix(&MAGIC)?.split_first()?;
    rest.first_chunk().copied()
}

/// Tasks that are applied together, in one transaction.
pub(in crate::store) struct Entry {
    /// Chosen by the publisher. An entry that is in the log twice is applied once.
    pub(in crate::store) id: Uuid,
    pub(in crate::store) tasks: Vec<Task>,
}

#[derive(Serialize, Deserialize)]
struct WireEntry<'a> {
    id: [u8; 16],
    #[serde(borrow)]
    tasks: Vec<WireTask<'a>>,
}

impl Entry {
    /// Encodes tasks as an entry with this id. Returns None if one of the tasks is for this store only.
    pub(in crate::store) fn encode<'a>(id: Uuid, tasks: impl IntoIterator<Item = &'a Task>) -> Option<Vec<u8>> {
        let tasks = tasks.into_iter().map(to_wire).collect::<Option<Vec<_>>>()?;
        let start = [MAGIC.as_slice(), &[WRITTEN]].concat();
        postcard::to_extend(&WireEntry { id: id.into_bytes(), tasks }, start).ok()
    }

    /// Decodes an entry.
    pub(in crate::store) fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        match bytes.strip_prefix(&MAGIC).and_then(<[u8]>::split_first) {
            None | Some((0, _)) => Err(EntryError::Damaged),
            Some((&found, _)) if found > NEWEST => Err(EntryError::Newer { found }),
            Some((_, rest)) => {
                let (WireEntry { id, tasks }, rest) = postcard::take_from_bytes(rest).map_err(|_| EntryError::Damaged)?;
                let tasks = tasks.into_iter().map(from_wire).collect::<Option<_>>().filter(|_| rest.is_empty());
                Ok(Self { id: Uuid::from_bytes(id), tasks: tasks.ok_or(EntryError::Damaged)? })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_of_a_newer_version_and_bytes_of_another_program_are_refused() {
        let bytes = Entry::encode(Uuid::nil(), &[Task::Trim(5, 7)]).unwrap();
        assert_eq!(Entry::decode(&bytes).unwrap().tasks.len(), 1);
        let newer = [b"tr\x02", &bytes[3..]].concat();
        assert_eq!(Entry::decode(&newer).err(), Some(EntryError::Newer { found: 2 }));
        for damaged in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), b"", b"tr", b"tr\0", b"hello"] {
            assert_eq!(Entry::decode(damaged).err(), Some(EntryError::Damaged), "{damaged:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused_without_a_panic(bytes: Vec<u8>) {
            let _ = Entry::decode(&[b"tr\x01", bytes.as_slice()].concat());
        }
    }
}
