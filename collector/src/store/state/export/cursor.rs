//! A position in the export of a resource. Its text is opaque to clients.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::resource::Resource;

/// A position: after the item with this key, or before the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCursor(Option<Key>);

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(String),
    Bytes(Vec<u8>),
    /// The id of an imported record. Imported records follow the rows of the state.
    Imported(String),
}

impl ListCursor {
    /// Before the first item.
    pub const START: Self = Self(None);

    pub(super) fn after(key: Key) -> Self {
        Self(Some(key))
    }

    pub(super) fn key(&self) -> Option<&Key> {
        self.0.as_ref()
    }

    /// Parses the cursor of an export of this resource. Returns None if the text is not valid or belongs to another resource.
    pub fn parse(resource: Resource, text: &str) -> Option<Self> {
        let letter = letter(resource)?;
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        if let Some(text) = text.strip_prefix(letter.to_ascii_uppercase()) {
            return Some(Self::after(Key::Imported(String::from_utf8(decode(text)?).ok()?)));
        }
        let bytes = decode(text.strip_prefix(letter)?)?;
        let key = if has_text_ids(resource) { Key::Text(String::from_utf8(bytes).ok()?) } else { Key::Bytes(bytes) };
        Some(Self::after(key))
    }

    pub(super) fn to_text(&self, resource: Resource) -> String {
        let Some(letter) = letter(resource) else { return String::new() };
        let (letter, key) = match &self.0 {
            Some(Key::Imported(id)) => (letter.to_ascii_uppercase(), id.as_bytes()),
            Some(Key::Text(text)) => (letter, text.as_bytes()),
            Some(Key::Bytes(bytes)) => (letter, bytes.as_slice()),
            None => (letter, &[] as &[u8]),
        };
        let mut out = String::from(letter);
        BASE64_URL_SAFE_NO_PAD.encode_string(key, &mut out);
        out
    }
}

/// The first letter of a cursor names the resource.
fn letter(resource: Resource) -> Option<char> {
    match resource {
        Resource::Events => None,
        Resource::Customers => Some('u'),
        Resource::Categories => Some('g'),
        Resource::Products => Some('p'),
        Resource::Orders => Some('o'),
        Resource::Carts => Some('c'),
        Resource::Returns => Some('r'),
    }
}

/// Whether the ids of a resource are texts. Carts and returns have the ids of events.
pub(super) fn has_text_ids(resource: Resource) -> bool {
    !matches!(resource, Resource::Carts | Resource::Returns)
}
