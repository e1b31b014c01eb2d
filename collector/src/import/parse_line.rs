//! One line of an import, read as what it is; pure.
//!
//! An export's line carries a `cursor`, which means nothing elsewhere and is passed over.

use serde_json::{Map, Value, json};
use tillroll_protocol::apis;

use crate::decode::rejection::RejectedEvent;
use crate::decode::{self, JsonTree};
use crate::import::Line;
use crate::metrics::catalog::RecordKind;
use crate::metrics::document;
use crate::resource::Resource;
use crate::store::{ImportedRecord, TrustLevel};
use crate::vendors::records;

/// A code and a message.
type Fault = (&'static str, String);

/// What an exported event is called there, and on the wire.
const NAMES: &[(&str, &str)] = &[
    ("id", "id"),
    ("type", "type"),
    ("api", "api"),
    ("time", "time"),
    ("session_id", "sessionId"),
    ("store_id", "storeId"),
    ("page", "page"),
    ("params", "params"),
];

/// Members that only an exported order has, and no search shows.
const OF_LISTS: &[&str] = &["cursor", "createdAt", "amount", "products", "billing", "coupons"];

/// Returns what was read, and whether something in it was passed over.
pub(super) fn read(resource: Resource, text: &[u8]) -> Result<(Line, bool), Fault> {
    match resource {
        Resource::Events => event(object(text)?).map(|line| (line, false)),
        Resource::Customers | Resource::Categories | Resource::Products => listed(resource, text).map(|line| (line, false)),
        Resource::Orders => {
            let order = object(text)?;
            if OF_LISTS.iter().any(|name| order.contains_key(*name)) {
                listed(resource, text).map(|line| (line, false))
            } else {
                whole(Resource::Orders, order)
            }
        }
        Resource::Carts => {
            let mut cart = object(text)?;
            cart.entry("status").or_insert(json!("pending"));
            whole(Resource::Carts, cart)
        }
        Resource::Returns => whole(Resource::Returns, object(text)?),
    }
}

fn object(text: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(("invalid_field", "`` must be an object".into())),
        Err(error) => Err(("not_json", error.to_string())),
    }
}

fn whole(resource: Resource, mut record: Map<String, Value>) -> Result<(Line, bool), Fault> {
    record.remove("cursor");
    let kind = if resource == Resource::Returns { RecordKind::Returns } else { RecordKind::Orders };
    let checked = document::validate(kind, &Value::Object(record)).map_err(|invalid| ("invalid_field", invalid.to_string()))?;
    let json = Value::Object(checked.json).to_string();
    Ok((Line::Whole(ImportedRecord { resource, id: checked.id, json }), checked.ignored > 0))
}

fn listed(resource: Resource, text: &[u8]) -> Result<Line, Fault> {
    let JsonTree(item) = serde_json::from_slice(text).map_err(|error| ("not_json", error.to_string()))?;
    let read = records::parse_exported(resource.name(), &item);
    read.map(Line::Told).map_err(|reason| (reason.code(), reason.to_string()))
}

/// An exported event as a page would have sent it. An order of a shop's server may have no visitor.
fn event(mut exported: Map<String, Value>) -> Result<Line, Fault> {
    let mut sent: Map<String, Value> =
        NAMES.iter().filter_map(|(name, wire)| Some(((*wire).to_owned(), exported.remove(*name)?))).collect();
    let mut known = |name| exported.remove(name).filter(|value| !value.is_null());
    let (visitor, email) = (known("visitor_id"), known("email"));
    match (visitor, email) {
        (Some(visitor), _) => sent.insert("visitorId".into(), visitor),
        (None, email) => sent.insert("visitorEmail".into(), email.unwrap_or_default()),
    };
    let rejected = |rejected: RejectedEvent| (rejected.reason.code(), rejected.reason.to_string());
    let incoming = decode::exported_event(&Value::Object(sent).to_string()).map_err(rejected)?.into_owned();
    let event = &incoming.event;
    let is_bot = exported.get("bot") == Some(&Value::Bool(true));
    let trust = if is_bot {
        TrustLevel::Bot
    } else if event.api == apis::HEADLESS && event.kind.starts_with("order") {
        TrustLevel::Owner
    } else {
        TrustLevel::Browser
    };
    Ok(Line::Event(trust, Box::new(incoming)))
}
