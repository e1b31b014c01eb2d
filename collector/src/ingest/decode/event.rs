//! From the text of one event to an event of the protocol, or to the reason why not.
//!
//! What comes out is canonical: parameters as the table of kinds has them, ids as numbers, e-mails normalised. Reading it again would
//! change nothing.

use std::borrow::Cow;

use serde::Deserialize;
use tillroll_protocol::batch::Rejection;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::{apis, email, event_types, limits, params};
use uuid::Uuid;

use crate::ingest::decode::fast_event::Plain;
use crate::ingest::decode::fast_json::FastReader;
use crate::ingest::decode::json_tree::{JsonTree, LimitViolation, excess, kind_of, short};
use crate::ingest::rejection::RejectReason;

/// The greatest time that every reader of JSON can hold.
pub const LAST_TIME: u64 = (1 << 53) - 1;

/// The most characters of a visitor id.
pub(super) const VISITOR_CHARACTERS: usize = 128;

/// A text, borrowed from the request where it stands there as it is.
pub type Text<'a> = Cow<'a, str>;

/// An event that may be stored. `S` is how its texts are held: by themselves, or borrowed from the request.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedEvent<S = String> {
    /// Its id as a number: the key that makes sending again harmless.
    pub key: Uuid,
    /// The event. Its `id` is left empty: the key says it, and nobody reads the text of it.
    pub event: Event<S>,
}

impl<S> DecodedEvent<S> {
    /// Returns the same event with its texts held in another way.
    fn map<T>(self, hold: impl Fn(S) -> T) -> DecodedEvent<T> {
        let Event { id, kind, api, time, visitor, session_id, store_id, page, params } = self.event;
        let event = Event {
            id,
            kind: hold(kind),
            api: hold(api),
            time,
            visitor: match visitor {
                Visitor::Id(id) => Visitor::Id(hold(id)),
                Visitor::Email(email) => Visitor::Email(hold(email)),
            },
            session_id: session_id.map(&hold),
            store_id: store_id.map(&hold),
            page: Page { url: hold(page.url), referrer: hold(page.referrer), title: hold(page.title) },
            params,
        };
        DecodedEvent { key: self.key, event }
    }
}

impl DecodedEvent<Text<'_>> {
    /// Returns the event by itself, for whoever keeps it longer than the request.
    pub fn into_owned(self) -> DecodedEvent {
        self.map(Cow::into_owned)
    }
}

/// An event that may not, with what could be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    /// Its id, as it was sent.
    pub id: Option<String>,
    /// Its type, as it was sent.
    pub kind: Option<String>,
    /// Its time in milliseconds, if that was one.
    pub time: Option<u64>,
    /// Why.
    pub reason: RejectReason,
}

impl RejectedEvent {
    /// Returns what the sender is told.
    pub fn rejection(&self) -> Rejection {
        Rejection { id: self.id.clone(), code: self.reason.code().into(), message: self.reason.to_string() }
    }
}

/// An event as it was sent.
#[derive(Debug, Default)]
pub struct RawEvent<'a> {
    text: &'a str,
    is_plain: bool,
    plain: Plain<'a>,
}

impl<'a> RawEvent<'a> {
    /// Takes the text of an event.
    pub fn new(text: &'a str) -> Self {
        let mut glance = FastReader::new(text);
        let mut sent = Self { text, ..Self::default() };
        // What comes after a blank was no event ever.
        sent.is_plain = text.starts_with('{') && sent.plain.fill(&mut glance).is_some() && glance.is_at_end();
        sent
    }

    /// Takes the event that comes next, whatever it is, unless it is no JSON.
    pub(super) fn fill(&mut self, glance: &mut FastReader<'a>) -> Option<()> {
        (self.text, self.is_plain) = glance.either(|glance| self.plain.fill(glance))?;
        Some(())
    }

    /// Returns the event's text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Reads the event.
    pub fn read(&self) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
        match self.read_plainly() {
            Some(incoming) => Ok(incoming),
            None => decode_slow(self.text).map(|incoming| incoming.map(Cow::Owned)),
        }
    }

    /// Reads the event where it is as a page prints one.
    pub(super) fn read_plainly(&self) -> Option<DecodedEvent<Text<'a>>> {
        let is_plain = self.is_plain && self.text.len() <= limits::MAX_EVENT_BYTES;
        if is_plain { self.plain.read() } else { None }
    }
}

/// Reads one event.
pub fn read(text: &str) -> Result<DecodedEvent<Text<'_>>, RejectedEvent> {
    RawEvent::new(text).read()
}

