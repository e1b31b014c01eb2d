//! Encoded events as they travel to other stores, and back.

use super::codec::{FrameEncoder, LogEvent, damaged, decode_slots};

impl FrameEncoder {
    /// Returns the start of each frame with the number of its slots, and the bytes of all frames.
    pub(in crate::store) fn parts(&self) -> (&[(usize, u8)], &[u8]) {
        (&self.frames, &self.bytes)
    }

    /// Returns an encoder with frames that another one has encoded. `received_at`, `is_bot` and `client` are those of the other one.
    pub(in crate::store) fn with_parts(mut self, (frames, bytes): (Vec<(usize, u8)>, Vec<u8>)) -> Self {
        (self.frames, self.bytes) = (frames, bytes);
        self
    }

    /// Returns all events, or an error if the frames are damaged.
    pub(in crate::store) fn events(&self) -> rusqlite::Result<Vec<LogEvent<'_>>> {
        let mut events = Vec::new();
        for (header, mut bytes) in self.frames() {
            events.extend(decode_slots(header, &mut bytes)?.into_iter().flatten());
            if !bytes.is_empty() {
                return Err(damaged());
            }
        }
        Ok(events)
    }
}
