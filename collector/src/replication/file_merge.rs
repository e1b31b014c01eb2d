//! Merges two changes of a file that is a list of projects or keys: each entry counts alone. Where both have changed an entry, the group's stays.

use anyhow::anyhow;
use serde_json::{Map, Value};

/// What identifies an entry: the token of a project, or the id of a key.
const IDS: [&str; 2] = ["token", "kid"];

/// The result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged {
    /// The content of the file.
    pub(super) content: Vec<u8>,
    /// The ids of the entries whose change is undone.
    pub(super) undone: Vec<String>,
}

/// An entry and its id.
type Entry = (String, Value);

/// Merges the changes of this node and of the group since `base`. Returns an error if the file of this node is not a list of entries.
pub(super) fn merge(base: &[u8], own: &[u8], of_group: &[u8]) -> anyhow::Result<Merged> {
    let own_entries = entries(own).ok_or_else(|| anyhow!("it is not a valid list; correct it, or delete it to get that of the group"))?;
    if of_group == base {
        return Ok(Merged { content: own.into(), undone: Vec::new() });
    }
    let (base, of_group_entries) = (entries(base).unwrap_or_default(), entries(of_group).unwrap_or_default());
    let new = own_entries.iter().filter(|(id, _)| find(&of_group_entries, id).is_none());
    let (mut merged, mut undone, mut is_changed) = (Vec::new(), Vec::new(), false);
    for (id, _) in of_group_entries.iter().chain(new) {
        let [before, here, there] = [&base, &own_entries, &of_group_entries].map(|entries| find(entries, id));
        let is_own = here != before && here != there;
        if is_own && there != before {
            undone.push(id.clone());
        }
        let takes_own = is_own && there == before;
        is_changed |= takes_own;
        merged.extend(if takes_own { here } else { there });
    }
    let content = if is_changed { serde_json::to_vec_pretty(&merged)? } else { of_group.into() };
    Ok(Merged { content, undone })
}

fn find<'a>(entries: &'a [Entry], id: &str) -> Option<&'a Value> {
    entries.iter().find(|(other, _)| other == id).map(|(_, entry)| entry)
}

fn entries(content: &[u8]) -> Option<Vec<Entry>> {
    let list: Vec<Map<String, Value>> = serde_json::from_slice(content).ok()?;
    let with_id = |entry: Map<String, Value>| {
        let id = IDS.iter().find_map(|name| entry.get(*name)?.as_str())?.to_owned();
        Some((id, Value::Object(entry)))
    };
    list.into_iter().map(with_id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a list from `a1 b2`: the letter is the id, and the digit is the content.
    fn list(text: &str) -> Vec<u8> {
        let entry = |entry: &str| serde_json::json!({"token": &entry[..1], "secrets": &entry[1..]});
        serde_json::to_vec_pretty(&text.split_whitespace().map(entry).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn changes_of_different_entries_are_merged_and_of_the_same_entry_the_groups_stays() {
        for (base, own, of_group, expected, undone) in [
            ("a1", "a2", "a1", "a2", ""),
            ("a1 b1", "a2 b1", "a1 b2", "a2 b2", ""),
            ("a1", "a1 b1", "a1 c1", "a1 c1 b1", ""),
            ("", "a1", "b1", "b1 a1", ""),
            ("a1 b1", "a1", "a1 b1 c1", "a1 c1", ""),
            ("a1 b1", "a2 b1 c1", "a3 b2", "a3 b2 c1", "a"),
            ("a1 b1", "b1", "a2 b1", "a2 b1", "a"),
            ("a1 b1", "a2 b1", "b1", "b1", "a"),
            ("a1", "a2", "a2 b1", "a2 b1", ""),
            ("a1", "a1", "a2", "a2", ""),
        ] {
            let merged = merge(&list(base), &list(own), &list(of_group)).unwrap();
            assert_eq!((merged.content, merged.undone.join(" ")), (list(expected), undone.into()), "{base} | {own} | {of_group}");
        }
    }

    #[test]
    fn an_unreadable_file_is_not_published_and_an_unreadable_base_counts_as_empty() {
        assert!(merge(&list("a1"), b"[{\"token\":", &list("a1")).is_err());
        let merged = merge(b"digest of an earlier version", &list("a2 b1"), &list("a1")).unwrap();
        assert_eq!(merged, Merged { content: list("a1 b1"), undone: vec!["a".into()] });
    }
}