/// Reads one event with no glance at it first: what is plain, too, can be read so, and comes to the same.
pub fn decode_slow(text: &str) -> Result<DecodedEvent, RejectedEvent> {
    // Else serde would take a list for the values of the fields in their order.
    if !text.starts_with('{') {
        let found = serde_json::from_str::<JsonTree>(text).map_or("nothing readable", |tree| tree.kind());
        return Err(RejectedEvent { id: None, kind: None, time: None, reason: RejectReason::NoObject(found) });
    }
    let mut fields: Fields = match serde_json::from_str(text) {
        Ok(fields) => fields,
        Err(error) => return Err(unreadable(text, &error)),
    };
    fields.check(text).map_err(|reason| fields.refusal(reason)).and_then(|key| match fields.event() {
        Ok(event) => Ok(DecodedEvent { key, event }),
        Err(reason) => Err(fields.refusal(reason)),
    })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields {
    id: JsonTree,
    #[serde(rename = "type")]
    kind: JsonTree,
    api: JsonTree,
    time: JsonTree,
    visitor_id: JsonTree,
    visitor_email: JsonTree,
    session_id: JsonTree,
    store_id: JsonTree,
    page: JsonTree,
    params: JsonTree,
}

/// An event that is no object, or names a field twice, still has its id told if there is one.
fn unreadable(text: &str, error: &serde_json::Error) -> RejectedEvent {
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
    }
    let id = serde_json::from_str::<Named>(text).ok().and_then(|named| named.id);
    RejectedEvent { id, kind: None, time: None, reason: RejectReason::Unreadable(error.to_string()) }
}

impl Fields {
    /// Checks what concerns the event as a whole and returns its key.
    fn check(&self, text: &str) -> Result<Uuid, RejectReason> {
        if text.len() > limits::MAX_EVENT_BYTES {
            return Err(RejectReason::EventTooLarge(text.len()));
        }
        for (name, JsonTree(value)) in self.named() {
            within_limits(name, value)?;
        }
        let DynValue::Text(id) = &self.id.0 else { return Err(bad("id", "a UUID", &self.id.0)) };
        // Of the four ways to write a UUID only the hyphenated one has this length.
        Uuid::try_parse(id).ok().filter(|_| id.len() == 36).ok_or_else(|| RejectReason::BadField {
            field: "id".into(),
            wanted: "a UUID",
            found: "another string",
        })
    }

    fn named(&self) -> [(&'static str, &JsonTree); 10] {
        [
            ("id", &self.id),
            ("type", &self.kind),
            ("api", &self.api),
            ("time", &self.time),
            ("visitorId", &self.visitor_id),
            ("visitorEmail", &self.visitor_email),
            ("sessionId", &self.session_id),
            ("storeId", &self.store_id),
            ("page", &self.page),
            ("params", &self.params),
        ]
    }

    /// Takes out what belongs to the event. What a refusal tells of (id, type and time) stays.
    fn event(&mut self) -> Result<Event, RejectReason> {
        let kind = self.known_kind()?;
        self.known_api()?;
        let time = self.time.integer().filter(|&time| time <= LAST_TIME);
        let time = time.ok_or_else(|| bad("time", "an integer of milliseconds", &self.time.0))?;
        let visitor = self.visitor()?;
        let page = self.page()?;
        let (session_id, store_id) = (optional("sessionId", &mut self.session_id.0)?, optional("storeId", &mut self.store_id.0)?);
        let params = self.params(kind, &page.url)?;
        // Nothing is refused any more, so the texts that were checked go into the event as they are.
        let [kind, api] = [&mut self.kind, &mut self.api].map(|tree| std::mem::take(tree).into_text().unwrap_or_default());
        Ok(Event { id: String::new(), kind, api, time, visitor, session_id, store_id, params, page })
    }

    fn known_kind(&self) -> Result<&'static event_types::EventType, RejectReason> {
        let DynValue::Text(name) = &self.kind.0 else { return Err(bad("type", "a string", &self.kind.0)) };
        event_types::find(name).ok_or_else(|| RejectReason::UnknownType(short(name).into()))
    }

