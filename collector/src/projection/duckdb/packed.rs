//! Documents as the file stores them: compressed by the collector, each by itself. The engine writes and flushes half their bytes, spends no time
//! on finding a method for them, and a search reads the documents of its page only.

use lz4_flex::{compress_prepend_size, decompress_size_prepended};

/// Returns the value that is stored for a text.
pub(super) fn pack(json: &str) -> Vec<u8> {
    compress_prepend_size(json.as_bytes())
}

/// Returns the text of a stored value, or None if the value is damaged.
pub(super) fn unpack(packed: &[u8]) -> Option<String> {
    let unpacked = decompress_size_prepended(packed).ok().and_then(|text| String::from_utf8(text).ok());
    if unpacked.is_none() {
        tracing::error!("a document of the projection is damaged");
    }
    unpacked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_documents_read_back_and_a_damaged_value_is_none() {
        for json in ["", "{}", "{\"id\":\"\u{1f355}\"}", &"{\"name\":1}".repeat(1_000)] {
            assert_eq!(unpack(&pack(json)).as_deref(), Some(json));
        }
        assert_eq!(unpack(&[1]), None);
        assert_eq!(unpack(&pack("{}")[..5]), None);
    }
}
