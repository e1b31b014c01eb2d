//! One event of a batch: from its JSON text to a valid event, or to the reason why it is rejected.
//!
//! The JSON text is parsed once, by itself or with its batch, into fields of any type. [`UncheckedEvent::validate`] has all rules of events; this
//! file has only those of the JSON form, and names the field as the sender wrote it when an event is rejected.

use serde::Deserialize;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Page, Visitor};
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::unchecked_event::{EventError, UncheckedEvent, ValidEvent};
use uuid::Uuid;

use crate::decode::json_tree::{JsonTree, JsonValue, Scalar, bad_field, check_fields, describe, shorten, type_of};
use crate::decode::model::{DecodedEvent, Text};
use crate::decode::rejection::{RejectReason, RejectedEvent};

/// Initial capacity of an event's parameters; most need less.
const PARAMS_BYTES: usize = 256;

/// Decodes an event as a page sends it. `receipt` corrects its time.
pub fn event<'a>(text: &'a str, receipt: &Receipt<'_>) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
    decode(text, receipt, false)
}

/// Decodes an event of an export, which may name no visitor if the shop's server sent it.
pub fn exported_event<'a>(text: &'a str, receipt: &Receipt<'_>) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
    decode(text, receipt, true)
}

fn decode<'a>(text: &'a str, receipt: &Receipt<'_>, is_exported: bool) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
    // serde accepts a list for the values of a struct's fields in their order.
    if !text.starts_with('{') {
        return Err(RejectedEvent::unnamed(RejectReason::NotAnObject(type_of(text))));
    }
    if text.len() > limits::MAX_EVENT_BYTES {
        return Err(too_large(text));
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| malformed(text, &error))?;
    fields.decode(receipt, is_exported)
}

/// Returns the rejection of an event that is too large to be parsed, with what identifies it.
fn too_large(text: &str) -> RejectedEvent {
    #[derive(Default, Deserialize)]
    #[serde(default, bound(deserialize = "'de: 'a"))]
    struct Named<'a> {
        id: Scalar<'a>,
        #[serde(rename = "type")]
        kind: Scalar<'a>,
        time: Scalar<'a>,
    }
    let named: Named<'_> = serde_json::from_str(text).unwrap_or_default();
    let time = if let DynValue::Number(time) = &named.time.0 { time.parse().ok() } else { None };
    let short = |text: &String| text.len() <= limits::MAX_VISITOR_ID_CHARS;
    let [id, kind] = [named.id, named.kind].map(|field| field.text().filter(short));
    RejectedEvent { id, kind, time, reason: RejectReason::EventTooLarge(text.len()) }
}

/// Returns the rejection of a text that is not JSON or names a field twice, with the event's id if that can be read.
fn malformed(text: &str, error: &serde_json::Error) -> RejectedEvent {
    #[derive(Deserialize)]
    struct Id {
        id: Option<String>,
    }
    let id = serde_json::from_str::<Id>(text).ok().and_then(|fields| fields.id);
    RejectedEvent { id, ..RejectedEvent::unnamed(RejectReason::Malformed(error.to_string())) }
}

/// The fields of an event, of any type.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Fields<'a> {
    id: JsonTree<'a>,
    #[serde(rename = "type")]
    kind: JsonTree<'a>,
    api: JsonTree<'a>,
    time: JsonTree<'a>,
    visitor_id: JsonTree<'a>,
    visitor_email: JsonTree<'a>,
    session_id: JsonTree<'a>,
    store_id: JsonTree<'a>,
    page: JsonTree<'a>,
    params: JsonTree<'a>,
}

impl<'a> Fields<'a> {
    /// Decodes an event whose text is no longer than an event may be.
    pub(super) fn decode(mut self, receipt: &Receipt<'_>, is_exported: bool) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
        let key = self.key().map_err(|reason| self.rejected(reason))?;
        match self.validate(receipt, is_exported) {
            Ok(event) => Ok(DecodedEvent { key, event }),
            Err(reason) => Err(self.rejected(reason)),
        }
    }

