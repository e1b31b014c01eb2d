//! The binary format of a segment, the `body` of a row of the log.
//!
//! A segment is a sequence of frames. A frame is a header and up to [`MAX_SLOTS`] slots. A slot holds an event, or a tombstone if the event
//! was a duplicate or was erased. Attributes that equal those of the previous event of the frame are not repeated: most events of a batch
//! have the same visitor and page. A frame refers to nothing outside itself, so frames are concatenated unchanged. `postcard` encodes each
//! part (<https://postcard.jamesmunns.com/wire-format>).

use rusqlite::types::Type;
use serde::{Deserialize, Serialize};
use tillroll_protocol::event::Page;
use uuid::Uuid;

use super::attributes::{PreviousEvent, Sender, Shared};
use crate::sources::Client;

/// The most slots of a frame.
const MAX_SLOTS: usize = 64;

/// A frame with this many bytes gets no further slot.
const FULL_FRAME_BYTES: usize = 16 * 1024;

/// An event as the log stores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::store) struct LogEvent<'a> {
    pub(in crate::store) id: Uuid,
    /// Milliseconds since 1970, as is `received_at`.
    pub(in crate::store) time: u64,
    pub(in crate::store) received_at: u64,
    pub(in crate::store) event_type: &'a str,
    pub(in crate::store) api: &'a str,
    pub(in crate::store) sender: Sender<'a>,
    pub(in crate::store) page: Page<&'a str>,
    /// A JSON object.
    pub(in crate::store) params: &'a str,
    pub(in crate::store) is_bot: bool,
    pub(in crate::store) client: Client,
    /// Whether the table `state_event` has a copy of the event.
    pub(in crate::store) is_state_event: bool,
}

/// What all slots of a frame have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct FrameHeader {
    slots: u8,
    received_at: u64,
    /// The lowest bit is set for a bot; the other bits are the number of the client.
    client: u32,
}

#[derive(Serialize, Deserialize)]
enum Slot<'a> {
    Tombstone,
    #[serde(borrow)]
    Event(EncodedEvent<'a>),
}

/// An event of a frame. An attribute that is None equals that of the previous event.
#[derive(Serialize, Deserialize)]
struct EncodedEvent<'a> {
    id: [u8; 16],
    time: u64,
    is_state_event: bool,
    event_type: Option<&'a str>,
    api: Option<&'a str>,
    #[serde(borrow)]
    sender: Option<Sender<'a>>,
    /// URL, referrer and title.
    #[serde(borrow)]
    page: Option<[&'a str; 3]>,
    params: &'a str,
}

impl<'a> Shared<'a> {
    fn of(event: &LogEvent<'a>) -> Self {
        let Page { url, referrer, title } = event.page;
        Self { event_type: event.event_type, api: event.api, sender: event.sender, page: [url, referrer, title] }
    }

    /// Returns the attributes of an encoded event that follows an event with these attributes.
    fn followed_by(&self, event: &EncodedEvent<'a>) -> Self {
        Self {
            event_type: event.event_type.unwrap_or(self.event_type),
            api: event.api.unwrap_or(self.api),
            sender: event.sender.unwrap_or(self.sender),
            page: event.page.unwrap_or(self.page),
        }
    }
}

/// A frame: its header, and its slots as bytes.
pub(in crate::store) type Frame<'a> = (FrameHeader, &'a [u8]);

impl FrameHeader {
    /// Returns how many slots the frame has.
    pub(in crate::store) fn slots(&self) -> usize {
        usize::from(self.slots)
    }

    fn new(slots: u8, received_at: u64, is_bot: bool, client: Client) -> Self {
        Self { slots, received_at, client: u32::from(is_bot) | client.number() << 1 }
    }

    fn is_bot(&self) -> bool {
        self.client & 1 == 1
    }

    fn client(&self) -> Client {
        Client::from_number(self.client >> 1)
    }

    /// Returns when the request of the frame arrived, in milliseconds since 1970.
    pub(in crate::store) fn received_at(&self) -> u64 {
        self.received_at
    }

    fn decode<'a>(&self, event: &EncodedEvent<'a>, shared: &Shared<'a>) -> LogEvent<'a> {
        let [url, referrer, title] = shared.page;
        LogEvent {
            id: Uuid::from_bytes(event.id),
            time: event.time,
            received_at: self.received_at,
            event_type: shared.event_type,
            api: shared.api,
            sender: shared.sender,
            page: Page { url, referrer, title },
            params: event.params,
            is_bot: self.is_bot(),
            client: self.client(),
            is_state_event: event.is_state_event,
        }
    }
}

