//! The events of one request, encoded for the log.
//!
//! The request's own task encodes them, because all requests wait for the one writing thread: that thread only inserts the ids and copies the
//! frames. An event that changes the state is attached as it is.

use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::unchecked_event::ValidEvent;
use uuid::Uuid;

use super::attributes::Sender;
use super::codec::{Frame, FrameEncoder, LogEvent};
use crate::sources::Client;
use crate::store::cost;
use crate::store::event_group::affects_state;
use crate::store::trust::TrustLevel;

/// The bytes of the first event of most requests, and of each further event.
const FIRST_EVENT_BYTES: usize = 512;
const FURTHER_EVENT_BYTES: usize = 96;

/// The events of one request.
#[derive(Debug)]
pub struct EncodedBatch {
    received_at: u64,
    trust: TrustLevel,
    client: Client,
    encoder: FrameEncoder,
    events: Vec<EventMeta>,
    state_events: usize,
}

/// What the writing thread needs of an event.
#[derive(Debug)]
pub(in crate::store) struct EventMeta {
    pub(in crate::store) id: Uuid,
    /// The event itself, if its type changes the state; without its page, from which nothing is derived.
    pub(in crate::store) state_event: Option<Box<Event>>,
}

impl EventMeta {
    /// Returns what the writing thread needs of an encoded event.
    fn of(event: &LogEvent<'_>) -> Self {
        let text = |text: &str| text.to_owned();
        let state_event = affects_state(event.event_type).then(|| {
            Box::new(Event {
                id: String::new(),
                kind: text(event.event_type),
                api: text(event.api),
                time: event.time,
                visitor: match event.sender.visitor() {
                    Some(Visitor::Email(email)) => Visitor::Email(text(email)),
                    Some(Visitor::Id(id)) => Visitor::Id(text(id)),
                    None => Visitor::Id(String::new()),
                },
                session_id: event.sender.session.map(text),
                store_id: event.sender.store.map(text),
                page: Page::default(),
                params: EventParams::from_stored(text(event.params)),
            })
        });
        Self { id: event.id, state_event }
    }
}

impl EncodedBatch {
    /// Returns an empty batch for a request that arrived at `received_at`, in milliseconds since 1970.
    pub fn new(received_at: u64, trust: TrustLevel) -> Self {
        Self {
            received_at,
            trust,
            encoder: FrameEncoder::new(received_at, trust == TrustLevel::Bot, Client::default()),
            client: Client::default(),
            events: Vec::new(),
            state_events: 0,
        }
    }

    /// Sets the device and the country of the sender. The batch must be empty.
    #[must_use]
    pub fn with_client(self, client: Client) -> Self {
        Self { client, encoder: FrameEncoder::new(self.received_at, self.trust == TrustLevel::Bot, client), ..self }
    }

    /// Returns an empty batch of the same sender and request.
    #[must_use]
    pub fn next(&self) -> Self {
        Self::new(self.received_at, self.trust).with_client(self.client)
    }

    /// Reserves memory for this many events.
    pub fn reserve(&mut self, events: usize) {
        self.encoder.reserve(FIRST_EVENT_BYTES + FURTHER_EVENT_BYTES * events);
        self.events.reserve(events);
    }

    /// Adds an event with this id.
    pub fn push<S: AsRef<str>>(&mut self, id: Uuid, event: &ValidEvent<S>) {
        let (visitor, email) = match &event.visitor {
            // A back end may send an event without a visitor.
            Visitor::Id(id) if id.as_ref().is_empty() => (None, None),
            Visitor::Id(id) => (Some(id.as_ref()), None),
            Visitor::Email(email) => (None, Some(email.as_ref())),
        };
        let [session, store] = [&event.session_id, &event.store_id].map(|text| text.as_ref().map(AsRef::as_ref));
        let event_type = event.kind.as_ref();
        let has_person = visitor.or(email).is_some();
        let event = LogEvent {
            id,
            time: event.time,
            received_at: self.received_at,
            event_type,
            api: event.api.as_ref(),
            sender: Sender { visitor, email, session, store },
            page: Page { url: event.page.url.as_ref(), referrer: event.page.referrer.as_ref(), title: event.page.title.as_ref() },
            params: &event.params,
            is_bot: self.trust == TrustLevel::Bot,
            client: self.client,
            is_state_event: has_person && self.trust.event_group(event_type).is_some(),
        };
        self.encoder.push(&event);
        let meta = EventMeta::of(&event);
        self.state_events += usize::from(meta.state_event.is_some());
        self.events.push(meta);
    }

    /// Returns the number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether the batch has no events.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns whether further events belong into another batch: other requests wait while a batch is written.
    pub fn is_full(&self) -> bool {
        self.cost() >= cost::MAX_TASK
    }

    /// Returns about how much of the writer's time the batch takes.
    pub(in crate::store) fn cost(&self) -> usize {
        cost::EVENT * self.events.len() + cost::STATE_EVENT * self.state_events + self.encoder.len() / cost::BYTES
    }

    /// Returns when the request arrived, in milliseconds since 1970.
    pub fn received_at(&self) -> u64 {
        self.received_at
    }

    /// Returns the trust level of the sender.
    pub fn trust(&self) -> TrustLevel {
        self.trust
    }

    /// Returns about how many bytes of memory the batch takes.
    pub(in crate::store) fn memory_bytes(&self) -> usize {
        let state_events = self.events.iter().filter_map(|event| event.state_event.as_ref());
        self.encoder.len() + 64 * self.events.len() + state_events.map(|event| 512 + event.params.len()).sum::<usize>()
    }

    /// Returns the events, in the order of their slots.
    pub(in crate::store) fn events(&self) -> &[EventMeta] {
        &self.events
    }

    /// Returns the device and the country of the sender.
    pub(in crate::store) fn client(&self) -> Client {
        self.client
    }

    /// Returns the encoded events: the start of each frame with the number of its slots, and the bytes of all frames.
    pub(in crate::store) fn parts(&self) -> (&[(usize, u8)], &[u8]) {
        self.encoder.parts()
    }

    /// Returns a batch with the encoded events of another one, or None if they are damaged.
    pub(in crate::store) fn from_parts(
        received_at: u64,
        (trust, client): (TrustLevel, Client),
        parts: (Vec<(usize, u8)>, Vec<u8>),
    ) -> Option<Self> {
        let batch = Self::new(received_at, trust).with_client(client);
        let encoder = batch.encoder.with_parts(parts);
        let events: Vec<EventMeta> = encoder.events().ok()?.iter().map(EventMeta::of).collect();
        let slots: usize = encoder.frames().map(|(header, _)| header.slots()).sum();
        let state_events = events.iter().filter(|event| event.state_event.is_some()).count();
        // A batch has no tombstones.
        (slots == events.len()).then_some(Self { encoder, events, state_events, received_at, trust, client })
    }

    /// Returns the encoded events.
    pub(in crate::store) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.encoder.frames()
    }
}