    /// Checks the limits of the JSON form, except its size, and returns the deduplication key.
    fn key(&self) -> Result<Uuid, RejectReason> {
        let named = [
            ("id", &self.id.0),
            ("type", &self.kind.0),
            ("api", &self.api.0),
            ("time", &self.time.0),
            ("visitorId", &self.visitor_id.0),
            ("visitorEmail", &self.visitor_email.0),
            ("sessionId", &self.session_id.0),
            ("storeId", &self.store_id.0),
            ("page", &self.page.0),
            ("params", &self.params.0),
        ];
        check_fields(&named)?;
        let DynValue::Text(id) = &self.id.0 else { return Err(bad_field("id", "a UUID", &self.id.0)) };
        // A UUID can be written in four ways; only the hyphenated one has this length.
        Uuid::try_parse(id).ok().filter(|_| id.len() == 36).ok_or_else(|| RejectReason::BadField {
            field: "id".into(),
            wanted: "a UUID",
            found: "another string",
        })
    }

    /// Moves the texts of page, session and store into the event. What a rejection reports (id, type and time) stays.
    fn validate(&mut self, receipt: &Receipt<'_>, is_exported: bool) -> Result<ValidEvent<Text<'a>>, RejectReason> {
        let ((page, session_id, store_id), malformed) = match self.context() {
            Ok(context) => (context, None),
            Err(reason) => (Context::default(), Some(reason)),
        };
        let text = |tree: &JsonTree<'a>| if let DynValue::Text(text) = &tree.0 { text.clone() } else { Text::default() };
        let unchecked = UncheckedEvent {
            kind: text(&self.kind),
            api: text(&self.api),
            time: self.time.integer().unwrap_or(u64::MAX),
            visitor: self.visitor(is_exported),
            page,
            session_id,
            store_id,
            default_url: None,
            params: &self.params.0,
        };
        let event = unchecked.validate(receipt, String::with_capacity(PARAMS_BYTES));
        match (event, malformed) {
            // Of two invalid fields the one that comes first in the event is reported.
            (Ok(_) | Err(EventError::ParamsNotObject | EventError::Param(_)), Some(reason)) => Err(reason),
            (event, _) => event.map_err(|error| self.explain(error)),
        }
    }

    /// Returns the visitor. A visitor that is no string becomes an empty id, which validation rejects.
    fn visitor(&self, is_exported: bool) -> Option<Visitor<Text<'a>>> {
        match (&self.visitor_id.0, &self.visitor_email.0) {
            (DynValue::Text(id), DynValue::Null) => Some(Visitor::Id(id.clone())),
            (DynValue::Null, DynValue::Text(email)) => Some(Visitor::Email(email.clone())),
            (DynValue::Null, DynValue::Null) if is_exported => None,
            _ => Some(Visitor::Id(Text::default())),
        }
    }

    /// Returns the reason of a rejection, which names the field and what was found in it.
    fn explain(&self, error: EventError) -> RejectReason {
        match (error, &self.kind.0, &self.api.0) {
            (EventError::UnknownType, DynValue::Text(name), _) => RejectReason::UnknownType(shorten(name).into()),
            (EventError::UnknownType, other, _) => bad_field("type", "a string", other),
            (EventError::UnknownApi, _, DynValue::Text(name)) => RejectReason::UnknownApi(shorten(name).into()),
            (EventError::UnknownApi, _, other) => bad_field("api", "a string", other),
            (EventError::TimeTooGreat, ..) => bad_field("time", "an integer of milliseconds", &self.time.0),
            (EventError::EmptyVisitorId, ..) => self.explain_visitor(),
            (EventError::ParamsNotObject, ..) => bad_field("params", "an object", &self.params.0),
            (EventError::Param(param), ..) => RejectReason::bad_param("params", param.name, param, describe(self.params.0.get(param.name))),
            (error, ..) => error.into(),
        }
    }

    fn explain_visitor(&self) -> RejectReason {
        match (&self.visitor_id.0, &self.visitor_email.0) {
            (DynValue::Null, DynValue::Null) => EventError::MissingVisitor.into(),
            (DynValue::Null, email) => bad_field("visitorEmail", "an e-mail address", email),
            (DynValue::Text(_), DynValue::Null) => EventError::EmptyVisitorId.into(),
            (id, DynValue::Null) => bad_field("visitorId", "a string", id),
            _ => RejectReason::TwoVisitors,
        }
    }

