//! Event validation: the one way from what a sender wrote to an [`Event`].
//!
//! Every request format of the collector (batch, calls, vendor request, headless API, import) fills an [`UncheckedEvent`] and calls
//! [`validate`](UncheckedEvent::validate). A rule that is added here holds for all of them, because only validation makes a
//! [`ValidEvent`] and the store accepts nothing else.

use std::borrow::Cow;
use std::ops::Deref;

use crate::dyn_value::{ReadValue, ValueKind};
use crate::event::{Event, Page, Visitor};
use crate::params::{self, Context, InvalidParam};
use crate::placeholder::is_placeholder;
use crate::receipt::Receipt;
use crate::{apis, email, event_types, limits};

/// The fields of an event as a sender wrote them. `S` is how texts are held, `V` the value of the parameters.
#[derive(Clone, Debug)]
pub struct UncheckedEvent<S, V> {
    /// The name of the event type; `type` on the wire.
    pub kind: S,
    /// The API that the sender called; one of [`apis::APIS`].
    pub api: S,
    /// When the call was made, in milliseconds since 1970 by the sender's clock; at most [`limits::MAX_TIME_MS`].
    pub time: u64,
    /// The visitor; the e-mail need not be normalised. None if the sender cannot name the visitor, as a shop's server that reports an order.
    pub visitor: Option<Visitor<S>>,
    /// The session that the event belongs to; an empty text counts as none.
    pub session_id: Option<S>,
    /// The store of a shop that has several; an empty text counts as none.
    pub store_id: Option<S>,
    /// The page on which it happened.
    pub page: Page<S>,
    /// The page address that stands in for an address parameter that is missing; usually that of `page`.
    pub default_url: Option<S>,
    /// The parameters: an object, or null or an empty list for an empty one (PHP writes an empty object as a list).
    pub params: V,
}

/// Why an event is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventError {
    /// The type is not in the event type table.
    UnknownType,
    /// The `api` is not in [`apis::APIS`].
    UnknownApi,
    /// The time is greater than [`limits::MAX_TIME_MS`].
    TimeTooGreat,
    /// No visitor is given, and the event is not an order of the headless API.
    MissingVisitor,
    /// The visitor id is an empty string.
    EmptyVisitorId,
    /// The visitor id is longer than [`limits::MAX_VISITOR_ID_CHARS`].
    VisitorIdTooLong,
    /// The visitor's e-mail is not an e-mail address.
    InvalidVisitorEmail,
    /// The text of this field is longer than [`limits::MAX_STRING_BYTES`].
    StringTooLong {
        /// The path of the field, such as `page.url`.
        field: &'static str,
        /// The length of its text.
        bytes: usize,
    },
    /// The parameters are not an object.
    ParamsNotObject,
    /// A required parameter is missing or has an invalid value.
    Param(InvalidParam),
}

/// An event that passed [`UncheckedEvent::validate`]; its `id` is empty. There is no other way to make one.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidEvent<S = String>(Event<S>);

impl ValidEvent<Cow<'_, str>> {
    /// Returns the event with texts that no longer borrow from the request.
    pub fn into_owned(self) -> ValidEvent {
        ValidEvent(self.0.map(Cow::into_owned))
    }
}

#[cfg(feature = "test-support")]
impl<S> ValidEvent<S> {
    /// Returns an event as valid without validation, for tests of the store.
    pub fn unchecked(event: Event<S>) -> Self {
        Self(event)
    }
}

impl<S> Deref for ValidEvent<S> {
    type Target = Event<S>;

    fn deref(&self) -> &Event<S> {
        &self.0
    }
}

/// A rule that a test adds: returns the error of a visitor id or e-mail that breaks it.
#[cfg(feature = "test-support")]
pub type TestRule = fn(&str) -> Option<EventError>;

/// The rule that a test has added to this process; validation applies it like every other rule.
#[cfg(feature = "test-support")]
pub static TEST_RULE: std::sync::OnceLock<TestRule> = std::sync::OnceLock::new();

