//! Sets attributes of a document.

use serde_json::{Map, Value};

/// Sets an attribute, unless the value is None.
pub(super) fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.into(), value.into());
    }
}
