//! The in-memory queue of events that the collector has not acknowledged, in order and bounded.
//!
//! Each entry also stands under its own key in the page's durable store. When a bound is exceeded, the queue evicts the oldest entries
//! and reports their keys.

/// The greatest number of events in the queue.
pub const MAX_EVENTS: usize = 1_000;

/// The greatest size of the queue, texts and keys together.
pub const MAX_BYTES: usize = 1_048_576;

/// An entry of the page's durable store: an event, or a call that is not an event yet. `S` is how its texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredEntry<S = String> {
    /// The key in the store; keys sort in the order of the calls.
    pub key: S,
    /// The event as JSON, or the call in the flat format.
    pub text: S,
}

impl<S> StoredEntry<S> {
    /// Returns an entry.
    pub fn new(key: S, text: S) -> Self {
        Self { key, text }
    }
}

impl StoredEntry<&str> {
    /// Returns the entry with owned texts.
    pub fn to_owned(self) -> StoredEntry {
        StoredEntry::new(self.key.into(), self.text.into())
    }
}

impl<S: AsRef<str>> StoredEntry<S> {
    /// Returns whether this is a call that is not an event yet, because its page was closed before the core had loaded. Calls have the flat
    /// format and events are JSON; the second character differs.
    pub fn is_call(&self) -> bool {
        self.text.as_ref().as_bytes().get(1) == Some(&b':')
    }
}

impl StoredEntry {
    /// Returns the entry with borrowed texts.
    pub fn as_ref(&self) -> StoredEntry<&str> {
        StoredEntry::new(&self.key, &self.text)
    }

    fn size(&self) -> usize {
        self.key.len() + self.text.len()
    }
}

/// The events that the collector has not acknowledged.
#[derive(Debug, Default)]
pub struct Queue {
    entries: Vec<StoredEntry>,
    bytes: usize,
}

impl Queue {
    /// Returns the events, the oldest first.
    pub fn entries(&self) -> &[StoredEntry] {
        &self.entries
    }

    /// Returns whether the queue has no events.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether the queue has an event under this key.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Appends an event; returns the keys of the evicted events.
    pub fn push(&mut self, entry: StoredEntry) -> Vec<String> {
        self.bytes += entry.size();
        self.entries.push(entry);
        self.evict()
    }

    /// Inserts the stored events of earlier pages before the events of this page; returns the keys of the evicted events.
    ///
    /// Skips calls, and entries whose key is already in the queue.
    pub fn prepend_stored(&mut self, stored: &[StoredEntry]) -> Vec<String> {
        let mut newer = std::mem::take(&mut self.entries);
        for old in stored {
            if !old.is_call() && newer.iter().all(|entry| entry.key != old.key) {
                self.entries.push(old.clone());
            }
        }
        self.entries.append(&mut newer);
        self.recount();
        self.evict()
    }

    /// Removes the events of the given keys.
    pub fn remove(&mut self, keys: &[String]) {
        self.entries.retain(|entry| !keys.contains(&entry.key));
        self.recount();
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn recount(&mut self) {
        self.bytes = self.entries.iter().map(StoredEntry::size).sum();
    }

    fn evict(&mut self) -> Vec<String> {
        let mut evicted = 0;
        for entry in &self.entries {
            if self.bytes <= MAX_BYTES && self.entries.len() - evicted <= MAX_EVENTS {
                break;
            }
            self.bytes -= entry.size();
            evicted += 1;
        }
        if evicted == 0 {
            return Vec::new();
        }
        let rest = self.entries.split_off(evicted);
        keys(&std::mem::replace(&mut self.entries, rest))
    }
}

/// Returns the keys of `entries`.
pub fn keys(entries: &[StoredEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exceeded_bound_evicts_only_the_oldest_events(lengths in prop::collection::vec(0_usize..4_000, 0..1_400)) {
            let mut queue = Queue::default();
            let mut evicted = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                evicted.extend(queue.push(StoredEntry::new(format!("{at:05}"), "x".repeat(*length))));
                prop_assert!(queue.entries().len() <= MAX_EVENTS && queue.bytes <= MAX_BYTES);
            }
            prop_assert_eq!(queue.bytes, queue.entries().iter().map(StoredEntry::size).sum::<usize>());
            let all = [evicted, keys(queue.entries())].concat();
            prop_assert_eq!(all, (0..lengths.len()).map(|at| format!("{at:05}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn stored_events_come_first_and_once() {
        let mut queue = Queue::default();
        queue.push(StoredEntry::new("2".into(), "new".into()));
        queue.prepend_stored(&[StoredEntry::new("1".into(), "old".into()), StoredEntry::new("2".into(), "stale".into())]);
        assert_eq!(queue.entries(), [StoredEntry::new("1".into(), "old".into()), StoredEntry::new("2".into(), "new".into())]);
        queue.remove(&["1".into()]);
        queue.clear();
        assert!(queue.is_empty());
    }

    #[test]
    fn event_above_the_bound_empties_the_queue() {
        let mut queue = Queue::default();
        queue.push(StoredEntry::new("1".into(), String::new()));
        assert_eq!(queue.push(StoredEntry::new("2".into(), "x".repeat(MAX_BYTES))).len(), 2);
        assert_eq!(queue.bytes, 0);
    }
}
