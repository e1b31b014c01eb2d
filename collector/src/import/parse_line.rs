//! Parses one line of an import. Pure.
//!
//! The lines of an export have a `cursor`, which is ignored.

use serde_json::{Map, Value};
use tillroll_protocol::apis;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::receipt::Receipt;

use crate::decode::rejection::{RejectReason, RejectedEvent};
use crate::decode::{self, JsonTree, TreeError};
use crate::import::Line;
use crate::metrics::catalog::RecordKind;
use crate::metrics::document::{self, Record, RecordError};
use crate::resource::{OrderSource, Resource};
use crate::sources::{Client, Country, Device, UnknownName};
use crate::store::{ImportedRecord, TrustLevel};
use crate::time;
use crate::vendors::records::{self, MAX_VALUES};

/// The code and the message of a rejected line.
type LineError = (&'static str, String);

const INVALID_FIELD: &str = "invalid_field";
const NOT_JSON: &str = "not_json";

/// The names of fields in an exported event, and in an event on the wire.
const WIRE_NAMES: &[(&str, &str)] = &[
    ("id", "id"),
    ("type", "type"),
    ("api", "api"),
    ("time", "time"),
    ("session_id", "sessionId"),
    ("store_id", "storeId"),
    ("page", "page"),
    ("params", "params"),
];

/// Fields that only an exported order has, and no order of a metrics search.
const EXPORT_FIELDS: &[&str] = &["cursor", "createdAt", "amount", "products", "billing", "coupons"];

/// Returns the parsed line, and whether some of its fields were ignored. `receipt` corrects its times.
pub(super) fn parse(resource: Resource, text: &[u8], receipt: &Receipt<'_>) -> Result<(Line, bool), LineError> {
    check_values(text)?;
    match resource {
        Resource::Events => event(object(text)?, receipt).map(|line| (line, false)),
        Resource::Customers | Resource::Categories | Resource::Products => record(resource, text, receipt).map(|line| (line, false)),
        Resource::Orders => {
            let parsed = parse_document(resource, text, receipt);
            let is_exported = match &parsed {
                Ok(order) => order.unknown.iter().any(|name| EXPORT_FIELDS.contains(&name.as_str())),
                Err((INVALID_FIELD, _)) => object(text)?.keys().any(|name| EXPORT_FIELDS.contains(&name.as_str())),
                Err(_) => false,
            };
            if is_exported {
                record(resource, text, receipt).map(|line| (line, false))
            } else {
                parsed.map(|order| document(resource, order))
            }
        }
        Resource::Carts | Resource::Returns => parse_document(resource, text, receipt).map(|parsed| document(resource, parsed)),
    }
}

/// A line that is not JSON. The parser has seen one line only, so the number that it reports would be taken for that of the import.
fn not_json(error: &impl ToString) -> LineError {
    (NOT_JSON, format!("is not JSON: {}", error.to_string().replace(" at line 1 column ", " at column ")))
}

/// Rejects a line whose tree would take many times the memory of its text.
fn check_values(text: &[u8]) -> Result<(), LineError> {
    let may_exceed = text.len() > MAX_VALUES;
    let is_exceeded = |text| matches!(decode::parse_tree(text, MAX_VALUES), Err(TreeError::TooManyValues));
    if may_exceed && std::str::from_utf8(text).is_ok_and(is_exceeded) {
        let reason = RejectReason::TooManyValues { limit: MAX_VALUES };
        return Err((reason.code(), reason.to_string()));
    }
    Ok(())
}

fn object(text: &[u8]) -> Result<Map<String, Value>, LineError> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err((INVALID_FIELD, "the record must be an object".into())),
        Err(error) => Err(not_json(&error)),
    }
}

fn parse_document(resource: Resource, text: &[u8], receipt: &Receipt<'_>) -> Result<Record, LineError> {
    let kind = if resource == Resource::Returns { RecordKind::Returns } else { RecordKind::Orders };
    document::parse(kind, text, receipt.received_at()).map_err(|error| match error {
        RecordError::NotJson(error) => not_json(&error),
        RecordError::Invalid(invalid) => (INVALID_FIELD, invalid.to_string()),
    })
}

