//! Which events are printed. The server streams all events of a project; the live view filters in the page likewise.

use clap::ValueEnum;
use serde_json::Value;

use super::Flags;

/// What happened to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// It was stored.
    Stored,
    /// It was rejected, with a reason.
    Rejected,
}

/// The conditions that a printed event meets. An empty list is no condition.
pub(super) struct Filter {
    types: Vec<String>,
    visitors: Vec<String>,
    only: Option<Kind>,
}

impl Filter {
    pub(super) fn new(flags: &Flags) -> Self {
        let lower_case = |list: &[String]| list.iter().map(|text| text.trim().to_lowercase()).collect();
        Self { types: lower_case(&flags.types), visitors: lower_case(&flags.visitors), only: flags.only }
    }

    pub(super) fn passes(&self, kind: Kind, event: &Value) -> bool {
        let has = |list: &[String], name: &str| event[name].as_str().is_some_and(|value| list.contains(&value.to_lowercase()));
        self.only.is_none_or(|only| only == kind)
            && (self.types.is_empty() || has(&self.types, "type"))
            && (self.visitors.is_empty() || has(&self.visitors, "visitor_id") || has(&self.visitors, "email"))
    }
}
