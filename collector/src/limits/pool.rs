//! A pool of something limited (connections, memory), of which each client may take a share only.
//!
//! Invariant: what is taken is the sum of all leases, and no client's leases exceed its share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A pool that clients with keys of type `K` share.
#[derive(Debug)]
pub(crate) struct Pool<K> {
    total: usize,
    share: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by_client: HashMap<K, usize>,
}

/// A part of a pool. Dropping it returns the part.
#[derive(Debug)]
pub(crate) struct Lease<K: Eq + Hash + Copy> {
    pool: Arc<Pool<K>>,
    client: K,
    amount: usize,
}

impl<K: Eq + Hash + Copy> Pool<K> {
    /// Returns a pool of `total`, of which a client may take `share`.
    pub(crate) fn new(total: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { total, share, taken: Mutex::new(Taken { all: 0, by_client: HashMap::new() }) })
    }

    /// Takes a part for a client; None if the pool or the client's share of it is used up.
    pub(crate) fn take(self: &Arc<Self>, client: K, amount: usize) -> Option<Lease<K>> {
        let mut lease = Lease { pool: Arc::clone(self), client, amount: 0 };
        lease.grow(amount).then_some(lease)
    }

    fn put_back(&self, client: K, amount: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= amount;
        if let Some(own) = taken.by_client.get_mut(&client) {
            *own -= amount;
            if *own == 0 {
                taken.by_client.remove(&client);
            }
        }
    }
}

impl<K: Eq + Hash + Copy> Lease<K> {
    /// Takes more; returns false, and takes nothing, if the pool or the client's share of it is used up.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let mut taken = self.pool.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_client.get(&self.client).copied().unwrap_or_default();
        if more > self.pool.total - taken.all || more > self.pool.share.saturating_sub(own) {
            return false;
        }
        taken.all += more;
        *taken.by_client.entry(self.client).or_default() += more;
        self.amount += more;
        true
    }

    /// Returns a part of the lease.
    pub(crate) fn shrink(&mut self, less: usize) {
        let less = less.min(self.amount);
        self.amount -= less;
        self.pool.put_back(self.client, less);
    }
}

impl<K: Eq + Hash + Copy> Drop for Lease<K> {
    fn drop(&mut self) {
        self.pool.put_back(self.client, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_gets_its_share_and_others_the_rest() {
        let pool = Pool::new(10, 6);
        let mut first = pool.take("a", 4).unwrap();
        assert!(first.grow(2) && !first.grow(1));
        assert!(pool.take("a", 1).is_none());
        let second = pool.take("b", 4).unwrap();
        assert!(pool.take("c", 1).is_none(), "nothing is left");
        drop(first);
        assert!(pool.take("a", 6).is_some());
        drop(second);
        assert!(pool.taken.lock().unwrap().by_client.is_empty());
    }
}
