//! Ometria's headless tracking API: events that a shop's server or app sends, one event a request.
//!
//! The API has no time and no id of an event. So the time of an event is that of its request. A request with a `request_id` that is sent
//! again, byte for byte, is the same event; one without is always a new event.

use sha2::{Digest, Sha256};
use tillroll_protocol::apis::HEADLESS;
use tillroll_protocol::dyn_value::{DynValue, ReadValue};
use tillroll_protocol::event::{Page, Visitor};
use tillroll_protocol::placeholder::is_placeholder;
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::unchecked_event::{EventError, UncheckedEvent};
use uuid::Uuid;

use crate::decode::rejection::{RejectReason, RejectedEvent};
use crate::decode::{BodyError, DecodedEvent, JsonValue, Text, bad_field, check_limits, describe};
use crate::vendors::envelope::parse_object;

/// The page address of a view that names none.
const NO_URL: &str = "about:blank";

/// A request: any JSON object.
#[derive(Debug)]
pub struct Request<'a>(JsonValue<'a>);

/// What the collector adds to a request to make an event of it.
#[derive(Clone, Copy)]
pub struct RequestMeta<'a> {
    /// When the request arrived: the time of the event.
    pub receipt: &'a Receipt<'a>,
    /// The request's body.
    pub body: &'a [u8],
    /// Random hexadecimal digits: [`tillroll_protocol::id::SEED_DIGITS`] of them.
    pub seed: &'a str,
}

const SCOPES: &str = "`view`, `basket` or `order`";

/// Names of members: ours, then the one on this wire.
type Names = &'static [(&'static str, &'static str)];

/// The members of an order's line.
pub(super) const LINE: Names = &[
    ("product_id", "product_id"),
    ("sku", "product_sku"),
    ("name", "product_name"),
    ("variant_id", "variant_id"),
    ("variant_sku", "variant_sku"),
    ("quantity", "quantity"),
    ("unit_rrp", "unit_rrp"),
    ("total", "order_line_total"),
];
/// The members of `data` of a basket change.
const BASKET: Names = &[("product_id", "product_id"), ("quantity", "quantity")];
/// The members of `data` of an order.
pub(super) const ORDER: Names = &[
    ("order_id", "order_id"),
    ("total", "order_total"),
    ("tax", "order_tax"),
    ("shipping", "order_shipping"),
    ("currency", "order_currency"),
    ("lines", "order_lines"),
];

