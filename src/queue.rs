//! The in-memory queue of calls that the collector has not acknowledged, in order and bounded.
//!
//! Each entry also stands under its own key in the page's durable store, and is sent as it is stored. When a bound is exceeded, the oldest
//! entries are evicted.

use tillroll_protocol::flat_format::FlatValue;
use tillroll_protocol::json_writer::push_ascii;
use tillroll_protocol::str_bytes::{split_at, split_once};

/// The greatest number of calls in the queue.
pub const MAX_CALLS: usize = 1_000;

/// The greatest size of the queue, texts and keys together.
pub const MAX_BYTES: usize = 1_048_576;

/// The end of the key of a stored call without decisions. The call with its decisions has another key, so that deleting the former never deletes
/// the latter, which another tab may have stored.
pub const UNDECIDED_SUFFIX: u8 = b'c';

/// An entry of the page's durable store. `S` is how its texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredEntry<S = String> {
    /// The key in the store; keys sort in the order of the calls.
    pub key: S,
    /// One of the entries of a [request](tillroll_protocol::calls_request).
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
    // Not inlined: 12 bytes of brotli.
    #[inline(never)]
    pub fn to_owned(self) -> StoredEntry {
        StoredEntry::new(self.key.into(), self.text.into())
    }
}

impl<S: AsRef<str>> StoredEntry<S> {
    /// Returns whether this is a call without decisions: the second character differs from that of any other entry.
    pub fn is_call(&self) -> bool {
        self.text.as_ref().as_bytes().get(1) == Some(&b':')
    }

    /// Returns whether the text is no entry of a request, because something else than the library has written it, or only a part of it. It would
    /// damage the request.
    pub fn is_damaged(&self) -> bool {
        let text = self.text.as_ref();
        // As a call, or a call with decisions, begins.
        !matches!(text.as_bytes(), [b'{', b':', ..] | [b'[', b'{', ..]) || !FlatValue::new(text).is_whole()
    }
}

impl StoredEntry {
    /// Returns the entry with borrowed texts.
    pub fn as_ref(&self) -> StoredEntry<&str> {
        StoredEntry::new(&self.key, &self.text)
    }
}

/// The calls that the collector has not acknowledged.
#[derive(Debug, Default)]
pub struct Queue {
    entries: Vec<StoredEntry>,
}

impl Queue {
    /// Returns the calls, the oldest first.
    pub fn entries(&self) -> &[StoredEntry] {
        &self.entries
    }

    /// Returns whether the queue has no calls.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether the queue has a call under this key.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Inserts a call, which is not in the queue. A call of an earlier page goes before those with greater keys, any other to the end. Call
    /// [`evict`](Self::evict) afterwards until it returns None.
    pub fn insert(&mut self, entry: StoredEntry, is_earlier: bool) {
        let at = self.entries.iter().filter(|other| !is_earlier || other.key < entry.key).count();
        self.entries.insert(at, entry);
    }

    /// Removes the calls of these keys, which are separated by commas.
    pub fn remove(&mut self, mut keys: &str) {
        while !keys.is_empty() {
            let (key, rest) = split_once(keys, b',');
            self.entries.retain(|entry| entry.key != key);
            keys = rest;
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    // Computed each time: an insertion compares all keys anyway.
    fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.key.len() + entry.text.len()).sum()
    }

    /// Removes the oldest call if a bound is exceeded, and returns it.
    pub fn evict(&mut self) -> Option<StoredEntry> {
        (self.bytes() > MAX_BYTES || self.entries.len() > MAX_CALLS).then(|| self.entries.remove(0))
    }
}

/// Returns the keys of `entries`, separated by commas. Not `join` of the standard library, which reserves memory first and is larger.
pub fn keys(entries: &[StoredEntry]) -> String {
    let mut all = String::new();
    for entry in entries {
        if !all.is_empty() {
            push_ascii(&mut all, b',');
        }
        all.push_str(&entry.key);
    }
    all
}

/// Returns the key of a call with its decisions, from the key of the call.
pub(crate) fn decided_key(key: &str) -> &str {
    if is_undecided(key) { split_at(key, key.len() - 1).0 } else { key }
}

/// Returns whether a key is that of a call without decisions.
pub(crate) fn is_undecided(key: &str) -> bool {
    key.as_bytes().last() == Some(&UNDECIDED_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exceeded_bound_evicts_only_the_oldest_calls(lengths in prop::collection::vec(0_usize..4_000, 0..1_400)) {
            let mut queue = Queue::default();
            let mut evicted = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                queue.insert(StoredEntry::new(format!("{at:05}"), "x".repeat(*length)), false);
                evicted.extend(std::iter::from_fn(|| queue.evict()));
                prop_assert!(queue.entries().len() <= MAX_CALLS && queue.bytes() <= MAX_BYTES);
            }
            evicted.extend_from_slice(queue.entries());
            prop_assert_eq!(keys(&evicted), (0..lengths.len()).map(|at| format!("{at:05}")).collect::<Vec<_>>().join(","));
        }
    }

    #[test]
    fn damaged_entry_is_detected() {
        let is_damaged = |text: &str| StoredEntry::new("", text).is_damaged();
        for text in ["{:a\u{1f}$b\u{1f}}", "[{:a\u{1f}[z]}{}]"] {
            assert!(!is_damaged(text), "{text}");
            assert!((0..text.len()).all(|length| is_damaged(&text[..length])), "{text}");
            assert!(is_damaged(&format!("{text}]")) && is_damaged(&format!("]{text}")), "{text}");
        }
    }

    #[test]
    fn stored_calls_are_in_the_order_of_their_keys() {
        let mut queue = Queue::default();
        for key in ["3", "1", "2"] {
            queue.insert(StoredEntry::new(key.into(), String::new()), true);
        }
        assert_eq!(keys(queue.entries()), "1,2,3");
        assert!(queue.contains("1"));
        queue.remove("0,1");
        assert!(!queue.contains("1"));
        queue.clear();
        assert!(queue.is_empty());
    }

    #[test]
    fn call_above_the_bound_empties_the_queue() {
        let mut queue = Queue::default();
        queue.insert(StoredEntry::new("1".into(), String::new()), false);
        queue.insert(StoredEntry::new("2".into(), "x".repeat(MAX_BYTES)), false);
        assert_eq!(std::iter::from_fn(|| queue.evict()).count(), 2);
        assert_eq!(queue.bytes(), 0);
    }
}
