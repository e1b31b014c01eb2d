//! Ometria's headless tracking API: what a shop's own server says of its visitors, one event a request.
//!
//! The API has no time and no id of an event. So an event happens when its request comes. A request with a `request_id` that is sent again,
//! byte for byte, is the same event; one without is always a new one.

pub mod to_ometria;

use sha2::{Digest, Sha256};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::{event_types, limits, params};
use uuid::Uuid;

use crate::ingest::decode::{DecodedEvent, RejectReason, RejectedEvent, bad, found_in, visitor_id, within_limits};
use crate::vendors::envelope::object;

/// Stands for the address of a view that names none.
const NOWHERE: &str = "about:blank";

/// A request, read as far as the scope of what it says.
#[derive(Debug)]
pub struct Request(DynValue);

/// What the collector adds to a request to make an event of it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When the request came, in milliseconds since 1970.
    pub time: u64,
    /// The request's bytes.
    pub body: &'a [u8],
    /// Random digits: [`tillroll_protocol::id::SEED_DIGITS`] of them.
    pub seed: &'a str,
}

pub use tillroll_protocol::apis::HEADLESS as API;

const SCOPES: &str = "`view`, `basket` or `order`";

/// The members of `data` and what they become: our name, then the name on this wire.
const LINE: &[(&str, &str)] = &[
    ("product_id", "product_id"),
    ("sku", "product_sku"),
    ("name", "product_name"),
    ("variant_id", "variant_id"),
    ("variant_sku", "variant_sku"),
    ("quantity", "quantity"),
    ("unit_rrp", "unit_rrp"),
    ("total", "order_line_total"),
];
const BASKET: &[(&str, &str)] = &[("product_id", "product_id"), ("quantity", "quantity")];
const ORDER: &[(&str, &str)] = &[
    ("order_id", "order_id"),
    ("total", "order_total"),
    ("tax", "order_tax"),
    ("shipping", "order_shipping"),
    ("currency", "order_currency"),
    ("lines", "order_lines"),
];

impl Request {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, crate::Error> {
        object(body).map(Self)
    }

    /// Returns the `request_id` as JSON, in the type that it came in, where it is a string or a number.
    pub fn id(&self) -> Option<String> {
        use tillroll_protocol::dyn_value::ReadValue;
        let id = self.0.get("request_id");
        let mut out = String::new();
        matches!(id, DynValue::Text(_) | DynValue::Number(_)).then(|| id.write(&mut out)).map(|()| out)
    }

    /// Returns whether only the owner of a project may say this: an order says what a shop earned.
    pub fn is_of_owner(&self) -> bool {
        matches!(self.0.get("scope"), DynValue::Text(scope) if scope == "order")
    }

    /// Reads the event.
    pub fn event(&self, arrival: Arrival<'_>) -> Result<DecodedEvent, RejectedEvent> {
        let kind = self.kind();
        let named = kind.as_ref().ok().map(|kind| (*kind).to_owned());
        kind.and_then(|kind| self.event_of(kind, arrival)).map_err(|reason| RejectedEvent {
            id: None,
            kind: named,
            time: Some(arrival.time),
            reason,
        })
    }