impl<'a> Request<'a> {
    /// Parses a body.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        parse_object(body).map(Self)
    }

    /// Returns the `request_id` as JSON, in the type in which it was sent, if it is a string or a number.
    pub fn id(&self) -> Option<String> {
        let id = self.0.get("request_id");
        let mut out = String::new();
        matches!(id, DynValue::Text(_) | DynValue::Number(_)).then(|| id.write(&mut out)).map(|()| out)
    }

    /// Returns whether the request needs the project's secret: an order changes the shop's revenue.
    pub fn requires_secret(&self) -> bool {
        matches!(self.0.get("scope"), DynValue::Text(scope) if scope == "order")
    }

    /// Decodes the event.
    pub fn event(&self, meta: RequestMeta<'_>) -> Result<DecodedEvent, RejectedEvent> {
        let kind = self.kind();
        let name = kind.as_ref().ok().map(|kind| (*kind).to_owned());
        let event = kind.and_then(|kind| self.decode(kind, meta));
        event.map_err(|reason| RejectedEvent { id: None, kind: name, time: Some(meta.receipt.received_at()), reason })
    }

    /// Returns the event type of the request's scope and action.
    fn kind(&self) -> Result<&'static str, RejectReason> {
        let text = |name: &str| if let DynValue::Text(text) = self.0.get(name) { text.as_ref() } else { "" };
        let bad_action = |wanted| Err(bad_field("action", wanted, self.0.get("action")));
        match (text("scope"), text("action")) {
            ("view", _) => Ok("page_view"),
            ("basket", "add") => Ok("basket_add"),
            ("basket", "remove") => Ok("basket_remove"),
            ("basket", _) => bad_action("`add` or `remove`"),
            ("order", "add") => Ok("order"),
            ("order", "cancel") => Ok("order_cancel"),
            ("order", "return") => Ok("order_return"),
            ("order", _) => bad_action("`add`, `cancel` or `return`"),
            _ => Err(bad_field("scope", SCOPES, self.0.get("scope"))),
        }
    }

    fn decode(&self, kind: &'static str, meta: RequestMeta<'_>) -> Result<DecodedEvent, RejectReason> {
        check_limits(meta.body.len(), &["data", "context", "user"].map(|name| (name, self.0.get(name))))?;
        let data = self.object("data")?.ok_or_else(|| bad_field("data", "an object", self.0.get("data")))?;
        let url = self.object("context")?.and_then(|context| as_text(context.get("page_url"))).unwrap_or_default();
        let (names, params) = self.params(kind, data, &url, meta.receipt);
        let user = self.object("user")?.unwrap_or(&DynValue::Null);
        let unchecked = UncheckedEvent {
            kind: kind.to_owned(),
            api: HEADLESS.to_owned(),
            time: meta.receipt.received_at(),
            visitor: visitor(kind, user, data).map(Visitor::Id),
            session_id: as_text(user.get("sid")),
            store_id: None,
            page: Page { url, ..Page::default() },
            default_url: Some(NO_URL.to_owned()),
            params: &params,
        };
        let event = unchecked.validate(meta.receipt, String::new()).map_err(|error| match error {
            EventError::Param(param) => {
                let name = names.iter().find(|(ours, _)| *ours == param.name).map_or(param.name, |(_, name)| name);
                RejectReason::bad_param("data", name, param, describe(data.get(name)))
            }
            EventError::MissingVisitor if as_text(user.get("uid")).is_some() => {
                RejectReason::BadField { field: "user.uid".into(), wanted: "the id of a visitor", found: "a placeholder" }
            }
            EventError::MissingVisitor => bad_field("user.uid", "a string", user.get("uid")),
            EventError::EmptyVisitorId | EventError::VisitorIdTooLong => bad_field("user.uid", "1 to 128 characters", user.get("uid")),
            error => error.into(),
        })?;
        Ok(DecodedEvent { key: self.key(meta), event })
    }

    /// Returns the parameters under our names, and the names on this wire.
    fn params(&self, kind: &str, data: &JsonValue<'a>, url: &str, receipt: &Receipt<'_>) -> (Names, JsonValue<'a>) {
        match kind {
            "page_view" => {
                let mut context = self.0.get("context").clone();
                if let DynValue::Object(members) = &mut context {
                    let addresses = members.iter_mut().filter(|(name, _)| name == "page_url");
                    addresses.for_each(|(_, address)| clean_address(address, receipt));
                }
                let members = [("url", DynValue::Text(url.to_owned().into())), ("data", data.clone()), ("context", context)];
                (&[], DynValue::Object(members.map(|(name, value)| (name.into(), value)).into()))
            }
            "basket_add" | "basket_remove" => (BASKET, rename_members(data, BASKET)),
            _ => (ORDER, order_params(data)),
        }
    }

    /// Returns a member that is an object, or None if it is missing. PHP writes an empty object as an empty list.
    fn object(&self, name: &'static str) -> Result<Option<&JsonValue<'a>>, RejectReason> {
        match self.0.get(name) {
            DynValue::Null => Ok(None),
            object @ DynValue::Object(_) => Ok(Some(object)),
            DynValue::List(elements) if elements.is_empty() => Ok(Some(&DynValue::Null)),
            other => Err(bad_field(name, "an object", other)),
        }
    }

    fn key(&self, meta: RequestMeta<'_>) -> Uuid {
        if self.id().is_none() {
            return tillroll_protocol::id::uuid_v7(meta.receipt.received_at(), meta.seed, 0);
        }
        let digest = Sha256::new().chain_update("request").chain_update([0]).chain_update(meta.body).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Returns the visitor's id. A shop's server that sends an order may have none.
fn visitor(kind: &str, user: &JsonValue<'_>, data: &JsonValue<'_>) -> Option<String> {
    let given = |value| as_text(value).filter(|id| !is_placeholder(id));
    given(user.get("uid")).or_else(|| given(data.get("user_id")).filter(|_| kind.starts_with("order")))
}

/// Replaces an address by what is stored of it.
fn clean_address(address: &mut JsonValue<'_>, receipt: &Receipt<'_>) {
    if let DynValue::Text(text) = address
        && let Some(clean) = receipt.addresses().page(text)
    {
        *text = clean.into();
    }
}

fn order_params<'a>(data: &JsonValue<'a>) -> JsonValue<'a> {
    let mut order = rename_members(data, ORDER);
    let DynValue::Object(members) = &mut order else { return order };
    for (_, lines) in members.iter_mut().filter(|(name, _)| name == "lines") {
        let elements = match lines {
            DynValue::List(elements) => std::mem::take(elements),
            DynValue::Object(members) => std::mem::take(members).into_iter().map(|(_, line)| line).collect(),
            _ => continue,
        };
        *lines = DynValue::List(elements.iter().map(|line| rename_members(line, LINE)).collect());
    }
    order
}

