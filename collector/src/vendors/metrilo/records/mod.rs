//! Metrilo's backend API: customers, categories, products and orders, one or many in a request.
//!
//! What comes out is a [`BackendRecord`]: the fields that were really said, under the names of the API. What was left out, or said to be empty, is
//! not in it and changes nothing in the store. Fields that merge instead of overriding become one field for each of their parts.

mod fields;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tillroll_protocol::dyn_value::DynValue;

use self::fields::Field;
use crate::ingest::decode::{RejectReason, RejectedEvent, bad};
use crate::resource::Resource;
use crate::store::BackendRecord;
use crate::vendors::Envelope;
use crate::vendors::metrilo::lenient;

/// An endpoint and what it takes.
#[derive(Debug)]
pub struct Endpoint {
    /// Its address, without a version.
    pub path: &'static str,
    /// Whether a request without a digest is taken.
    pub open: bool,
    kind: &'static str,
    resource: Resource,
    key: &'static str,
    fields: &'static [Field],
    many: bool,
}

const fn one(path: &'static str, kind: &'static str, resource: Resource, key: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint { path, open: false, kind, resource, key, fields, many: false }
}

const fn many(path: &'static str, kind: &'static str, resource: Resource, key: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint { many: true, ..one(path, kind, resource, key, fields) }
}

/// Every endpoint.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint { open: true, ..one("/customer", "customer", Resource::Customers, "email", fields::CUSTOMER) },
    many("/customer/batch", "customer", Resource::Customers, "email", fields::CUSTOMER),
    one("/customer/tag", "customer_tag", Resource::Customers, "email", fields::TAG),
    one("/customer/untag", "customer_untag", Resource::Customers, "email", fields::UNTAG),
    one("/category", "category", Resource::Categories, "id", fields::CATEGORY),
    many("/category/batch", "category", Resource::Categories, "id", fields::CATEGORY),
    one("/product", "product", Resource::Products, "id", fields::PRODUCT),
    many("/product/batch", "product", Resource::Products, "id", fields::PRODUCT),
    one("/order", "order", Resource::Orders, "id", fields::ORDER),
    many("/order/batch", "order", Resource::Orders, "id", fields::ORDER),
];

/// The lists that an export prints. Any field may be missing but the one that names the thing.
const LISTS: &[Endpoint] = &[
    one("customers", "customer", Resource::Customers, "email", fields::LISTED_CUSTOMER),
    one("categories", "category", Resource::Categories, "id", fields::LISTED_CATEGORY),
    one("products", "product", Resource::Products, "id", fields::LISTED_PRODUCT),
    one("orders", "order", Resource::Orders, "id", fields::LISTED_ORDER),
];

/// Reads a thing back that the list of this name printed.
pub fn listed(list: &str, item: &DynValue) -> Result<BackendRecord, RejectReason> {
    let list = LISTS.iter().find(|known| known.path == list).ok_or_else(|| RejectReason::UnknownType(list.into()))?;
    list.fields_of("record", item)
}

/// Returns whether `digest` is the hexadecimal HMAC-SHA256 of `body` keyed by `secret`. How long it takes tells nothing about the secret.
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

/// The records of a request, each good or refused by itself.
#[derive(Debug)]
pub struct Told {
    /// When it was said, by the sender's clock, in milliseconds since 1970.
    pub time: u64,
    /// What was said.
    pub records: Vec<Result<BackendRecord, RejectedEvent>>,
}

impl Endpoint {
    /// Whether a request holds many records, so that a bad one must not cost the others.
    pub fn takes_many(&self) -> bool {
        self.many
    }

    /// Reads the records of a request. An error concerns the request as a whole.
    pub fn read(&self, envelope: &Envelope) -> Result<Told, RejectReason> {
        let members = &envelope.members;
        let unread = |_| bad("time", "a time in milliseconds since 1970", members.get("time"));
        let time = lenient::moment(members.get("time")).map_err(unread)?.ok_or_else(|| unread(lenient::Unparsable))?;
        let records = if self.many {
            let batch = members.get("batch");
            let list = lenient::list(batch).ok().flatten().ok_or_else(|| bad("batch", "a list", batch))?;
            list.iter().enumerate().map(|(at, (_, item))| self.record(&format!("batch[{at}]"), item, time)).collect()
        } else {
            vec![self.record("params", members.get("params"), time)]
        };
        Ok(Told { time, records })
    }

    fn record(&self, path: &str, item: &DynValue, time: u64) -> Result<BackendRecord, RejectedEvent> {
        self.fields_of(path, item).map_err(|reason| RejectedEvent {
            id: lenient::text(item.get(self.key)).ok().flatten().map(|id| id.chars().take(64).collect()),
            kind: Some(self.kind.into()),
            time: Some(time),
            reason,
        })
    }

    fn fields_of(&self, path: &str, item: &DynValue) -> Result<BackendRecord, RejectReason> {
        if !matches!(item, DynValue::Object(_)) {
            return Err(bad(path, "an object", item));
        }
        let mut found = fields::read(self.fields, path, item)?;
        let at = found.iter().position(|(name, _)| name == self.key);
        let key = at.map(|at| found.remove(at).1);
        let Some(Value::String(id)) = key else { return Err(bad(&format!("{path}.{}", self.key), "a string", &DynValue::Null)) };
        Ok(BackendRecord { resource: self.resource, id, fields: found })
    }
}

/// What a plug-in says of itself when it is set up: whether the words are known ones is nothing that it could do anything about.
pub fn activity(body: &[u8]) -> Result<(), crate::Error> {
    crate::vendors::envelope::object(body).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_these_very_bytes() {
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