    fn known_api(&self) -> Result<&'static str, RejectReason> {
        let DynValue::Text(name) = &self.api.0 else { return Err(bad("api", "a string", &self.api.0)) };
        apis::find(name).ok_or_else(|| RejectReason::UnknownApi(short(name).into()))
    }

    fn visitor(&mut self) -> Result<Visitor, RejectReason> {
        match (take(&mut self.visitor_id.0), take(&mut self.visitor_email.0)) {
            (DynValue::Null, DynValue::Null) => Err(bad("visitorId", "there, or `visitorEmail`", &DynValue::Null)),
            (DynValue::Text(id), DynValue::Null) => visitor_id(id),
            (DynValue::Null, DynValue::Text(text)) => email::normalise(&text).map(Visitor::Email).ok_or(RejectReason::BadField {
                field: "visitorEmail".into(),
                wanted: "an e-mail address",
                found: "another string",
            }),
            (DynValue::Null, other) => Err(bad("visitorEmail", "an e-mail address", &other)),
            (other, DynValue::Null) => Err(bad("visitorId", "a string", &other)),
            _ => Err(RejectReason::TwoVisitors),
        }
    }

    fn page(&mut self) -> Result<Page, RejectReason> {
        let members = match take(&mut self.page.0) {
            DynValue::Null => Vec::new(),
            DynValue::Object(members) => members,
            other => return Err(bad("page", "an object", &other)),
        };
        let mut page = Page::default();
        for (name, mut value) in members {
            match name.as_str() {
                "url" => page.url = optional("page.url", &mut value)?.unwrap_or_default(),
                "referrer" => page.referrer = optional("page.referrer", &mut value)?.unwrap_or_default(),
                "title" => page.title = optional("page.title", &mut value)?.unwrap_or_default(),
                _ => {}
            }
        }
        Ok(page)
    }

    /// An empty list is taken for an empty object: that is how PHP prints one.
    fn params(&self, kind: &'static event_types::EventType, page_url: &str) -> Result<EventParams, RejectReason> {
        let empty = DynValue::Object(Vec::new());
        let given = match &self.params.0 {
            DynValue::Null => &empty,
            DynValue::List(elements) if elements.is_empty() => &empty,
            object @ DynValue::Object(_) => object,
            other => return Err(bad("params", "an object", other)),
        };
        params::parse(kind, given, page_url).map_err(|missing| RejectReason::BadField {
            field: format!("params.{}", missing.name),
            wanted: "something that can be read",
            found: found_in(given.get(missing.name)),
        })
    }

    fn refusal(&self, reason: RejectReason) -> RejectedEvent {
        let text = |tree: &JsonTree| tree.clone().into_text().ok().map(|text| short(&text).to_owned());
        RejectedEvent { id: text(&self.id), kind: text(&self.kind), time: self.time.integer(), reason }
    }
}

/// Refuses a value with a string that is too long, or that nests too deep, by the path under `name`.
pub fn within_limits(name: &str, value: &DynValue) -> Result<(), RejectReason> {
    match excess(name, value) {
        Some(LimitViolation::Long(field, bytes)) => Err(RejectReason::StringTooLong { field, bytes }),
        Some(LimitViolation::Deep(field)) => Err(RejectReason::TooDeep(field)),
        None => Ok(()),
    }
}

/// Returns the visitor with this id, which may have any characters but not too many.
pub fn visitor_id(id: String) -> Result<Visitor, RejectReason> {
    let found = match id.chars().nth(VISITOR_CHARACTERS) {
        None if id.is_empty() => "an empty string",
        None => return Ok(Visitor::Id(id)),
        Some(_) => "a longer string",
    };
    Err(RejectReason::BadField { field: "visitorId".into(), wanted: "1 to 128 characters", found })
}

fn optional(field: &'static str, value: &mut DynValue) -> Result<Option<String>, RejectReason> {
    match take(value) {
        DynValue::Null => Ok(None),
        DynValue::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        other => Err(bad(field, "a string", &other)),
    }
}

fn take(value: &mut DynValue) -> DynValue {
    std::mem::replace(value, DynValue::Null)
}

/// Returns the refusal of a field that is missing or of the wrong kind.
pub fn bad(field: &str, wanted: &'static str, value: &DynValue) -> RejectReason {
    RejectReason::BadField { field: field.into(), wanted, found: found_in(value) }
}

/// Returns the kind of a value, for people, as exactly as it takes to see what is wrong with it.
pub fn found_in(value: &DynValue) -> &'static str {
    match value {
        DynValue::Text(text) if text.trim().is_empty() => "an empty string",
        DynValue::Number(text) if text.starts_with('-') => "a negative number",
        DynValue::Number(text) if text.contains(['.', 'e']) => "a number with a fraction or an exponent",
        other => kind_of(other),
    }
}
