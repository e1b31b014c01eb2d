//! Events on their way into the log, by the request.
//!
//! Whoever sends events packs them, because the writing thread is the one that everybody waits for: it takes each id down and moves the
//! places as they are. Events of which more has to be known than that they happened come along as they are.

use tillroll_protocol::event::{Event, Page, Visitor};
use uuid::Uuid;

use super::record::Record;
use super::shop::{self, Voucher};

/// The events of one request.
#[derive(Debug)]
pub struct Pack {
    received_at: u64,
    voucher: Voucher,
    body: Vec<u8>,
    marks: Vec<Mark>,
}

/// Where an event of a pack ends, and what the writing thread has to know of it.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) key: Uuid,
    end: usize,
    /// The event itself, if the state follows from its like.
    pub(super) telling: Option<Box<Event>>,
}

impl Pack {
    /// Returns an empty pack of a request that came at a time, in milliseconds since 1970.
    pub fn new(received_at: u64, voucher: Voucher) -> Self {
        Self { received_at, voucher, body: Vec::new(), marks: Vec::new() }
    }

    /// Makes room for so many events, whose texts are so long together.
    #[must_use]
    pub fn with_room(mut self, events: usize, bytes: usize) -> Self {
        self.body.reserve(bytes);
        self.marks.reserve(events);
        self
    }

    /// Adds an event. Its `key` is its id, of which the text is not looked at.
    pub fn push<S: AsRef<str>>(&mut self, key: Uuid, event: &Event<S>) {
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
        record.write(&mut self.body);
        let telling = shop::is_told_by(event.kind.as_ref()).then(|| Box::new(owned(event)));
        self.marks.push(Mark { key, end: self.body.len(), telling });
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
        self.body.len() + 64 * self.marks.len() + telling.map(|event| 512 + event.params.len()).sum::<usize>()
    }

    /// Returns each event's mark and its place.
    pub(super) fn places(&self) -> impl Iterator<Item = (&Mark, &[u8])> {
        let begins = std::iter::once(0).chain(self.marks.iter().map(|mark| mark.end));
        begins.zip(&self.marks).map(|(begin, mark)| (mark, self.body.get(begin..mark.end).unwrap_or_default()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::places;
    use proptest::prelude::*;

    fn any_event() -> impl Strategy<Value = (u128, Event)> {
        let visitor = prop_oneof![".{0,200}".prop_map(Visitor::Id), ".{1,20}".prop_map(Visitor::Email)];
        let page = (".{0,200}", ".*", ".*").prop_map(|(url, referrer, title)| Page { url, referrer, title });
        let kind = prop::sample::select(vec!["land", "basket_add", "order", "custom"]);
        let texts = (any::<Option<String>>(), any::<Option<String>>(), ".*");
        (any::<u128>(), kind, any::<u64>(), visitor, page, texts).prop_map(|(key, kind, time, visitor, page, texts)| {
            let (session_id, store_id, params) = texts;
            let (id, api) = (String::new(), "ometria".into());
            (key, Event { id, kind: kind.into(), api, time, visitor, session_id, store_id, page, params })
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_back(events in prop::collection::vec(any_event(), 0..9), received_at: u64) {
            let mut pack = Pack::new(received_at, Voucher::Page);
            events.iter().for_each(|(key, event)| pack.push(Uuid::from_u128(*key), event));
            let body: Vec<u8> = pack.places().flat_map(|(_, place)| place).copied().collect();
            let count = events.len() as i64;
            let places = places(&body, count, count).unwrap();
            prop_assert_eq!(places.len(), events.len());
            for (place, (key, event)) in places.iter().zip(&events) {
                let record = place.record().unwrap().unwrap();
                prop_assert_eq!(record.key, Uuid::from_u128(*key));
                prop_assert_eq!((record.time, record.received_at), (event.time, received_at));
                prop_assert_eq!((record.kind, record.params), (event.kind.as_str(), event.params.as_str()));
                prop_assert_eq!((record.session, record.store), (event.session_id.as_deref(), event.store_id.as_deref()));
                let who = match &event.visitor {
                    Visitor::Id(id) => Some(Visitor::Id(id.as_str())).filter(|_| !id.is_empty()),
                    Visitor::Email(email) => Some(Visitor::Email(email.as_str())),
                };
                prop_assert_eq!(record.who, who);
                prop_assert_eq!(record.is_step, event.kind == "basket_add" && who.is_some());
                prop_assert_eq!((record.page.url, record.page.title), (event.page.url.as_str(), event.page.title.as_str()));
            }
        }
    }
}
