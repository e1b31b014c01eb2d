//! Metrilo's backend API: customers, categories, products and orders, one or many in a request.
//!
//! The result is a [`BackendRecord`] with the fields that the request contains, under the names of the API. A field that is missing or empty is
//! not in it and changes nothing in the store. A field that merges with earlier values becomes one field for each of its parts.

mod fields;
mod tables;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::receipt::Receipt;

use self::tables::RecordField;
use crate::decode::rejection::{RejectReason, RejectedEvent};
use crate::decode::{BodyError, JsonValue, TreeError, bad_field, parse_tree};
use crate::resource::Resource;
use crate::store::BackendRecord;
use crate::vendors::Envelope;
pub(crate) use crate::vendors::envelope::MAX_VALUES;
use crate::vendors::envelope::parse_object;
use crate::vendors::metrilo::lenient;
pub(crate) use crate::vendors::metrilo::lenient::email_of;

/// The most characters of a record's id in a rejection.
const MAX_ID_CHARS: usize = 64;

/// An endpoint and the records that it accepts.
#[derive(Debug)]
pub struct Endpoint {
    /// The URL path, without a version.
    pub path: &'static str,
    /// Whether a request without a digest is rejected.
    pub requires_digest: bool,
    kind: &'static str,
    resource: Resource,
    key: &'static str,
    fields: &'static [RecordField],
    is_batch: bool,
}

const fn single(path: &'static str, kind: &'static str, resource: Resource, key: &'static str, fields: &'static [RecordField]) -> Endpoint {
    Endpoint { path, requires_digest: true, kind, resource, key, fields, is_batch: false }
}

const fn batch(path: &'static str, kind: &'static str, resource: Resource, key: &'static str, fields: &'static [RecordField]) -> Endpoint {
    Endpoint { is_batch: true, ..single(path, kind, resource, key, fields) }
}

/// All endpoints.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint { requires_digest: false, ..single("/customer", "customer", Resource::Customers, "email", tables::CUSTOMER) },
    batch("/customer/batch", "customer", Resource::Customers, "email", tables::CUSTOMER),
    single("/customer/tag", "customer_tag", Resource::Customers, "email", tables::TAG),
    single("/customer/untag", "customer_untag", Resource::Customers, "email", tables::UNTAG),
    single("/category", "category", Resource::Categories, "id", tables::CATEGORY),
    batch("/category/batch", "category", Resource::Categories, "id", tables::CATEGORY),
    single("/product", "product", Resource::Products, "id", tables::PRODUCT),
    batch("/product/batch", "product", Resource::Products, "id", tables::PRODUCT),
    single("/order", "order", Resource::Orders, "id", tables::ORDER),
    batch("/order/batch", "order", Resource::Orders, "id", tables::ORDER),
];

/// The lists of an export. Only the field that identifies the record is required.
const EXPORTED: &[Endpoint] = &[
    single("customers", "customer", Resource::Customers, "email", tables::EXPORTED_CUSTOMER),
    single("categories", "category", Resource::Categories, "id", tables::EXPORTED_CATEGORY),
    single("products", "product", Resource::Products, "id", tables::EXPORTED_PRODUCT),
    single("orders", "order", Resource::Orders, "id", tables::EXPORTED_ORDER),
];

/// Parses a record from the export of the list with this name; `receipt` corrects its times.
pub fn parse_exported(list: &str, item: &JsonValue<'_>, receipt: &Receipt<'_>) -> Result<BackendRecord, RejectReason> {
    let list = EXPORTED.iter().find(|exported| exported.path == list).ok_or_else(|| RejectReason::UnknownType(list.into()))?;
    list.parse_record("record", item, receipt)
}

/// Parses `{"tags": [...]}`: tags that the owner adds to the customer with this normalised e-mail, or removes.
pub fn parse_tags(email: &str, body: &[u8], is_added: bool) -> Result<BackendRecord, RequestRejection> {
    let fields = if is_added { tables::ADDED_TAGS } else { tables::REMOVED_TAGS };
    let fields = fields::parse(fields, "", &parse_object(body)?, &Receipt::of_server(0))?;
    Ok(BackendRecord::new(Resource::Customers, email.to_owned(), fields))
}

