//! Documents as the store and the embedded analytics engine keep them: JSON, compressed, each by itself. Both have the same form, so that the
//! engine takes over what the store has. Most of the text of a document is the names of its attributes.

use std::borrow::Cow;
use std::error::Error;

use lz4_flex::{compress_prepend_size, decompress_size_prepended};

/// The JSON of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonText {
    /// The text itself.
    Plain(String),
    /// Its compressed form.
    Packed(Vec<u8>),
}

impl JsonText {
    /// Returns the text. Fails if the compressed form is damaged.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, Box<dyn Error + Send + Sync>> {
        match self {
            Self::Plain(text) => Ok(Cow::Borrowed(text)),
            Self::Packed(packed) => unpack(packed).map(Cow::Owned),
        }
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Packed(packed) => packed.len(),
        }
    }
}

/// Returns the compressed form of a text.
pub(crate) fn pack(json: &str) -> Vec<u8> {
    compress_prepend_size(json.as_bytes())
}

/// Returns the text of a compressed form. Fails if that is damaged.
pub(crate) fn unpack(packed: &[u8]) -> Result<String, Box<dyn Error + Send + Sync>> {
    Ok(String::from_utf8(decompress_size_prepended(packed)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_documents_read_back_and_a_damaged_one_is_an_error() {
        for json in ["", "{}", "{\"id\":\"\u{1f355}\"}", &"{\"name\":1}".repeat(1_000)] {
            assert_eq!(unpack(&pack(json)).unwrap(), json);
        }
        assert!(unpack(&[1]).is_err());
        assert!(unpack(&pack("{}")[..5]).is_err());
    }
}
