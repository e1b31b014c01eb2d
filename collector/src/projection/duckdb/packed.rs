//! Documents as the file stores them: compressed by the collector, each by itself. The engine writes and flushes half their bytes, spends no time
//! on finding a method for them, and a search reads the documents of its page only.

use crate::metrics::document::Record;
use crate::packed::{self, JsonText};
use crate::projection::rows::ColumnValue;

/// Returns a whole record as the file stores it: what the store has, if that is the record's own JSON.
pub(super) fn whole(json: &JsonText, text: &str, record: &Record) -> ColumnValue {
    ColumnValue::Packed(match json {
        JsonText::Packed(packed) if is_canonical(text, record) => packed.clone(),
        _ => packed::pack(&record.to_json()),
    })
}

/// Returns whether the JSON of which a record was parsed is what it is written as, if the store wrote it. An erasure can leave empty objects and
/// lists, and a record that an older version stored can have attributes that this one does not have.
fn is_canonical(json: &str, record: &Record) -> bool {
    record.ignored == 0 && !json.contains("{}") && !json.contains("[]")
}

/// Returns the text of a stored value, or None if the value is damaged.
pub(super) fn unpack(packed: &[u8]) -> Option<String> {
    let unpacked = packed::unpack(packed).ok();
    if unpacked.is_none() {
        tracing::error!("a document of the projection is damaged");
    }
    unpacked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::RecordKind;
    use crate::metrics::document;

    #[test]
    fn what_the_store_has_is_taken_over_unless_the_record_is_written_otherwise() {
        for (json, expected) in [
            (r#"{"customer":{"id":"c"},"id":"1"}"#, None),
            (r#"{"customer":{},"id":"1"}"#, Some(r#"{"id":"1"}"#)),
            (r#"{"id":"1","tags":[]}"#, Some(r#"{"id":"1"}"#)),
            (r#"{"id":"1","name":"of an older version"}"#, Some(r#"{"id":"1"}"#)),
        ] {
            let packed = packed::pack(json);
            let record = document::parse_lenient(RecordKind::Orders, json).unwrap();
            let stored = JsonText::Packed(packed.clone());
            let value = expected.map_or(packed, packed::pack);
            assert_eq!(whole(&stored, json, &record), ColumnValue::Packed(value), "{json}");
            let derived = JsonText::Plain(json.into());
            assert_eq!(whole(&derived, json, &record), ColumnValue::Packed(packed::pack(expected.unwrap_or(json))), "{json}");
        }
    }
}