/// Returns whether `digest` is the hexadecimal HMAC-SHA256 of `body` keyed by `secret`. The comparison takes constant time.
pub fn is_signed(body: &[u8], secret: &str, digest: &str) -> bool {
    let digest = digest.trim().as_bytes();
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = digest.chunks(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    let Some(bytes) = bytes.collect::<Option<Vec<u8>>>() else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.chain_update(body).verify_slice(&bytes).is_ok()
}

/// A request whose records are not parsed yet, or the only record.
#[derive(Debug)]
pub enum RequestRecords<'a> {
    /// The record of a request that holds one.
    One(Result<BackendRecord, RejectedEvent>),
    /// The JSON of each record of a batch.
    Many(Vec<&'a str>),
}

/// Why a request is rejected as a whole.
#[derive(Debug)]
pub enum RequestRejection {
    /// The body has an invalid form.
    Body(BodyError),
    /// A field has an invalid value.
    Reason(RejectReason),
}

impl From<BodyError> for RequestRejection {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<RejectReason> for RequestRejection {
    fn from(reason: RejectReason) -> Self {
        Self::Reason(reason)
    }
}

impl Endpoint {
    /// Returns whether a request holds many records, so that a rejected one must not affect the others.
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// Parses a request: returns its time by the sender's clock, corrected, in milliseconds since 1970, and its records. `receipt` corrects
    /// their times. An error concerns the request as a whole.
    pub fn parse<'a>(&self, envelope: &Envelope<'a>, receipt: &Receipt<'_>) -> Result<(u64, RequestRecords<'a>), RequestRejection> {
        let members = &envelope.members;
        let time = receipt.event_time(lenient::server_request_time_ms(members)?);
        let records = match self.is_batch {
            true => RequestRecords::Many(envelope.records()?),
            false => RequestRecords::One(self.record("params", members.get("params"), time, receipt)),
        };
        Ok((time, records))
    }

    /// Parses the record `number` of a batch, counted from 0.
    pub fn parse_one_of_many(&self, number: usize, json: &str, time: u64, receipt: &Receipt<'_>) -> Result<BackendRecord, RejectedEvent> {
        self.batch_record(&format!("batch[{number}]"), json, time, receipt)
    }

    fn batch_record(&self, path: &str, json: &str, time: u64, receipt: &Receipt<'_>) -> Result<BackendRecord, RejectedEvent> {
        let unreadable = |error| RejectedEvent {
            id: None,
            kind: Some(self.kind.into()),
            time: Some(time),
            reason: match error {
                TreeError::NotJson(error) => RejectReason::Malformed(error.to_string()),
                TreeError::TooManyValues => RejectReason::TooManyValues { limit: MAX_VALUES },
            },
        };
        self.record(path, &parse_tree(json, MAX_VALUES).map_err(unreadable)?, time, receipt)
    }

    fn record(&self, path: &str, item: &JsonValue<'_>, time: u64, receipt: &Receipt<'_>) -> Result<BackendRecord, RejectedEvent> {
        self.parse_record(path, item, receipt).map_err(|reason| RejectedEvent {
            id: lenient::text(item.get(self.key)).ok().flatten().map(|id| id.chars().take(MAX_ID_CHARS).collect()),
            kind: Some(self.kind.into()),
            time: Some(time),
            reason,
        })
    }

    fn parse_record(&self, path: &str, item: &JsonValue<'_>, receipt: &Receipt<'_>) -> Result<BackendRecord, RejectReason> {
        if !matches!(item, DynValue::Object(_)) {
            return Err(bad_field(path, "an object", item));
        }
        let mut fields = fields::parse(self.fields, path, item, receipt)?;
        let at = fields.iter().position(|(name, _)| name == self.key);
        let key = at.map(|at| fields.remove(at).1);
        let Some(Value::String(id)) = key else { return Err(bad_field(&format!("{path}.{}", self.key), "a string", &DynValue::Null)) };
        Ok(BackendRecord::new(self.resource, id, fields))
    }
}

/// Checks the body of a plug-in's status report. Any object is accepted, because the plug-in could not react to a more precise error.
pub fn check_activity(body: &[u8]) -> Result<(), BodyError> {
    parse_object(body).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_matches_only_the_same_bytes_and_secret() {
        let body = br#"{"time": 1518004715732, "token": "sh0p-t0k3n", "params": {"email": "test@metrilo.com", "tags": ["foo"]} }"#;
        let right = "2c4553edb766d24b891ab79e36b9106e29815573ffde20290ab616c060b5f402";
        assert!(is_signed(body, "m3trilo-secr3t", right));
        assert!(is_signed(body, "m3trilo-secr3t", &right.to_uppercase()));
        for wrong in ["", "zz", &right[1..], &right[2..], "2c", "ü"] {
            assert!(!is_signed(body, "m3trilo-secr3t", wrong), "{wrong}");
        }
        assert!(!is_signed(&body[1..], "m3trilo-secr3t", right));
        assert!(!is_signed(body, "another", right));
    }
}