    /// Returns the page, the session and the store.
    fn context(&mut self) -> Result<Context<'a>, RejectReason> {
        let page = self.page()?;
        Ok((page, optional_text("sessionId", &mut self.session_id.0)?, optional_text("storeId", &mut self.store_id.0)?))
    }

    fn page(&mut self) -> Result<Page<Text<'a>>, RejectReason> {
        let members = match take(&mut self.page.0) {
            DynValue::Null => Vec::new(),
            DynValue::Object(members) => members,
            other => return Err(bad_field("page", "an object", &other)),
        };
        let mut page = Page::default();
        for (name, mut value) in members {
            match name.as_ref() {
                "url" => page.url = optional_text("page.url", &mut value)?.unwrap_or_default(),
                "referrer" => page.referrer = optional_text("page.referrer", &mut value)?.unwrap_or_default(),
                "title" => page.title = optional_text("page.title", &mut value)?.unwrap_or_default(),
                _ => {}
            }
        }
        Ok(page)
    }

    fn rejected(&self, reason: RejectReason) -> RejectedEvent {
        let text = |tree: &JsonTree<'_>| if let DynValue::Text(text) = &tree.0 { Some(shorten(text).to_owned()) } else { None };
        RejectedEvent { id: text(&self.id), kind: text(&self.kind), time: self.time.integer(), reason }
    }
}

/// Page, session and store.
type Context<'a> = (Page<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>);

fn optional_text<'a>(field: &'static str, value: &mut JsonValue<'a>) -> Result<Option<Text<'a>>, RejectReason> {
    match take(value) {
        DynValue::Null => Ok(None),
        DynValue::Text(text) => Ok(Some(text)),
        other => Err(bad_field(field, "a string", &other)),
    }
}