/// Returns the members that have a name of ours, under that name.
fn rename_members<'a>(object: &JsonValue<'a>, names: Names) -> JsonValue<'a> {
    let member = |(ours, name): &(&'static str, &str)| (Text::from(*ours), object.get(name).clone());
    DynValue::Object(names.iter().map(member).collect())
}

fn as_text(value: &JsonValue<'_>) -> Option<String> {
    let (DynValue::Text(text) | DynValue::Number(text)) = value else { return None };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tillroll_protocol::unchecked_event::ValidEvent;

    fn decode(request: &Value) -> Result<DecodedEvent, String> {
        let body = request.to_string();
        let receipt = Receipt::of_server(5);
        let meta = RequestMeta { receipt: &receipt, body: body.as_bytes(), seed: "0123456789abcdef0123456789abcdef0123456789" };
        Request::parse(body.as_bytes()).unwrap().event(meta).map_err(|rejected| rejected.reason.to_string())
    }

    fn event(request: &Value) -> Result<ValidEvent, String> {
        decode(request).map(|decoded| decoded.event)
    }

    fn params(request: &Value) -> Result<Value, String> {
        event(request).map(|event| serde_json::from_str(&event.params).unwrap())
    }

    #[test]
    fn every_scope_and_action_is_an_event() {
        let user = json!({"uid": "u", "sid": "s"});
        let view = json!({"scope": "view", "data": {"a": 1}, "user": user, "context": {"page_url": "https://x/", "category_id": 7}});
        let valid = event(&view).unwrap();
        let fields = (&valid.visitor, valid.session_id.as_deref(), valid.page.url.as_str());
        assert_eq!(fields, (&Visitor::Id("u".into()), Some("s"), "https://x/"));
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
    fn rejection_names_the_field() {
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
                "`data.product_id` must be a text that is not empty, found nothing",
            ),
            (json!({"scope": "order", "action": "return", "data": {}}), "`data.order_id` must be a text that is not empty, found nothing"),
        ] {
            assert_eq!(event(&request), Err(message.to_owned()), "{request}");
        }
    }

    #[test]
    fn request_id_makes_retries_idempotent_and_keeps_its_type() {
        let request = |id: Value| json!({"request_id": id, "scope": "order", "action": "cancel", "data": {"order_id": "1"}});
        let key = |id: Value| decode(&request(id)).unwrap().key;
        assert_eq!(key(json!(1)), key(json!(1)));
        assert_ne!(key(json!(1)), key(json!(2)));
        let id = |id: Value| Request::parse(request(id).to_string().as_bytes()).unwrap().id();
        assert_eq!((id(json!(7)), id(json!("7")), id(json!(null))), (Some("7".into()), Some("\"7\"".into()), None));
    }
}