    /// Returns the type of event that scope and action mean.
    fn kind(&self) -> Result<&'static str, RejectReason> {
        let text = |name: &str| match self.0.get(name) {
            DynValue::Text(text) => text.as_str(),
            _ => "",
        };
        let action = |wanted| Err(bad("action", wanted, self.0.get("action")));
        match (text("scope"), text("action")) {
            ("view", _) => Ok("page_view"),
            ("basket", "add") => Ok("basket_add"),
            ("basket", "remove") => Ok("basket_remove"),
            ("basket", _) => action("`add` or `remove`"),
            ("order", "add") => Ok("order"),
            ("order", "cancel") => Ok("order_cancel"),
            ("order", "return") => Ok("order_return"),
            ("order", _) => action("`add`, `cancel` or `return`"),
            _ => Err(bad("scope", SCOPES, self.0.get("scope"))),
        }
    }

    fn event_of(&self, kind: &'static str, arrival: Arrival<'_>) -> Result<DecodedEvent, RejectReason> {
        if arrival.body.len() > limits::MAX_EVENT_BYTES {
            return Err(RejectReason::EventTooLarge(arrival.body.len()));
        }
        for name in ["data", "context", "user"] {
            within_limits(name, self.0.get(name))?;
        }
        let data = self.object("data")?.ok_or_else(|| bad("data", "an object", self.0.get("data")))?;
        let context = self.object("context")?;
        let text = |name: &str| context.and_then(|context| as_text(context.get(name)));
        let page = Page { url: text("page_url").unwrap_or_default(), ..Page::default() };
        let params = params_of(kind, data, self.0.get("context"), &page.url)?;
        let (visitor, session_id) = self.user(kind, data)?;
        let key = self.key(arrival);
        let (id, kind, api) = (String::new(), kind.into(), API.into());
        Ok(DecodedEvent { key, event: Event { id, kind, api, time: arrival.time, visitor, session_id, store_id: None, page, params } })
    }

    /// Who did it. The back end that tells of an order may know nobody, which an empty id stands for.
    fn user(&self, kind: &str, data: &DynValue) -> Result<(Visitor, Option<String>), RejectReason> {
        let user = self.object("user")?.unwrap_or(&DynValue::Null);
        let of_order = kind.starts_with("order");
        let uid = as_text(user.get("uid")).or_else(|| as_text(data.get("user_id")).filter(|_| of_order));
        let visitor = match uid {
            Some(uid) => visitor_id(uid).map_err(|_| bad("user.uid", "1 to 128 characters", user.get("uid")))?,
            None if of_order => Visitor::Id(String::new()),
            None => return Err(bad("user.uid", "a string", user.get("uid"))),
        };
        Ok((visitor, as_text(user.get("sid"))))
    }

    /// Returns a member that is an object, or nothing. An empty list is how PHP prints an empty object.
    fn object(&self, name: &'static str) -> Result<Option<&DynValue>, RejectReason> {
        match self.0.get(name) {
            DynValue::Null => Ok(None),
            object @ DynValue::Object(_) => Ok(Some(object)),
            DynValue::List(elements) if elements.is_empty() => Ok(Some(&DynValue::Null)),
            other => Err(bad(name, "an object", other)),
        }
    }

    fn key(&self, arrival: Arrival<'_>) -> Uuid {
        if self.id().is_none() {
            return Uuid::try_parse(&tillroll_protocol::id::uuid_v7(arrival.time, arrival.seed, 0)).unwrap_or_default();
        }
        let digest = Sha256::new().chain_update("request").chain_update([0]).chain_update(arrival.body).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

fn params_of(kind: &'static str, data: &DynValue, context: &DynValue, url: &str) -> Result<EventParams, RejectReason> {
    let (names, ours) = match kind {
        "page_view" => {
            let members = [("url", DynValue::Text(url.into())), ("data", data.clone()), ("context", context.clone())];
            (&[][..], DynValue::Object(members.map(|(name, value)| (name.to_owned(), value)).into()))
        }
        "basket_add" | "basket_remove" => (BASKET, renamed(data, BASKET)),
        _ => (ORDER, order(data)),
    };
    let kind = event_types::find(kind).ok_or_else(|| RejectReason::UnknownType(kind.into()))?;
    params::parse(kind, &ours, NOWHERE).map_err(|missing| {
        let name = names.iter().find(|(ours, _)| *ours == missing.name).map_or(missing.name, |(_, name)| name);
        RejectReason::BadField { field: format!("data.{name}"), wanted: "something that can be read", found: found_in(data.get(name)) }
    })
}

fn order(data: &DynValue) -> DynValue {
    let mut order = renamed(data, ORDER);
    let DynValue::Object(members) = &mut order else { return order };
    for (_, lines) in members.iter_mut().filter(|(name, _)| name == "lines") {
        let elements = match lines {
            DynValue::List(elements) => std::mem::take(elements),
            DynValue::Object(members) => std::mem::take(members).into_iter().map(|(_, line)| line).collect(),
            _ => continue,
        };
        *lines = DynValue::List(elements.iter().map(|line| renamed(line, LINE)).collect());
    }
    order
}

/// Returns the members that have a name of ours, under that name.
fn renamed(object: &DynValue, names: &[(&str, &str)]) -> DynValue {
    let member = |(ours, name): &(&str, &str)| ((*ours).to_owned(), object.get(name).clone());
    DynValue::Object(names.iter().map(member).collect())
}

fn as_text(value: &DynValue) -> Option<String> {
    let (DynValue::Text(text) | DynValue::Number(text)) = value else { return None };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn incoming(request: &Value) -> Result<DecodedEvent, String> {
        let body = request.to_string();
        let arrival = Arrival { time: 5, body: body.as_bytes(), seed: "0123456789abcdef0123456789abcdef0123456789" };
        let incoming = Request::read(body.as_bytes()).unwrap().event(arrival);
        incoming.map_err(|refusal| refusal.reason.to_string())
    }

    fn event(request: &Value) -> Result<Event, String> {
        incoming(request).map(|incoming| incoming.event)
    }

    fn params(request: &Value) -> Result<Value, String> {
        event(request).map(|event| serde_json::from_str(&event.params).unwrap())
    }

    #[test]
    fn every_scope_and_action_is_an_event() {
        let user = json!({"uid": "u", "sid": "s"});
        let view = json!({"scope": "view", "data": {"a": 1}, "user": user, "context": {"page_url": "https://x/", "category_id": 7}});
        let read = event(&view).unwrap();
        assert_eq!((read.visitor, read.session_id.as_deref(), read.page.url.as_str()), (Visitor::Id("u".into()), Some("s"), "https://x/"));
        assert_eq!(
            params(&view).unwrap(),
            json!({"url": "https://x/", "data": {"a": 1}, "context": {"page_url": "https://x/", "category_id": 7}})
        );
        let add = json!({"scope": "basket", "action": "add", "data": {"product_id": 2, "quantity": "3"}, "user": user});
        assert_eq!(params(&add).unwrap(), json!({"product_id": "2", "quantity": 3}));
        let order = json!({"scope": "order", "action": "add", "data": {
            "order_id": "ABC-123", "user_id": "z", "order_total": 74.96, "order_currency": "USD",
            "order_lines": [{"product_id": "abc", "product_sku": "123", "quantity": 2, "order_line_total": 19.98, "unit_rrp": 8.0}]}});
        assert_eq!(event(&order).unwrap().visitor, Visitor::Id("z".into()));
        assert_eq!(
            params(&order).unwrap(),
            json!({"order_id": "ABC-123", "total": 74.96, "currency": "USD",
                "lines": [{"product_id": "abc", "sku": "123", "quantity": 2, "unit_rrp": 8, "total": 19.98}]})
        );
        let cancel = json!({"scope": "order", "action": "cancel", "data": {"order_id": 7}});
        assert_eq!(event(&cancel).unwrap().visitor, Visitor::Id(String::new()));
        assert_eq!(params(&cancel).unwrap(), json!({"order_id": "7"}));
    }

    #[test]
    fn a_refusal_names_the_field() {
        let user = json!({"uid": "u"});
        for (request, message) in [
            (json!({}), "`scope` must be `view`, `basket` or `order`, found nothing"),
            (json!({"scope": "page"}), "`scope` must be `view`, `basket` or `order`, found a string"),
            (json!({"scope": "basket", "action": "cancel"}), "`action` must be `add` or `remove`, found a string"),
            (json!({"scope": "order"}), "`action` must be `add`, `cancel` or `return`, found nothing"),
            (json!({"scope": "view", "user": user}), "`data` must be an object, found nothing"),
            (json!({"scope": "view", "data": "x", "user": user}), "`data` must be an object, found a string"),
            (json!({"scope": "view", "data": {}}), "`user.uid` must be a string, found nothing"),
            (json!({"scope": "view", "data": {}, "user": "u"}), "`user` must be an object, found a string"),
            (json!({"scope": "view", "data": {}, "user": user, "context": "c"}), "`context` must be an object, found a string"),
            (
                json!({"scope": "basket", "action": "add", "data": {}, "user": user}),
                "`data.product_id` must be something that can be read, found nothing",
            ),
            (
                json!({"scope": "order", "action": "return", "data": {}}),
                "`data.order_id` must be something that can be read, found nothing",
            ),
        ] {
            assert_eq!(event(&request), Err(message.to_owned()), "{request}");
        }
    }

    #[test]
    fn a_request_id_makes_sending_again_harmless_and_keeps_its_type() {
        let request = |id: Value| json!({"request_id": id, "scope": "order", "action": "cancel", "data": {"order_id": "1"}});
        let key = |id: Value| incoming(&request(id)).unwrap().key;
        assert_eq!(key(json!(1)), key(json!(1)));
        assert_ne!(key(json!(1)), key(json!(2)));
        let id = |id: Value| Request::read(request(id).to_string().as_bytes()).unwrap().id();
        assert_eq!((id(json!(7)), id(json!("7")), id(json!(null))), (Some("7".into()), Some("\"7\"".into()), None));
    }
}
