//! The memory that request bodies may use together.
//!
//! Memory is taken as bytes arrive, so a client that announces a large body and sends nothing takes none. Of bodies whose sender is not
//! identified there may be far fewer: no secret and no token vouches for them. No client may take more than half of either.

use std::sync::Arc;

use crate::Error;
use crate::limits::client_key::ClientKey;
use crate::limits::pool::{Lease, Pool};

/// A body up to this size takes nothing of the room. The number of connections bounds their total.
const FREE_BYTES: usize = 16 * 1024;

/// How much memory all larger bodies may use together, in KB.
const ROOM_KB: usize = 256 * 1024;

/// How much memory the larger bodies of senders that are not identified may use together, in KB.
const STRANGERS_ROOM_KB: usize = 32 * 1024;

/// The rooms of a server.
#[derive(Clone)]
pub(crate) struct BodyRooms {
    identified: Arc<Pool<ClientKey>>,
    strangers: Arc<Pool<ClientKey>>,
}

impl BodyRooms {
    pub(crate) fn new() -> Self {
        Self { identified: Pool::new(ROOM_KB, ROOM_KB / 2), strangers: Pool::new(STRANGERS_ROOM_KB, STRANGERS_ROOM_KB / 2) }
    }

    /// Returns the room of one body, which takes nothing yet.
    pub(crate) fn room(&self, client: ClientKey, is_identified: bool) -> BodyRoom {
        BodyRoom { rooms: self.clone(), client, is_identified, kilobytes: 0, lease: None }
    }
}

/// The room of one body. Dropping it releases the memory.
pub(crate) struct BodyRoom {
    rooms: BodyRooms,
    client: ClientKey,
    is_identified: bool,
    kilobytes: usize,
    lease: Option<Lease<ClientKey>>,
}

impl BodyRoom {
    /// Takes room for this many bytes in all, or fails.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        let kilobytes = if bytes <= FREE_BYTES { 0 } else { bytes.div_ceil(1024) };
        let more = kilobytes.saturating_sub(self.kilobytes);
        if more == 0 {
            return Ok(());
        }
        let is_taken = match &mut self.lease {
            Some(lease) => lease.grow(more),
            none => {
                *none = self.rooms.pool(self.is_identified).take(self.client, more);
                none.is_some()
            }
        };
        if !is_taken {
            return Err(Error::QueueFull);
        }
        self.kilobytes = kilobytes;
        Ok(())
    }

    /// Moves the body to the room of identified senders, or fails.
    pub(crate) fn identify(&mut self) -> Result<(), Error> {
        if !self.is_identified {
            let lease = match self.kilobytes {
                0 => None,
                kilobytes => Some(self.rooms.identified.take(self.client, kilobytes).ok_or(Error::QueueFull)?),
            };
            (self.is_identified, self.lease) = (true, lease);
        }
        Ok(())
    }

    /// Releases all but this many bytes.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let kilobytes = if bytes <= FREE_BYTES { 0 } else { bytes.div_ceil(1024) };
        if kilobytes < self.kilobytes {
            if let Some(lease) = &mut self.lease {
                lease.shrink(self.kilobytes - kilobytes);
            }
            self.kilobytes = kilobytes;
        }
    }
}

impl BodyRooms {
    fn pool(&self, is_identified: bool) -> &Arc<Pool<ClientKey>> {
        if is_identified { &self.identified } else { &self.strangers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> ClientKey {
        ClientKey::of([10, 0, 0, number].into())
    }

    #[test]
    fn room_is_taken_as_a_body_grows_and_small_bodies_take_none() {
        let rooms = BodyRooms::new();
        let small: Vec<_> = (0..10_000).map(|_| rooms.room(client(1), false)).map(|mut room| room.hold(FREE_BYTES)).collect();
        assert!(small.iter().all(Result::is_ok));
        let mut large: Vec<BodyRoom> = Vec::new();
        let full = (0..1000).find(|_| {
            let mut room = rooms.room(client(1), false);
            let is_full = room.hold(1 << 20).is_err();
            large.push(room);
            is_full
        });
        assert_eq!(full, Some(STRANGERS_ROOM_KB / 2048), "one client gets half");
        let mut other = rooms.room(client(2), false);
        assert!(other.hold(1 << 20).is_ok() && other.hold(2 << 20).is_ok());
        assert!(rooms.room(client(1), true).hold(5 << 20).is_ok(), "senders that are identified have a room of their own");
        large[0].identify().unwrap();
        assert!(rooms.room(client(1), false).hold(1 << 20).is_ok(), "the body has moved");
        large[1].shrink(1000);
        assert!(rooms.room(client(1), false).hold(1 << 20).is_ok());
        drop((large, other));
        assert!(rooms.room(client(3), false).hold(STRANGERS_ROOM_KB << 9).is_ok());
    }
}
