//! Fields of which each remembers when it was said, and by whom.
//!
//! Setting a field in any order ends in the same: who ranks higher wins, then who said it later. Invocation twice at the same time by the same
//! rank, what arrives later wins, because a sender whose clock stands still means its latest words.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Stands between the names of a part. No JSON that anybody prints has it in a name.
const BETWEEN: char = '\u{1f}';

/// Returns the name of a part of a field that merges: the member `name` of the element `id` of the field.
pub fn part(field: &str, id: &str, name: &str) -> String {
    format!("{field}{BETWEEN}{id}{BETWEEN}{name}")
}

/// A field: the rank of who said it, when, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Register(pub(super) u8, pub(super) u64, pub(super) Value);

/// Fields by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Registers(pub(super) BTreeMap<String, Register>);

impl Registers {
    /// Says a field.
    pub(super) fn set(&mut self, name: &str, rank: u8, time: u64, value: Value) {
        let newer = self.0.get(name).is_none_or(|Register(known, at, _)| (rank, time) >= (*known, *at));
        if newer {
            self.0.insert(name.into(), Register(rank, time, value));
        }
    }

    /// Says a field as one of many who nobody vouches for. Which of them was heard first says nothing, so of different words of one time the
    /// one that sorts last counts.
    pub(super) fn report(&mut self, name: &str, rank: u8, time: u64, value: Value) {
        let text = |value: &Value| value.to_string();
        let beaten = |known: &Register| (known.0, known.1) == (rank, time) && text(&known.2) > text(&value);
        if !self.0.get(name).is_some_and(beaten) {
            self.set(name, rank, time, value);
        }
    }

    /// Returns a field that was said and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|Register(_, _, value)| value).filter(|value| !value.is_null())
    }

    /// Returns a field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns the elements of a field that merges, each with its members; one that was taken away has none.
    pub(super) fn elements(&self, field: &str) -> BTreeMap<&str, Map<String, Value>> {
        let mut elements: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let parts = self.0.range(format!("{field}{BETWEEN}")..).map_while(|(key, register)| {
            let rest = key.strip_prefix(field)?.strip_prefix(BETWEEN)?;
            Some((rest.rsplit_once(BETWEEN)?, &register.2))
        });
        for ((id, name), value) in parts.filter(|(_, value)| !value.is_null()) {
            elements.entry(id).or_default().insert(name.to_owned(), value.clone());
        }
        elements
    }

    /// Returns when the newest field was said.
    pub(super) fn newest(&self) -> u64 {
        self.0.values().map(|Register(_, time, _)| *time).max().unwrap_or_default()
    }
}

impl FromSql for Registers {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Registers {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(self).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_wins_and_the_higher_rank_before_it() {
        let mut fields = Registers::default();
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
    fn reports_of_one_time_end_in_the_same_in_any_order() {
        let told = |values: &[(u64, u64)]| {
            let mut fields = Registers::default();
            values.iter().for_each(|(time, value)| fields.report("a", 0, *time, (*value).into()));
            fields
        };
        assert_eq!(told(&[(5, 7), (5, 5), (4, 9)]), told(&[(4, 9), (5, 5), (5, 7)]));
        assert_eq!(told(&[(5, 7), (6, 5)]).get("a"), Some(&5.into()));
    }

    #[test]
    fn parts_come_back_as_elements() {
        let mut fields = Registers::default();
        for (id, name, value) in
            [("7", "name", "S".into()), ("7", "price", 3.into()), ("a\u{1f}b", "name", "M".into()), ("8", "name", Value::Null)]
        {
            fields.set(&part("options", id, name), 1, 1, value);
        }
        fields.set("optionsx", 1, 1, 1.into());
        let elements = fields.elements("options");
        assert_eq!(elements.keys().copied().collect::<Vec<_>>(), ["7", "a\u{1f}b"]);
        assert_eq!(elements["7"]["price"], 3);
    }
}
