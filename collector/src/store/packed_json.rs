//! JSON documents as imported records store them: compressed, because most of the text of a document is the names of its attributes.

use lz4_flex::{compress_prepend_size, decompress_size_prepended};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// The text of a document, empty for one that was removed.
pub(in crate::store) struct PackedJson(pub(in crate::store) String);

impl PackedJson {
    /// Returns the value that is stored for a text.
    pub(in crate::store) fn pack(json: &str) -> ToSqlOutput<'static> {
        let packed = if json.is_empty() { Vec::new() } else { compress_prepend_size(json.as_bytes()) };
        ToSqlOutput::Owned(packed.into())
    }
}

impl FromSql for PackedJson {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let packed = value.as_blob()?;
        let other = |error: Box<dyn std::error::Error + Send + Sync>| FromSqlError::Other(error);
        let json = if packed.is_empty() { Vec::new() } else { decompress_size_prepended(packed).map_err(|error| other(error.into()))? };
        String::from_utf8(json).map(Self).map_err(|error| other(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_texts_read_back_and_a_damaged_value_is_an_error() {
        for json in ["", "{}", "{\"id\":\"\u{1f355}\"}", &"{\"name\":1}".repeat(1_000)] {
            let ToSqlOutput::Owned(packed) = PackedJson::pack(json) else { panic!("an owned value") };
            assert_eq!(PackedJson::column_result((&packed).into()).unwrap().0, json);
        }
        assert!(PackedJson::column_result(ValueRef::Blob(&[1])).is_err());
        assert!(PackedJson::column_result(ValueRef::Integer(1)).is_err());
    }
}
