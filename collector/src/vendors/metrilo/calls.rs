//! Metrilo's front-end endpoints: one request, one event.
//!
//! The id of an event is derived from its time and a digest of the request. So a request that is sent again, byte for byte, is stored once.
//! Two equal calls have different times, because the time is the caller's clock in milliseconds.

use sha2::{Digest, Sha256};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Page, Visitor};
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::unchecked_event::{EventError, UncheckedEvent};
use tillroll_protocol::{apis, id};
use uuid::Uuid;

use crate::decode::rejection::{RejectReason, RejectedEvent};
use crate::decode::{DecodedEvent, JsonValue, bad_field, check_limits, describe};
use crate::hex;
use crate::vendors::Envelope;
use crate::vendors::metrilo::lenient;

/// An endpoint and the type of event that it accepts.
#[derive(Debug)]
pub struct Call {
    /// The URL path, without a version.
    pub path: &'static str,
    kind: &'static str,
    api: &'static str,
    params: Params,
}

/// Parameters: our name, then the names on this wire; the first one is documented.
type Params = &'static [(&'static str, &'static [&'static str])];

const API: &str = "metrilo";

const fn call(path: &'static str, kind: &'static str, params: Params) -> Call {
    Call { path, kind, api: API, params }
}

const PRODUCT_AND_QUANTITY: &[(&str, &[&str])] = &[("product_id", &["productId", "id"]), ("quantity", &["quantity"])];

/// All endpoints.
pub const CALLS: &[Call] = &[
    call("/visitor/identify", "identify", &[("email", &["email"])]),
    call(
        "/visitor/customer-details",
        "customer_details",
        &[
            ("first_name", &["firstName"]),
            ("last_name", &["lastName"]),
            ("phone_number", &["phoneNumber"]),
            ("subscribed", &["subscribed"]),
        ],
    ),
    call("/page/view", "page_view", &[("url", &["url"]), ("name", &["name"])]),
    // The vendor's library sends it by itself, without a call of the page.
    Call { api: apis::TILLROLL, ..call("/page/land", "land", &[("current_url", &["currentUrl"]), ("source_url", &["sourceUrl"])]) },
    call("/article/view", "article_view", &[("id", &["id"]), ("name", &["name"]), ("url", &["url"])]),
    call("/category/view", "category_view", &[("id", &["id"])]),
    call("/product/view", "product_view", &[("product_id", &["productId", "id"])]),
    call("/search", "search", &[("query", &["query"]), ("url", &["url"])]),
    call("/cart/add", "basket_add", PRODUCT_AND_QUANTITY),
    call("/cart/remove", "basket_remove", PRODUCT_AND_QUANTITY),
    call("/checkout", "checkout", &[]),
    call("/visitor/apply-tags", "tag", &[("tags", &["tags"])]),
    call("/custom", "custom", &[("name", &["name"])]),
];

impl Call {
    /// Decodes the event of a request. `body` is the text that the envelope was parsed from; `receipt` corrects the time.
    ///
    /// The envelope's time is that of the call, not that of sending: a queue in the shop sends the same text later.
    pub fn event(&self, envelope: &Envelope<'_>, body: &[u8], receipt: &Receipt<'_>) -> Result<DecodedEvent, RejectedEvent> {
        let time = lenient::time_ms(envelope.members.get("time")).ok().flatten();
        let rejected = |reason| RejectedEvent { id: None, kind: Some(self.kind.into()), time, reason };
        self.decode(&envelope.members, body, receipt).map_err(rejected)
    }

    fn decode(&self, members: &JsonValue<'_>, body: &[u8], receipt: &Receipt<'_>) -> Result<DecodedEvent, RejectReason> {
        let given = members.get("params");
        check_limits(body.len(), &[("params", given)])?;
        let time = lenient::request_time_ms(members)?;
        let given = lenient::object(given).map_err(|_| bad_field("params", "an object", given))?.unwrap_or(&DynValue::Null);
        let params = self.params.iter().map(|(name, names)| ((*name).into(), first_given(given, names).clone()));
        let unchecked = UncheckedEvent {
            kind: self.kind.to_owned(),
            api: self.api.to_owned(),
            time,
            visitor: self.visitor(members)?,
            session_id: None,
            store_id: None,
            page: self.page(given),
            // These parameters have no default: the library of the page always sends the address.
            default_url: Some(String::new()),
            params: &DynValue::Object(params.collect()),
        };
        let event = unchecked.validate(receipt, String::new()).map_err(|error| self.explain(error, given))?;
        Ok(DecodedEvent { key: self.key(time, body), event })
    }

