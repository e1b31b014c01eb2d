//! Metrilo's front-end endpoints: one request, one event.
//!
//! The id of an event is made of its time and a digest of the request. So a request that is sent again, byte for byte, is stored once; and
//! since its time is the caller's clock in milliseconds, the same thing done twice is two requests.

use sha2::{Digest, Sha256};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::{apis, email, event_types, id, limits, params};
use uuid::Uuid;

use crate::ingest::decode::{DecodedEvent, RejectReason, RejectedEvent, bad, found_in, visitor_id, within_limits};
use crate::vendors::Envelope;
use crate::vendors::metrilo::lenient;

/// An endpoint and the type of event that it takes.
#[derive(Debug)]
pub struct Call {
    /// Its address, without a version.
    pub path: &'static str,
    kind: &'static str,
    api: &'static str,
    /// The parameters: our name, then the names on this wire, the first of which is the documented one.
    names: &'static [(&'static str, &'static [&'static str])],
}

const API: &str = "metrilo";

const fn call(path: &'static str, kind: &'static str, names: &'static [(&'static str, &'static [&'static str])]) -> Call {
    Call { path, kind, api: API, names }
}

const PRODUCT_AND_QUANTITY: &[(&str, &[&str])] = &[("product_id", &["productId", "id"]), ("quantity", &["quantity"])];

/// Every endpoint.
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
    // Nobody calls for it: the library of the page sends it by itself.
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
    /// Reads the event of a request. `body` is where the envelope was read from.
    pub fn event(&self, envelope: &Envelope, body: &[u8]) -> Result<DecodedEvent, RejectedEvent> {
        let time = lenient::moment(envelope.members.get("time"));
        let refusal =
            |reason| RejectedEvent { id: None, kind: Some(self.kind.into()), time: time.as_ref().ok().copied().flatten(), reason };
        self.read(&envelope.members, body).map_err(refusal)
    }

    fn read(&self, members: &DynValue, body: &[u8]) -> Result<DecodedEvent, RejectReason> {
        if body.len() > limits::MAX_EVENT_BYTES {
            return Err(RejectReason::EventTooLarge(body.len()));
        }
        within_limits("params", members.get("params"))?;
        let kind = event_types::find(self.kind).ok_or_else(|| RejectReason::UnknownType(self.kind.into()))?;
        let unread = |_| bad("time", "a time in milliseconds since 1970", members.get("time"));
        let time = lenient::moment(members.get("time")).map_err(unread)?.ok_or_else(|| unread(lenient::Unparsable))?;
        let (params, page) = self.params(kind, members.get("params"))?;
        let key = self.key(time, body);
        let visitor = self.visitor(members)?;
        let (id, kind, api) = (String::new(), self.kind.into(), self.api.into());
        Ok(DecodedEvent { key, event: Event { id, kind, api, time, visitor, session_id: None, store_id: None, page, params } })
    }

    fn params(&self, kind: &'static event_types::EventType, given: &DynValue) -> Result<(EventParams, Page), RejectReason> {
        let given = match lenient::object(given) {
            Ok(given) => given.unwrap_or(&DynValue::Null),
            Err(_) => return Err(bad("params", "an object", given)),
        };
        let written = |names: &[&str]| names.iter().map(|name| given.get(name)).find(|value| !value.is_null()).unwrap_or(&DynValue::Null);
        let ours = self.names.iter().map(|(name, names)| ((*name).to_owned(), written(names).clone()));
        let params = params::parse(kind, &DynValue::Object(ours.collect()), "").map_err(|missing| {
            let names = self.names.iter().find(|(name, _)| *name == missing.name).map_or(&[][..], |(_, names)| names);
            RejectReason::BadField {
                field: format!("params.{}", names.first().unwrap_or(&missing.name)),
                wanted: "something that can be read",
                found: found_in(written(names)),
            }
        })?;
        let text = |name: &str| lenient::text(given.get(name)).ok().flatten().unwrap_or_default();
        let url = if self.kind == "land" { text("currentUrl") } else { text("url") };
        Ok((params, Page { url, referrer: text("sourceUrl"), title: String::new() }))
    }

    /// The e-mail takes precedence where both are given, but in the one call whose meaning is that the two belong together.
    fn visitor(&self, members: &DynValue) -> Result<Visitor, RejectReason> {
        let given = |name: &'static str| lenient::text(members.get(name)).map_err(|_| bad(name, "a string", members.get(name)));
        let (known, anonymous) = (given("visitorEmail")?, given("visitorId")?);
        match (known, anonymous) {
            (None, None) => Err(bad("visitorId", "there, or `visitorEmail`", &DynValue::Null)),
            (Some(text), None) => known_as(&text),
            (Some(text), Some(_)) if self.kind != "identify" => known_as(&text),
            // The cookie that holds the id holds the e-mail once that is known.
            (_, Some(id)) => email::normalise(&id).map_or_else(|| visitor_id(id), |email| Ok(Visitor::Email(email))),
        }
    }

    fn key(&self, time: u64, body: &[u8]) -> Uuid {
        let digest = Sha256::new().chain_update(self.kind).chain_update([0]).chain_update(body).finalize();
        let seed: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Uuid::try_parse(&id::uuid_v7(time, &seed, 0)).unwrap_or_default()
    }
}