/// Encodes the events of one request as frames.
#[derive(Debug)]
pub(in crate::store) struct FrameEncoder {
    received_at: u64,
    is_bot: bool,
    client: Client,
    pub(super) bytes: Vec<u8>,
    /// The start of each frame in `bytes`, and the number of its slots.
    pub(super) frames: Vec<(usize, u8)>,
    /// The attributes of the previous event; empty at the start of a frame.
    previous: Box<PreviousEvent>,
}

impl FrameEncoder {
    pub(in crate::store) fn new(received_at: u64, is_bot: bool, client: Client) -> Self {
        Self { received_at, is_bot, client, bytes: Vec::new(), frames: Vec::new(), previous: Box::default() }
    }

    /// Reserves memory for this many bytes.
    pub(in crate::store) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Returns how many bytes the frames have.
    pub(in crate::store) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a slot with an event. `received_at`, `is_bot` and `client` are those of the encoder.
    pub(in crate::store) fn push(&mut self, event: &LogEvent<'_>) {
        self.begin_slot();
        let (shared, previous) = (Shared::of(event), self.previous.shared());
        let slot = Slot::Event(EncodedEvent {
            id: event.id.into_bytes(),
            time: event.time,
            is_state_event: event.is_state_event,
            event_type: (shared.event_type != previous.event_type).then_some(shared.event_type),
            api: (shared.api != previous.api).then_some(shared.api),
            sender: (shared.sender != previous.sender).then_some(shared.sender),
            page: (shared.page != previous.page).then_some(shared.page),
            params: event.params,
        });
        if shared != previous {
            self.previous.set(shared);
        }
        append(&mut self.bytes, &slot);
    }

    /// Adds a slot without an event.
    pub(in crate::store) fn push_tombstone(&mut self) {
        self.begin_slot();
        append(&mut self.bytes, &Slot::Tombstone);
    }

    fn begin_slot(&mut self) {
        match self.frames.last_mut() {
            Some((start, slots)) if usize::from(*slots) < MAX_SLOTS && self.bytes.len() - *start < FULL_FRAME_BYTES => *slots += 1,
            _ => {
                self.frames.push((self.bytes.len(), 1));
                *self.previous = PreviousEvent::default();
            }
        }
    }

    /// Returns the frames.
    pub(in crate::store) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let ends = self.frames.iter().skip(1).map(|(start, _)| *start).chain([self.bytes.len()]);
        self.frames.iter().zip(ends).map(|(&(start, slots), end)| {
            let header = FrameHeader::new(slots, self.received_at, self.is_bot, self.client);
            (header, self.bytes.get(start..end).unwrap_or_default())
        })
    }
}

/// Appends a frame to a segment.
pub(in crate::store) fn append_frame(segment: &mut Vec<u8>, (header, slots): Frame<'_>) {
    append(segment, &header);
    segment.extend_from_slice(slots);
}

fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    // These types have no case that `postcard` cannot encode, and memory accepts every byte.
    *out = postcard::to_extend(value, std::mem::take(out)).expect("plain data can be encoded");
}

/// Returns a segment with tombstones in place of some events. `retain` gets the index of a slot in the segment.
pub(in crate::store) fn retain_slots(mut segment: &[u8], retain: impl Fn(usize) -> bool) -> rusqlite::Result<Vec<u8>> {
    let (mut out, mut first) = (Vec::with_capacity(segment.len()), 0);
    while !segment.is_empty() {
        let header = take_header(&mut segment)?;
        let frame = retain_slots_of_frame(header, &mut segment, |index| retain(first + index))?;
        frame.frames().for_each(|frame| append_frame(&mut out, frame));
        first += header.slots();
    }
    Ok(out)
}

/// Encodes a frame with tombstones in place of some events. Leaves in `bytes` what follows the frame.
pub(in crate::store) fn retain_slots_of_frame(
    header: FrameHeader,
    bytes: &mut &[u8],
    retain: impl Fn(usize) -> bool,
) -> rusqlite::Result<FrameEncoder> {
    let mut encoder = FrameEncoder::new(header.received_at, header.is_bot(), header.client());
    for (index, slot) in decode_slots(header, bytes)?.into_iter().enumerate() {
        match slot {
            Some(event) if retain(index) => encoder.push(&event),
            _ => encoder.push_tombstone(),
        }
    }
    Ok(encoder)
}

