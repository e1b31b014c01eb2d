//! Last-writer-wins maps: fields with the rank of their writer and the time of the write.
//!
//! The order of the writes does not matter: the higher rank wins, then the later time. On a tie the write that arrives later wins, because a
//! sender with a clock that stands still means its latest value.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Separates the parts of a merged key. It is a control character, so no field name of the API contains it.
const SEPARATOR: char = '\u{1f}';

/// Returns the key of one member of a field that merges: the member `name` of the element `id` of the field.
pub fn merged_key(field: &str, id: &str, name: &str) -> String {
    format!("{field}{SEPARATOR}{id}{SEPARATOR}{name}")
}

/// A field: the rank of the writer, the time in milliseconds since 1970, and the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LwwField(pub(super) u8, pub(super) u64, pub(super) Value);

/// Fields by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LwwMap(pub(super) BTreeMap<String, LwwField>);

impl LwwMap {
    /// Writes a field.
    pub(super) fn set(&mut self, name: &str, rank: u8, time: u64, value: Value) {
        let wins = self.0.get(name).is_none_or(|LwwField(stored_rank, stored_time, _)| (rank, time) >= (*stored_rank, *stored_time));
        if wins {
            self.0.insert(name.into(), LwwField(rank, time, value));
        }
    }

    /// Writes a field from an unauthenticated sender. The order of arrival means nothing for such senders, so on a tie the value that sorts
    /// last wins.
    pub(super) fn set_unordered(&mut self, name: &str, rank: u8, time: u64, value: Value) {
        let text = |value: &Value| value.to_string();
        let loses = |stored: &LwwField| (stored.0, stored.1) == (rank, time) && text(&stored.2) > text(&value);
        if !self.0.get(name).is_some_and(loses) {
            self.set(name, rank, time, value);
        }
    }

    /// Returns the value of a field, or None if it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|LwwField(_, _, value)| value).filter(|value| !value.is_null())
    }

    /// Returns the value of a field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns whether this is the key of a member of a field that merges.
    pub(super) fn is_member(key: &str, field: &str) -> bool {
        key.strip_prefix(field).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }

    /// Returns the members of a field that merges, by key.
    pub(super) fn members(&self, field: &str) -> impl Iterator<Item = (&String, &LwwField)> {
        self.0.range(format!("{field}{SEPARATOR}")..).take_while(move |(key, _)| Self::is_member(key, field))
    }

    /// Returns the elements of a field that merges, each with its members. An element without members was removed.
    pub(super) fn elements(&self, field: &str) -> BTreeMap<&str, Map<String, Value>> {
        let mut elements: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let members = self.members(field).filter_map(|(key, stored)| {
            let rest = key.get(field.len() + SEPARATOR.len_utf8()..)?;
            Some((rest.rsplit_once(SEPARATOR)?, &stored.2))
        });
        for ((id, name), value) in members.filter(|(_, value)| !value.is_null()) {
            elements.entry(id).or_default().insert(name.to_owned(), value.clone());
        }
        elements
    }

    /// Returns the time of the newest write.
    pub(super) fn newest_time(&self) -> u64 {
        self.0.values().map(|LwwField(_, time, _)| *time).max().unwrap_or_default()
    }
}

impl FromSql for LwwMap {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for LwwMap {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(self).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_rank_wins_and_then_the_later_time() {
        let mut fields = LwwMap::default();
        fields.set("a", 0, 5, 1.into());
        fields.set("a", 0, 4, 2.into());
        assert_eq!(fields.get("a"), Some(&1.into()));
        fields.set("a", 0, 5, 3.into());
        assert_eq!(fields.get("a"), Some(&3.into()));
        fields.set("a", 1, 1, 4.into());
        fields.set("a", 0, 9, 5.into());
        assert_eq!(fields.get("a"), Some(&4.into()));
        fields.set("a", 1, 2, Value::Null);
        assert_eq!(fields.get("a"), None);
    }

    #[test]
    fn unordered_writes_of_one_time_have_the_same_result_in_any_order() {
        let written = |values: &[(u64, u64)]| {
            let mut fields = LwwMap::default();
            values.iter().for_each(|(time, value)| fields.set_unordered("a", 0, *time, (*value).into()));
            fields
        };
        assert_eq!(written(&[(5, 7), (5, 5), (4, 9)]), written(&[(4, 9), (5, 5), (5, 7)]));
        assert_eq!(written(&[(5, 7), (6, 5)]).get("a"), Some(&5.into()));
    }

    #[test]
    fn merged_keys_read_back_as_elements() {
        let mut fields = LwwMap::default();
        for (id, name, value) in
            [("7", "name", "S".into()), ("7", "price", 3.into()), ("a\u{1f}b", "name", "M".into()), ("8", "name", Value::Null)]
        {
            fields.set(&merged_key("options", id, name), 1, 1, value);
        }
        fields.set("optionsx", 1, 1, 1.into());
        let elements = fields.elements("options");
        assert_eq!(elements.keys().copied().collect::<Vec<_>>(), ["7", "a\u{1f}b"]);
        assert_eq!(elements["7"]["price"], 3);
    }
}
