//! What the collector does not have yet, in order, within bounds.
//!
//! Every item stands under its own key in the page's durable store as well; this is the picture of it in memory. When a bound is
//! passed the oldest items fall out, and are counted.

/// The most events kept.
pub const EVENTS: usize = 1_000;

/// The most bytes kept, texts and keys together.
pub const BYTES: usize = 1_048_576;

/// A finished event that waits. `S` is how its texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Item<S = String> {
    /// Under which it is kept; keys sort in the order of the calls.
    pub key: S,
    /// The event, as it will be sent.
    pub text: S,
}

impl<S> Item<S> {
    /// Returns an item.
    pub fn new(key: S, text: S) -> Self {
        Self { key, text }
    }
}

impl Item<&str> {
    /// Returns an item of its own.
    pub fn to_owned(self) -> Item {
        Item::new(self.key.into(), self.text.into())
    }
}

impl<S: AsRef<str>> Item<S> {
    /// Returns whether this is a call that never became an event: its page was left before the core had come. Calls are flat texts, events
    /// are JSON, and the second character tells them apart.
    pub fn is_call(&self) -> bool {
        self.text.as_ref().as_bytes().get(1) == Some(&b':')
    }
}

impl Item {
    /// Lends the item.
    pub fn lend(&self) -> Item<&str> {
        Item::new(&self.key, &self.text)
    }

    fn size(&self) -> usize {
        self.key.len() + self.text.len()
    }
}

/// The events that wait.
#[derive(Debug, Default)]
pub struct Queue {
    items: Vec<Item>,
    bytes: usize,
}

impl Queue {
    /// Returns the events, the oldest first.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns whether the event of this key waits.
    pub fn has(&self, key: &str) -> bool {
        self.items.iter().any(|item| item.key == key)
    }

    /// Adds an event behind all others; returns the keys of those that fell out for it.
    pub fn push(&mut self, item: Item) -> Vec<String> {
        self.bytes += item.size();
        self.items.push(item);
        self.shrink()
    }

    /// Puts what an earlier page kept before what this page has; returns the keys of what fell out.
    ///
    /// An item that is here already stays as it is, and calls are not for the queue.
    pub fn restore(&mut self, kept: &[Item]) -> Vec<String> {
        let mut young = std::mem::take(&mut self.items);
        for old in kept {
            if !old.is_call() && young.iter().all(|item| item.key != old.key) {
                self.items.push(old.clone());
            }
        }
        self.items.append(&mut young);
        self.weigh();
        self.shrink()
    }

    /// Removes the events of the given keys.
    pub fn forget(&mut self, keys: &[String]) {
        self.items.retain(|item| !keys.contains(&item.key));
        self.weigh();
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn weigh(&mut self) {
        self.bytes = self.items.iter().map(Item::size).sum();
    }

    fn shrink(&mut self) -> Vec<String> {
        let mut surplus = 0;
        for item in &self.items {
            if self.bytes <= BYTES && self.items.len() - surplus <= EVENTS {
                break;
            }
            self.bytes -= item.size();
            surplus += 1;
        }
        if surplus == 0 {
            return Vec::new();
        }
        let rest = self.items.split_off(surplus);
        keys(&std::mem::replace(&mut self.items, rest))
    }
}

/// Returns the keys of `items`.
pub fn keys(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| item.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_hold_and_only_the_oldest_fall_out(lengths in prop::collection::vec(0_usize..4_000, 0..1_400)) {
            let mut queue = Queue::default();
            let mut dropped = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                dropped.extend(queue.push(Item::new(format!("{at:05}"), "x".repeat(*length))));
                prop_assert!(queue.items().len() <= EVENTS && queue.bytes <= BYTES);
            }
            prop_assert_eq!(queue.bytes, queue.items().iter().map(Item::size).sum::<usize>());
            let all = [dropped, keys(queue.items())].concat();
            prop_assert_eq!(all, (0..lengths.len()).map(|at| format!("{at:05}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_was_kept_goes_first_and_once() {
        let mut queue = Queue::default();
        queue.push(Item::new("2".into(), "new".into()));
        queue.restore(&[Item::new("1".into(), "old".into()), Item::new("2".into(), "stale".into())]);
        assert_eq!(queue.items(), [Item::new("1".into(), "old".into()), Item::new("2".into(), "new".into())]);
        queue.forget(&["1".into()]);
        queue.clear();
        assert!(queue.is_empty());
    }

    #[test]
    fn an_event_above_the_bound_empties_the_queue() {
        let mut queue = Queue::default();
        queue.push(Item::new("1".into(), String::new()));
        assert_eq!(queue.push(Item::new("2".into(), "x".repeat(BYTES))).len(), 2);
        assert_eq!(queue.bytes, 0);
    }
}