/// Returns the events of a segment with their numbers. `last_seq` is the number of its last slot.
pub(in crate::store) fn decode_segment(mut segment: &[u8], last_seq: i64, slots: i64) -> rusqlite::Result<Vec<(i64, LogEvent<'_>)>> {
    let mut events = Vec::new();
    let mut seq = last_seq - slots;
    while !segment.is_empty() {
        let header = take_header(&mut segment)?;
        for slot in decode_slots(header, &mut segment)? {
            seq += 1;
            events.extend(slot.map(|event| (seq, event)));
        }
    }
    if seq == last_seq { Ok(events) } else { Err(damaged()) }
}

fn take_header(segment: &mut &[u8]) -> rusqlite::Result<FrameHeader> {
    let (header, rest) = postcard::take_from_bytes(segment).map_err(|_| damaged())?;
    *segment = rest;
    Ok(header)
}

/// Decodes the slots of a frame; None is a tombstone. Leaves in `bytes` what follows the frame.
pub(super) fn decode_slots<'a>(header: FrameHeader, bytes: &mut &'a [u8]) -> rusqlite::Result<Vec<Option<LogEvent<'a>>>> {
    let mut events = Vec::with_capacity(header.slots());
    let mut previous = Shared::default();
    for _ in 0..header.slots {
        let (slot, rest) = postcard::take_from_bytes(bytes).map_err(|_| damaged())?;
        *bytes = rest;
        events.push(match slot {
            Slot::Tombstone => None,
            Slot::Event(event) => {
                previous = previous.followed_by(&event);
                Some(header.decode(&event, &previous))
            }
        });
    }
    Ok(events)
}

pub(super) fn damaged() -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, "a segment of the log is damaged".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: Client = Client::from_number(77);

    type Texts = (String, Option<String>, Option<String>, Option<String>, String, String);

    fn any_texts() -> impl Strategy<Value = Vec<(u128, u64, Texts)>> {
        let some = || prop::option::of("[ab]{0,2}");
        let texts = ("[ab]", some(), some(), some(), "[ab]{0,2}", ".*");
        prop::collection::vec((any::<u128>(), any::<u64>(), texts), 0..150)
    }

    fn event((id, time, (event_type, person, session, store, url, params)): &(u128, u64, Texts)) -> LogEvent<'_> {
        let page = Page { url: url.as_str(), referrer: event_type, title: "" };
        let person = person.as_deref();
        let sender = Sender {
            visitor: person.filter(|_| time % 2 == 0),
            email: person.filter(|_| time % 2 == 1),
            session: session.as_deref(),
            store: store.as_deref(),
        };
        let id = Uuid::from_u128(*id);
        let is_state_event = time % 5 == 0;
        LogEvent {
            id,
            time: *time,
            received_at: 9,
            event_type,
            api: "tillroll",
            sender,
            page,
            params,
            is_bot: true,
            client: CLIENT,
            is_state_event,
        }
    }

    fn encode(events: &[LogEvent<'_>]) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(9, true, CLIENT);
        events.iter().for_each(|event| encoder.push(event));
        assert_eq!(encoder.frames().map(|(header, _)| header.slots()).sum::<usize>(), events.len());
        let mut segment = Vec::new();
        encoder.frames().for_each(|frame| append_frame(&mut segment, frame));
        segment
    }

    proptest! {
        #[test]
        fn encoded_events_read_back_with_and_without_tombstones(texts in any_texts(), every in 1_usize..5) {
            let events: Vec<LogEvent<'_>> = texts.iter().map(event).collect();
            let segment = encode(&events);
            let last_seq = events.len() as i64;
            let all: Vec<_> = (1..).zip(events).collect();
            prop_assert_eq!(&decode_segment(&segment, last_seq, last_seq).unwrap(), &all);
            let fewer = retain_slots(&segment, |index| index % every == 0).unwrap();
            let retained: Vec<_> = all.into_iter().step_by(every).collect();
            prop_assert_eq!(decode_segment(&fewer, last_seq, last_seq).unwrap(), retained);
        }

        #[test]
        fn a_damaged_segment_is_an_error_and_does_not_panic(segment: Vec<u8>, slots in 0_i64..9) {
            let _ = decode_segment(&segment, 9, slots);
        }
    }

    #[test]
    fn shared_attributes_are_encoded_once() {
        let texts = (0, 7, ("product_view".to_owned(), Some("ab".repeat(20)), None, None, "https://x/".repeat(9), "{}".to_owned()));
        let [one, two] = [1, 2].map(|count| encode(&vec![event(&texts); count]).len());
        // The slot's tag, the id, the time, whether it is a state event, four attributes that are equal, and the parameters.
        assert_eq!(two - one, 1 + 16 + 1 + 1 + 4 + 3);
    }
}