impl<S: AsRef<str> + From<String>, V> UncheckedEvent<S, V> {
    /// Returns the valid, normalised event, with an empty `id` and a time corrected by the receipt of its request, or the first error.
    ///
    /// `buffer` is an empty string; its capacity is used for the parameters.
    pub fn validate<'v>(self, receipt: &Receipt<'_>, buffer: String) -> Result<ValidEvent<S>, EventError>
    where
        V: ReadValue<'v>,
    {
        let Self { kind, api, time, visitor, session_id, store_id, page, default_url, params } = self;
        let opposite = event_types::opposite(kind.as_ref()).filter(|_| params::is_negative_quantity(params));
        let kind = opposite.map_or(kind, |kind| kind.to_owned().into());
        let event_type = event_types::find(kind.as_ref()).ok_or(EventError::UnknownType)?;
        apis::find(api.as_ref()).ok_or(EventError::UnknownApi)?;
        if time > limits::MAX_TIME_MS {
            return Err(EventError::TimeTooGreat);
        }
        let visitor = match visitor {
            Some(visitor) => check_visitor(visitor)?,
            // An order without a visitor still counts as revenue.
            None if api.as_ref() == apis::HEADLESS && kind.as_ref().starts_with("order") => Visitor::Id(String::new().into()),
            None => return Err(EventError::MissingVisitor),
        };
        let [session_id, store_id] = [session_id, store_id].map(|text| text.filter(|text| !text.as_ref().is_empty()));
        let texts = [
            ("sessionId", session_id.as_ref()),
            ("storeId", store_id.as_ref()),
            ("page.url", Some(&page.url)),
            ("page.referrer", Some(&page.referrer)),
            ("page.title", Some(&page.title)),
        ];
        for (field, text) in texts {
            let bytes = text.map_or(0, |text| text.as_ref().len());
            if bytes > limits::MAX_STRING_BYTES {
                return Err(EventError::StringTooLong { field, bytes });
            }
        }
        if !is_object(params) {
            return Err(EventError::ParamsNotObject);
        }
        let addresses = receipt.addresses();
        let stored = |address: S| addresses.page(address.as_ref()).map_or(address, S::from);
        let page = Page { url: stored(page.url), referrer: stored(page.referrer), title: page.title };
        let context = Context::new(default_url.as_ref().unwrap_or(&page.url).as_ref(), addresses, receipt.currency());
        let params = params::parse_into(buffer, event_type, params, context).map_err(EventError::Param)?;
        let time = receipt.event_time(time);
        let event = Event { id: String::new(), kind, api, time, visitor, session_id, store_id, page, params };
        #[cfg(feature = "test-support")]
        if let Visitor::Id(name) | Visitor::Email(name) = &event.visitor
            && let Some(error) = TEST_RULE.get().and_then(|rule| rule(name.as_ref()))
        {
            return Err(error);
        }
        Ok(ValidEvent(event))
    }
}

/// Returns whether parameters are an object, or what stands for an empty one.
fn is_object<'v>(params: impl ReadValue<'v>) -> bool {
    match params.kind() {
        ValueKind::Object | ValueKind::Null => true,
        ValueKind::List => params.entries().next().is_none(),
        _ => false,
    }
}

/// Returns the visitor with a checked id, or with a normalised e-mail.
///
/// An id that is an e-mail address counts as the address: the visitor's cookie holds it in place of the id once the visitor is identified, and
/// shops' servers send what the cookie holds.
pub fn check_visitor<S: AsRef<str> + From<String>>(visitor: Visitor<S>) -> Result<Visitor<S>, EventError> {
    match visitor {
        Visitor::Email(text) => match email::normalise(text.as_ref()) {
            Some(email) => Ok(Visitor::Email(email.into())),
            None => Err(EventError::InvalidVisitorEmail),
        },
        Visitor::Id(id) if is_placeholder(id.as_ref()) => Err(EventError::EmptyVisitorId),
        Visitor::Id(id) => match email::of_visitor_id(id.as_ref()) {
            Some(email) => Ok(Visitor::Email(email.into())),
            None if exceeds_chars(id.as_ref(), limits::MAX_VISITOR_ID_CHARS) => Err(EventError::VisitorIdTooLong),
            None => Ok(Visitor::Id(id)),
        },
    }
}