/// Returns the line, and whether some of its fields were ignored.
fn document(resource: Resource, mut record: Record) -> (Line, bool) {
    if resource == Resource::Carts && record.text("status").is_none() {
        record.set_text("status", "pending");
    }
    record.complete_lines();
    let resource = match resource {
        Resource::Returns => Resource::Returns,
        _ if record.is_cart() => Resource::Carts,
        _ => Resource::Orders,
    };
    if resource == Resource::Orders {
        let named = record.text("source").and_then(OrderSource::find);
        record.set_text("source", named.unwrap_or(OrderSource::Import).name());
    }
    let given = record.text("customer.email").map(str::to_owned);
    let email = given.as_deref().and_then(records::email_of);
    match (&given, &email) {
        // As events and the back end have it, so that the record belongs to the person.
        (_, Some(email)) => record.set_text("customer.email", email),
        (Some(given), None) => {
            // No request could name its customer.
            record.remove("customer.email");
            record.ignored += usize::from(!given.trim().is_empty());
        }
        (None, None) => {}
    }
    let imported = ImportedRecord { resource, id: record.id().to_owned(), email, json: record.to_json() };
    let has_cursor = record.unknown.iter().any(|name| name == "cursor");
    (Line::Document(imported), record.ignored > usize::from(has_cursor))
}

fn record(resource: Resource, text: &[u8], receipt: &Receipt<'_>) -> Result<Line, LineError> {
    let JsonTree(item) = serde_json::from_slice(text).map_err(|error| not_json(&error))?;
    let mut parsed = records::parse_exported(resource.name(), &item, receipt);
    if let (Resource::Orders, Ok(order)) = (resource, &mut parsed) {
        // An export of another collector names the source.
        let named = if let DynValue::Text(name) = item.get("source") { OrderSource::find(name) } else { None };
        order.fields.push(("source".into(), named.unwrap_or(OrderSource::Import).name().into()));
    }
    parsed.map(Line::Fields).map_err(|reason| (reason.code(), reason.to_string()))
}

/// Decodes an exported event as if a page had sent it. An order of a shop's server may have no visitor.
fn event(mut exported: Map<String, Value>, receipt: &Receipt<'_>) -> Result<Line, LineError> {
    let mut sent: Map<String, Value> =
        WIRE_NAMES.iter().filter_map(|(name, wire)| Some(((*wire).to_owned(), exported.remove(*name)?))).collect();
    let mut take = |name| exported.remove(name).filter(|value| !value.is_null());
    let (visitor, email) = (take("visitor_id"), take("email"));
    match (visitor, email) {
        (Some(visitor), _) => sent.insert("visitorId".into(), visitor),
        (None, email) => sent.insert("visitorEmail".into(), email.unwrap_or_default()),
    };
    if let Some(unit) = sent.get("time").and_then(Value::as_u64).and_then(time::small_unit) {
        return Err((INVALID_FIELD, format!("`time` must be a time in milliseconds since 1970, found {unit}")));
    }
    let rejected = |rejected: RejectedEvent| (rejected.reason.code(), rejected.reason.to_string());
    let decoded = decode::exported_event(&Value::Object(sent).to_string(), receipt).map_err(rejected)?.into_owned();
    let event = &decoded.event;
    let client = client(&exported)?;
    let is_bot = exported.get("bot") == Some(&Value::Bool(true));
    let trust = if is_bot {
        TrustLevel::Bot
    } else if event.api == apis::HEADLESS && event.kind.starts_with("order") {
        TrustLevel::Owner
    } else {
        TrustLevel::Browser
    };
    Ok(Line::Event((trust, client), Box::new(decoded)))
}

/// Returns the device and the country of an exported event; an event without them has neither.
fn client(exported: &Map<String, Value>) -> Result<Client, LineError> {
    let invalid = |message: String| ("invalid_field", message);
    let device = match exported.get("device") {
        None | Some(Value::Null) => Device::default(),
        Some(Value::Object(device)) => device_of(device)
            .map_err(|UnknownName { part, known }| invalid(format!("`device.{part}` must be one of {}", known.join(", "))))?,
        Some(_) => return Err(invalid("`device` must be an object".into())),
    };
    let country = match exported.get("country") {
        None | Some(Value::Null) => Country::default(),
        Some(code) => Country::from_code(code.as_str().unwrap_or_default()),
    };
    if country == Country::default() && exported.get("country").is_some_and(|code| !code.is_null()) {
        return Err(invalid("`country` must be the two letters of a country, such as DE".into()));
    }
    Ok(Client { device, country })
}

/// A value that is no string counts as an unknown name.
fn device_of(device: &Map<String, Value>) -> Result<Device, UnknownName> {
    let [kind, browser, system] = ["type", "browser", "system"]
        .map(|part| device.get(part).filter(|name| !name.is_null()).map(|name| name.as_str().unwrap_or_default()));
    Device::from_names(kind, browser, system)
}
