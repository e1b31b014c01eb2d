//! What a collector has stored of what it acknowledged.

use std::collections::{BTreeSet, HashMap};

use crate::id;

/// The events of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many events there are.
    pub events: usize,
    /// The ids of acknowledged events that are missing.
    pub lost: Vec<String>,
    /// The ids of events that are there more than once.
    pub twice: Vec<String>,
}

impl Stored {
    /// Compares the export of the events with the numbers of those that were acknowledged.
    pub fn new(export: &str, acknowledged: &BTreeSet<u64>) -> Self {
        let mut found: HashMap<&str, usize> = HashMap::new();
        export.lines().filter_map(event_id).for_each(|id| *found.entry(id).or_default() += 1);
        let twice = found.iter().filter(|(_, count)| **count > 1).map(|(id, _)| (*id).to_owned());
        let lost = acknowledged.iter().map(|number| id(*number)).filter(|id| !found.contains_key(id.as_str()));
        Self { events: export.lines().count(), lost: lost.collect(), twice: twice.collect() }
    }

    /// Panics if an acknowledged event is missing, or an event is there twice.
    pub fn assert_complete(&self) {
        assert!(self.lost.is_empty() && self.twice.is_empty(), "{self:?}");
    }
}

/// Returns the id in a line of an export.
fn event_id(line: &str) -> Option<&str> {
    line.split_once("\"id\":\"")?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_repeated_events_are_found() {
        let line = |number| format!("{{\"cursor\":\"c\",\"id\":\"{}\",\"type\":\"identify\"}}\n", id(number));
        let export = [line(1), line(2), line(2), line(7)].concat();
        let stored = Stored::new(&export, &[1, 2, 3].into());
        assert_eq!(stored, Stored { events: 4, lost: vec![id(3)], twice: vec![id(2)] });
    }
}