fn take<'a>(value: &mut JsonValue<'a>) -> JsonValue<'a> {
    std::mem::replace(value, DynValue::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::changed_json::{Change, changed};
    use proptest::prelude::*;
    use tillroll_protocol::event::Event;
    use tillroll_protocol::limits;

    const EVENTS: &[&str] = &[
        r#"{"id":"01890A5D-0000-7000-8000-000000000000","type":"product_view","api":"headless","time":1518004715732,"visitorId":"ab","sessionId":"s","storeId":"x","page":{"url":"https://x/é","referrer":"https://y/","title":"A \"title\""},"params":{"product_id":"1234"}}"#,
        r#"{"id":"01890a5d-0000-7000-8000-000000000001","type":"basket_update","api":"tillroll","time":5,"visitorEmail":" A@x.com ","page":{"url":"https://x/"},"params":{"total":31.5,"currency":"EUR","lines":[{"product_id":"2","quantity":1,"price":10.5}],"changes":[]}}"#,
        r#"{"params":{"query":"","url":"/q"},"more":[1,{"a":null}],"api":"headless","visitorId":"ab","type":"search","sessionId":"","id":"01890a5d-0000-7000-8000-000000000002","time":0}"#,
    ];

    /// What replaces a value, or a part of it.
    const PIECES: &[&str] = &[
        "null",
        "true",
        "1",
        "-1",
        "1.0",
        "1e3",
        "1518004715732",
        "9007199254740992",
        "\"\"",
        "\"a\"",
        "\"\\u0061\"",
        "\"\\/\"",
        "\"a@x.com\"",
        "\"order\"",
        "\"land\"",
        "\"headless\"",
        "[]",
        "{}",
        "[1,[2]]",
        "{\"url\":\"/\",\"url\":\"/b\"}",
        "{\"product_id\":2}",
        "{\"email\":\"a@x.com\"}",
        "\"id\"",
        "\"visitorId\"",
        "\"visitorEmail\"",
        "\"params\"",
        "\"01890a5d00007000800000000000000a\"",
        ",",
        ":",
        "}",
        "\"",
        "\\",
        " ",
        "\n",
        "\u{a0}",
        "é",
        "\u{0}",
    ];

    /// A receipt that changes no time.
    fn receipt() -> Receipt<'static> {
        Receipt::of_server(limits::MAX_TIME_MS)
    }

    /// Decodes an event, and decodes it again from the text of the result.
    fn decode_twice(text: &str) -> Result<DecodedEvent, RejectedEvent> {
        let decoded = event(text, &receipt())?.into_owned();
        let again = to_json(decoded.key, &decoded.event);
        assert_eq!(event(&again, &receipt()).map(DecodedEvent::into_owned).as_ref(), Ok(&decoded), "{text}");
        Ok(decoded)
    }

    fn to_json(id: Uuid, event: &Event) -> String {
        let visitor = match &event.visitor {
            Visitor::Id(id) => ("visitorId", id),
            Visitor::Email(email) => ("visitorEmail", email),
        };
        let Event { kind, api, time, session_id, store_id, params, .. } = event;
        let mut page = String::new();
        event.page.write(&mut page);
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let mut json = serde_json::json!({"id": id.to_string(), "type": kind, "api": api, "time": time, "page": page});
        json[visitor.0] = visitor.1.as_str().into();
        for (name, text) in [("sessionId", session_id), ("storeId", store_id)] {
            if let Some(text) = text {
                json[name] = text.as_str().into();
            }
        }
        // As text: a number in it may have more digits than a `serde_json::Value` keeps.
        format!("{},\"params\":{}}}", json.to_string().strip_suffix('}').unwrap(), params.as_str())
    }

    fn code(text: &str) -> &'static str {
        decode_twice(text).map_or_else(|rejected| rejected.reason.code(), |_| "valid")
    }

    #[test]
    fn valid_event_is_normalised() {
        let [view, basket, search] = EVENTS else { panic!("three events") };
        let view = decode_twice(view).unwrap();
        assert_eq!((view.event.page.title.as_str(), &view.event.visitor), ("A \"title\"", &Visitor::Id("ab".into())));
        assert_eq!(decode_twice(basket).unwrap().event.visitor, Visitor::Email("a@x.com".into()));
        let search = decode_twice(search).unwrap();
        assert_eq!((search.event.session_id.as_deref(), search.event.params.as_str()), (None, r#"{"query":"","url":"/q"}"#));
    }

    #[test]
    fn event_beyond_a_limit_is_rejected() {
        let nested = |depth: usize| format!("{{\"deep\":{}1{},\"product_id\"", "[".repeat(depth), "]".repeat(depth));
        for (depth, expected) in [(22, "valid"), (23, "too_deep")] {
            assert_eq!(code(&EVENTS[0].replace("{\"product_id\"", &nested(depth))), expected, "{depth}");
        }
        for letter in ["x", "é"] {
            for (old, length, expected) in [
                ("\"ab\"", 128, "valid"),
                ("\"ab\"", 129, "invalid_field"),
                ("\"1234\"", limits::MAX_STRING_BYTES / letter.len(), "valid"),
                ("\"1234\"", limits::MAX_STRING_BYTES / letter.len() + 1, "string_too_long"),
            ] {
                assert_eq!(code(&EVENTS[0].replace(old, &format!("\"{}\"", letter.repeat(length)))), expected, "{old} {length}");
            }
        }
        for (count, expected) in [(60, "valid"), (70, "event_too_large")] {
            let many = vec![format!("\"{}\"", "x".repeat(1000)); count].join(",");
            assert_eq!(code(&EVENTS[0].replacen('{', &format!("{{\"many\":[{many}],"), 1)), expected, "{count}");
        }
    }

    #[test]
    fn exported_event_needs_no_visitor_if_it_is_a_headless_order() {
        let order = EVENTS[0].replace("product_view", "order").replace("product_id", "order_id").replace("\"ab\"", "null");
        assert_eq!(exported_event(&order, &receipt()).map(|decoded| decoded.event.visitor.clone()), Ok(Visitor::Id("".into())));
        assert_eq!(event(&order, &receipt()).map_err(|rejected| rejected.reason), Err(EventError::MissingVisitor.into()));
        let view = EVENTS[0].replace("\"ab\"", "null");
        assert_eq!(exported_event(&view, &receipt()).map_err(|rejected| rejected.reason), Err(EventError::MissingVisitor.into()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn decoded_event_decodes_to_itself(at in 0..EVENTS.len(), changes: [Change; 2]) {
            let _ = decode_twice(&changed(EVENTS[at].to_owned(), &changes, PIECES));
        }
    }
}
