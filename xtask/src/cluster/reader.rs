//! Reads the export of a collector during a run. What was read once must be the beginning of what is exported in the end.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tillroll_cluster::Collector;

/// How many events are read at a time.
const PAGE_EVENTS: usize = 1_000;

/// What was read so far.
#[derive(Default)]
pub(super) struct Reader {
    cursor: String,
    bytes: usize,
    digest: Sha256,
    /// The first response that is neither an export nor a refusal.
    wrong: Option<String>,
}

impl Reader {
    /// Reads on from the last cursor.
    pub(super) fn read(&mut self, collector: &Collector) {
        let Ok(owner) = collector.owner() else { return };
        let path = format!("/export/events?limit={PAGE_EVENTS}&after={}", self.cursor);
        match collector.get(&path, Some(&owner)) {
            Some((200, text)) => self.add(&text),
            None | Some((503, _)) => {}
            Some((status, text)) => _ = self.wrong.get_or_insert(format!("{}: status {status}: {text}", collector.name)),
        }
    }

    fn add(&mut self, text: &str) {
        let Some(last) = text.lines().last() else { return };
        let event: Value = serde_json::from_str(last).unwrap_or_default();
        event["cursor"].as_str().unwrap_or_default().clone_into(&mut self.cursor);
        self.digest.update(text);
        self.bytes += text.len();
    }

    /// Returns what was wrong, compared with the export in the end.
    pub(super) fn compare(self, export: &str) -> Option<String> {
        let is_beginning = export.get(..self.bytes).is_some_and(|beginning| Sha256::digest(beginning) == self.digest.finalize());
        self.wrong.or_else(|| (!is_beginning).then(|| "an export during the run is not the beginning of the last one".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn an_export_that_changes_later_is_found() {
        let read = |pages: &[&str], export: &str| {
            let mut reader = Reader::default();
            pages.iter().for_each(|page| reader.add(page));
            reader.compare(export).is_some()
        };
        assert!(!read(
            &["{\"cursor\":\"a\"}\n", "", "{\"cursor\":\"b\"}\n"],
            "{\"cursor\":\"a\"}\n{\"cursor\":\"b\"}\n{\"cursor\":\"c\"}\n"
        ));
        assert!(read(&["{\"cursor\":\"a\"}\n", "{\"cursor\":\"b\"}\n"], "{\"cursor\":\"b\"}\n{\"cursor\":\"a\"}\n"));
        assert!(read(&["{\"cursor\":\"a\"}\n"], ""));
    }
}
