//! Events on their way into the log, by the request.
//!
//! Whoever sends events packs them, because the writing thread is the one that everybody waits for: it takes each id down and moves the
//! parts as they are. Events of which more has to be known than that they happened come along as they are.

use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::unchecked_event::ValidEvent;
use uuid::Uuid;

use super::record::{Record, Writer};
use super::shop::{self, Voucher};

/// What the first event of most requests takes, and what each further one takes of most.
const FIRST_BYTES: usize = 512;
const EVENT_BYTES: usize = 96;

/// The events of one request.
#[derive(Debug)]
pub struct Pack {
    received_at: u64,
    voucher: Voucher,
    parts: Writer,
    marks: Vec<Mark>,
}

/// What the writing thread has to know of an event.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) key: Uuid,
    /// The event itself, if the state follows from its like.
    pub(super) telling: Option<Box<Event>>,
}

impl Pack {
    /// Returns an empty pack of a request that came at a time, in milliseconds since 1970.
    pub fn new(received_at: u64, voucher: Voucher) -> Self {
        Self { received_at, voucher, parts: Writer::default(), marks: Vec::new() }
    }

    /// Makes room for so many events.
    #[must_use]
    pub fn with_room(mut self, events: usize) -> Self {
        self.parts.reserve(FIRST_BYTES + EVENT_BYTES * events);
        self.marks.reserve(events);
        self
    }

    /// Adds an event, whose id is `key`.
    pub fn push<S: AsRef<str>>(&mut self, key: Uuid, event: &ValidEvent<S>) {
        let who = match &event.visitor {
            // A back end that knows nobody.
            Visitor::Id(id) if id.as_ref().is_empty() => None,
            Visitor::Id(id) => Some(Visitor::Id(id.as_ref())),
            Visitor::Email(email) => Some(Visitor::Email(email.as_ref())),
        };
        let is_step = who.is_some() && self.voucher.step_of(event.kind.as_ref()).is_some();
        let record = Record {
            key,
            time: event.time,
            received_at: self.received_at,
            kind: event.kind.as_ref(),
            api: event.api.as_ref(),
            who,
            session: event.session_id.as_ref().map(AsRef::as_ref),
            store: event.store_id.as_ref().map(AsRef::as_ref),
            page: Page { url: event.page.url.as_ref(), referrer: event.page.referrer.as_ref(), title: event.page.title.as_ref() },
            params: &event.params,
            is_bot: self.voucher == Voucher::Bot,
            is_step,
        };
        self.parts.push(&record);
        let telling = shop::is_told_by(event.kind.as_ref()).then(|| Box::new(owned(event)));
        self.marks.push(Mark { key, telling });
    }

    /// Returns how many events there are.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// When the request came, in milliseconds since 1970.
    pub fn received_at(&self) -> u64 {
        self.received_at
    }

    /// Who vouches for the events.
    pub fn voucher(&self) -> Voucher {
        self.voucher
    }

    /// Returns about how many bytes of memory this takes.
    pub(super) fn weight(&self) -> usize {
        let telling = self.marks.iter().filter_map(|mark| mark.telling.as_ref());
        self.parts.len() + 64 * self.marks.len() + telling.map(|event| 512 + event.params.len()).sum::<usize>()
    }

    /// Returns what there is to know of each event.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Returns the events part by part, and how many each has.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.parts.parts()
    }
}

fn owned<S: AsRef<str>>(event: &Event<S>) -> Event {
    let text = |text: &S| text.as_ref().to_owned();
    Event {
        id: String::new(),
        kind: text(&event.kind),
        api: text(&event.api),
        time: event.time,
        visitor: match &event.visitor {
            Visitor::Id(id) => Visitor::Id(text(id)),
            Visitor::Email(email) => Visitor::Email(text(email)),
        },
        session_id: event.session_id.as_ref().map(text),
        store_id: event.store_id.as_ref().map(text),
        page: Page::default(),
        params: event.params.clone(),
    }
}
