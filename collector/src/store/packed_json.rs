//! JSON documents as imported records store them.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::packed::{pack, unpack};

/// The text of a document, empty for one that was removed.
pub(in crate::store) struct PackedJson(pub(in crate::store) String);

impl PackedJson {
    /// Returns the value that is stored for a text.
    pub(in crate::store) fn pack(json: &str) -> ToSqlOutput<'static> {
        let packed = if json.is_empty() { Vec::new() } else { pack(json) };
        ToSqlOutput::Owned(packed.into())
    }
}

impl FromSql for PackedJson {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let packed = value.as_blob()?;
        let json = if packed.is_empty() { Ok(String::new()) } else { unpack(packed) };
        json.map(Self).map_err(FromSqlError::Other)
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