fn exceeds_chars(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dyn_value::DynValue;

    type Unchecked<'a> = UncheckedEvent<String, &'a DynValue>;

    fn validate(change: impl FnOnce(&mut Unchecked<'_>)) -> Result<ValidEvent, EventError> {
        let params: DynValue = DynValue::Object(vec![("product_id".into(), DynValue::Number("2".into()))]);
        let mut event = UncheckedEvent {
            kind: String::from("product_view"),
            api: apis::TILLROLL.into(),
            time: 5,
            visitor: Some(Visitor::Id("ab".into())),
            session_id: Some(String::new()),
            store_id: None,
            page: Page::default(),
            default_url: None,
            params: &params,
        };
        change(&mut event);
        event.validate(&Receipt::of_server(9), String::new())
    }

    #[test]
    fn valid_event_is_normalised() {
        let event = validate(|event| event.visitor = Some(Visitor::Email(" A@x.com".into()))).unwrap();
        assert_eq!((&event.visitor, &event.session_id), (&Visitor::Email("a@x.com".into()), &None));
        assert_eq!(event.params.as_str(), r#"{"product_id":"2"}"#);
    }

    #[test]
    fn visitor_id_that_is_an_email_address_is_the_address() {
        let visitor = |id: &str| validate(|event| event.visitor = Some(Visitor::Id(id.into()))).map(|event| event.visitor.clone());
        let long = format!("{}@x.com", "a".repeat(limits::MAX_VISITOR_ID_CHARS));
        for email in ["a@x.com", "A@X.com", long.as_str()] {
            assert_eq!(visitor(email), Ok(Visitor::Email(email.to_lowercase())));
        }
        for id in ["@", "a@", "a b@x.com", "a%40x.com", "a@x.com-phone", "a@x.com2", "a@1a2b3c"] {
            assert_eq!(visitor(id), Ok(Visitor::Id(id.into())));
        }
    }

    #[test]
    fn negative_quantity_is_a_change_in_the_other_direction() {
        for (kind, quantity, expected) in [
            ("basket_add", "2", r#"basket_add {"product_id":"1","quantity":2}"#),
            ("basket_add", "-2", r#"basket_remove {"product_id":"1","quantity":2}"#),
            ("basket_remove", "-1,5", r#"basket_add {"product_id":"1","quantity":1.5}"#),
            ("basket_add", "0", r#"basket_add {"product_id":"1","quantity":1}"#),
            ("basket_add", "-0", r#"basket_add {"product_id":"1","quantity":1}"#),
        ] {
            let params: DynValue = DynValue::Object(vec![
                ("product_id".into(), DynValue::Text("1".into())),
                ("quantity".into(), DynValue::Text(quantity.into())),
            ]);
            let unchecked = UncheckedEvent {
                kind: String::from(kind),
                api: apis::TILLROLL.into(),
                time: 5,
                visitor: Some(Visitor::Id("ab".into())),
                session_id: None,
                store_id: None,
                page: Page::default(),
                default_url: None,
                params: &params,
            };
            let event = unchecked.validate(&Receipt::of_server(9), String::new()).unwrap();
            assert_eq!(format!("{} {}", event.kind, event.params.as_str()), expected);
        }
    }

    #[test]
    fn each_rule_rejects_the_event_that_breaks_it() {
        type Change = fn(&mut Unchecked<'_>);
        let table: [(EventError, Change); 12] = [
            (EventError::UnknownType, |event| event.kind = "nonsense".into()),
            (EventError::UnknownApi, |event| event.api = "nonsense".into()),
            (EventError::TimeTooGreat, |event| event.time = limits::MAX_TIME_MS + 1),
            (EventError::MissingVisitor, |event| event.visitor = None),
            (EventError::EmptyVisitorId, |event| event.visitor = Some(Visitor::Id(String::new()))),
            (EventError::EmptyVisitorId, |event| event.visitor = Some(Visitor::Id("undefined".into()))),
            (EventError::VisitorIdTooLong, |event| event.visitor = Some(Visitor::Id("é".repeat(limits::MAX_VISITOR_ID_CHARS + 1)))),
            (EventError::InvalidVisitorEmail, |event| event.visitor = Some(Visitor::Email("undefined".into()))),
            (EventError::StringTooLong { field: "page.title", bytes: limits::MAX_STRING_BYTES + 1 }, |event| {
                event.page.title = "x".repeat(limits::MAX_STRING_BYTES + 1);
            }),
            (EventError::ParamsNotObject, |event| event.params = &DynValue::Bool(true)),
            (EventError::Param(InvalidParam { name: "product_id", expected: "a text that is not empty", limit: None }), |event| {
                event.params = &DynValue::Null;
            }),
            (EventError::MissingVisitor, |event| (event.api, event.visitor) = (apis::HEADLESS.into(), None)),
        ];
        for (error, change) in table {
            assert_eq!(validate(change), Err(error));
        }
    }

    #[test]
    fn headless_order_needs_no_visitor() {
        let params: DynValue = DynValue::Object(vec![("order_id".into(), DynValue::Text("1".into()))]);
        let event = UncheckedEvent {
            kind: String::from("order"),
            api: apis::HEADLESS.into(),
            time: 5,
            visitor: None,
            session_id: None,
            store_id: None,
            page: Page::default(),
            default_url: None,
            params: &params,
        };
        assert_eq!(
            event.validate(&Receipt::of_server(9), String::new()).map(|event| event.visitor.clone()),
            Ok(Visitor::Id(String::new()))
        );
    }

    #[test]
    fn empty_list_counts_as_empty_params() {
        const EMPTY: &DynValue = &DynValue::List(Vec::new());
        let event = validate(|event| (event.kind, event.params) = ("checkout".into(), EMPTY)).unwrap();
        assert_eq!(event.params.as_str(), "{}");
    }
}