fn known_as(text: &str) -> Result<Visitor, RejectReason> {
    let junk = RejectReason::BadField { field: "visitorEmail".into(), wanted: "an e-mail address", found: "another string" };
    email::normalise(text).map(Visitor::Email).ok_or(junk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(path: &str, body: &str) -> Result<DecodedEvent, String> {
        let call = CALLS.iter().find(|call| call.path == path).unwrap();
        let envelope = Envelope::read(body.as_bytes()).unwrap();
        call.event(&envelope, body.as_bytes()).map_err(|refusal| refusal.reason.to_string())
    }

    fn read(path: &str, body: &str) -> Result<Event, String> {
        incoming(path, body).map(|incoming| incoming.event)
    }

    fn body(more: &str) -> String {
        format!(r#"{{"time":1518004715732,"token":"t","visitorId":"ab",{more}}}"#)
    }

    #[test]
    fn every_call_names_known_types_and_parameters() {
        for call in CALLS {
            let kind = event_types::find(call.kind).unwrap();
            for (name, _) in call.names {
                assert!(kind.params.iter().any(|field| field.name == *name), "{} {name}", call.path);
            }
        }
    }

    #[test]
    fn a_request_sent_again_is_the_same_event() {
        let once = body(r#""params":{"productId":2,"quantity":"3"}"#);
        let DecodedEvent { key, event } = incoming("/cart/add", &once).unwrap();
        assert_eq!(event.params.as_str(), r#"{"product_id":"2","quantity":3}"#);
        assert_eq!(incoming("/cart/add", &once).unwrap().key, key);
        assert_ne!(incoming("/cart/remove", &once).unwrap().key, key);
        assert_ne!(incoming("/cart/add", &once.replace("732", "733")).unwrap().key, key);
    }

    #[test]
    fn a_refusal_names_the_field_as_it_is_written_there() {
        for (path, more, message) in [
            ("/product/view", r#""params":{}"#, "`params.productId` must be something that can be read, found nothing"),
            ("/page/land", r#""params":{"currentUrl":[]}"#, "`params.currentUrl` must be something that can be read, found a list"),
            ("/product/view", r#""params":"2""#, "`params` must be an object, found a string"),
        ] {
            assert_eq!(read(path, &body(more)), Err(message.into()));
        }
        assert_eq!(
            read("/checkout", r#"{"time":"now","token":"t","visitorId":"ab"}"#),
            Err("`time` must be a time in milliseconds since 1970, found a string".into())
        );
        assert!(read("/checkout", r#"{"time":1518004715732,"token":"t"}"#).unwrap_err().contains("`visitorId` must be there"));
    }

    #[test]
    fn the_email_takes_precedence_and_identify_links() {
        let both = body(r#""visitorEmail":"A@x.com","params":{"email":"a@x.com"}"#);
        assert_eq!(read("/checkout", &both).unwrap().visitor, Visitor::Email("a@x.com".into()));
        assert_eq!(read("/visitor/identify", &both).unwrap().visitor, Visitor::Id("ab".into()));
    }
}