    fn page(&self, given: &JsonValue<'_>) -> Page {
        let text = |name: &str| lenient::text(given.get(name)).ok().flatten().unwrap_or_default();
        let url = if self.kind == "land" { text("currentUrl") } else { text("url") };
        Page { url, referrer: text("sourceUrl"), title: String::new() }
    }

    /// Returns the visitor. If both are given the e-mail takes precedence, except in the call that links the two.
    fn visitor(&self, members: &JsonValue<'_>) -> Result<Option<Visitor>, RejectReason> {
        let text = |name: &'static str| lenient::text(members.get(name)).map_err(|_| bad_field(name, "a string", members.get(name)));
        Ok(match (text("visitorEmail")?, text("visitorId")?) {
            (None, None) => None,
            (Some(email), None) => Some(Visitor::Email(email)),
            (Some(email), Some(_)) if self.kind != "identify" => Some(Visitor::Email(email)),
            (_, Some(id)) => Some(Visitor::Id(id)),
        })
    }

    /// Returns the reason of a rejection, which names the parameter as this wire does.
    fn explain(&self, error: EventError, given: &JsonValue<'_>) -> RejectReason {
        let EventError::Param(param) = error else { return error.into() };
        let names = self.params.iter().find(|(name, _)| *name == param.name).map_or(&[][..], |(_, names)| names);
        RejectReason::bad_param("params", names.first().unwrap_or(&param.name), param, describe(first_given(given, names)))
    }

    fn key(&self, time: u64, body: &[u8]) -> Uuid {
        let digest = Sha256::new().chain_update(self.kind).chain_update([0]).chain_update(body).finalize();
        id::uuid_v7(time, &hex::encode(&digest), 0)
    }
}

/// Returns the first member of `object` that has one of the names and is not null.
fn first_given<'a>(object: &'a JsonValue<'a>, names: &[&str]) -> &'a JsonValue<'a> {
    names.iter().map(|name| object.get(name)).find(|value| !value.is_null()).unwrap_or(&DynValue::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tillroll_protocol::event_types;
    use tillroll_protocol::unchecked_event::ValidEvent;

    fn decode(path: &str, body: &str) -> Result<DecodedEvent, String> {
        let call = CALLS.iter().find(|call| call.path == path).unwrap();
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        call.event(&envelope, body.as_bytes(), &Receipt::of_page(1_518_004_715_999, None)).map_err(|rejected| rejected.reason.to_string())
    }

    fn event(path: &str, body: &str) -> Result<ValidEvent, String> {
        decode(path, body).map(|decoded| decoded.event)
    }

    fn body(more: &str) -> String {
        format!(r#"{{"time":1518004715732,"token":"t","visitorId":"ab",{more}}}"#)
    }

    #[test]
    fn every_call_has_an_existing_type_and_existing_params() {
        for call in CALLS {
            let event_type = event_types::find(call.kind).unwrap();
            for (name, _) in call.params {
                assert!(event_type.params.iter().any(|param| param.name == *name), "{} {name}", call.path);
            }
        }
    }

    #[test]
    fn repeated_request_has_the_same_key() {
        let once = body(r#""params":{"productId":2,"quantity":"3"}"#);
        let DecodedEvent { key, event } = decode("/cart/add", &once).unwrap();
        assert_eq!(event.params.as_str(), r#"{"product_id":"2","quantity":3}"#);
        assert_eq!(decode("/cart/add", &once).unwrap().key, key);
        assert_ne!(decode("/cart/remove", &once).unwrap().key, key);
        assert_ne!(decode("/cart/add", &once.replace("732", "733")).unwrap().key, key);
    }

    #[test]
    fn rejection_names_the_field_as_on_this_wire() {
        for (path, more, message) in [
            ("/product/view", r#""params":{}"#, "`params.productId` must be a text that is not empty, found nothing"),
            ("/page/land", r#""params":{"currentUrl":[]}"#, "`params.currentUrl` must be the address of a page, found a list"),
            ("/product/view", r#""params":"2""#, "`params` must be an object, found a string"),
        ] {
            assert_eq!(event(path, &body(more)), Err(message.into()));
        }
        assert_eq!(
            event("/checkout", r#"{"time":"now","token":"t","visitorId":"ab"}"#),
            Err("`time` must be a time in milliseconds since 1970, found a string".into())
        );
        assert!(event("/checkout", r#"{"time":1518004715732,"token":"t"}"#).unwrap_err().contains("`visitorId` must be there"));
    }

    #[test]
    fn email_takes_precedence_except_in_identify() {
        let both = body(r#""visitorEmail":"A@x.com","params":{"email":"a@x.com"}"#);
        assert_eq!(event("/checkout", &both).unwrap().visitor, Visitor::Email("a@x.com".into()));
        assert_eq!(event("/visitor/identify", &both).unwrap().visitor, Visitor::Id("ab".into()));
    }
}
