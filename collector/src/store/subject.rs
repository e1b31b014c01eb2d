//! The person to erase: how texts mention them, and what was erased.

use serde::Serialize;

/// What an erasure deleted or anonymised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Deleted events: those of the person, and those that mention the e-mail.
    pub events: u64,
    /// Visitors of the person.
    pub visitors: u64,
    /// Deleted customers.
    pub customers: u64,
    /// Deleted carts, imported ones included.
    pub carts: u64,
    /// Anonymised orders.
    pub orders: u64,
    /// Anonymised returns.
    pub returns: u64,
}

/// The person to erase.
#[derive(Debug)]
pub(in crate::store) struct Subject {
    pub(in crate::store) project: i64,
    /// The normalised e-mail.
    pub(in crate::store) email: String,
    spellings: Vec<String>,
}

impl Subject {
    pub(in crate::store) fn new(project: i64, email: String) -> Self {
        let encoded: String = email.bytes().map(percent_encoded).collect();
        let mut spellings = vec![email.clone(), email.replace('@', "%40"), encoded.clone(), encoded.replace('%', "%25")];
        spellings.sort_unstable();
        spellings.dedup();
        Self { project, email, spellings }
    }

    /// Whether a text contains the e-mail, plain or percent-encoded, and not as a part of a longer e-mail.
    pub(in crate::store) fn is_named_in(&self, text: &str) -> bool {
        // Every spelling has one of these characters, and few texts do.
        if !text.contains(['@', '%']) {
            return false;
        }
        let text = text.to_ascii_lowercase();
        self.spellings.iter().any(|spelling| {
            let mut found = text.match_indices(spelling.as_str());
            found.any(|(at, _)| can_start_after(&text[..at]) && can_end_before(&text[at + spelling.len()..]))
        })
    }
}

/// Encodes like `encodeURIComponent`, in lower case.
fn percent_encoded(byte: u8) -> String {
    let is_unreserved = byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    if is_unreserved { char::from(byte).to_string() } else { format!("%{byte:02x}") }
}

/// Whether an e-mail can start after this text.
fn can_start_after(before: &str) -> bool {
    // An escape sequence ends a word, except an encoded plus.
    match before.as_bytes() {
        [.., b'%', b'2', b'b'] | [.., b'%', b'2', b'5', b'2', b'b'] => false,
        [.., b'%', _, _] | [.., b'%', b'2', b'5', _, _] | [.., b'\\', _] | [] => true,
        [.., last] => !last.is_ascii_alphanumeric() && last.is_ascii() && !b"._%+-".contains(last),
    }
}

/// Whether an e-mail can end before this text.
fn can_end_before(after: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    match after.as_bytes() {
        [b'.', next, ..] => !is_word(next),
        [next, ..] => !is_word(next) && !b"-_".contains(next),
        [] => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_found_in_every_encoding_and_not_within_another_email() {
        let subject = Subject::new(1, "jo+b@x.com".into());
        for text in [
            "jo+b@x.com",
            r#"{"a":"JO+B@x.com."}"#,
            "?e=jo%2Bb%40x.com&x",
            "e%3Djo+b%40x.com",
            "?u=e%253Djo%252Bb%2540x.com",
            "mailto:jo+b@x.com",
            r#""\njo+b@x.com""#,
            "jo+b@x.com. Thanks",
        ] {
            assert!(subject.is_named_in(text), "{text}");
        }
        for text in ["mojo+b@x.com", "a.jo+b@x.com", "jo+b@x.com.au", "jo+b@x.community", "jo+b@x.com-x", "jo@x.com", "a%2Bjo%2Bb%40x.com"]
        {
            assert!(!subject.is_named_in(text), "{text}");
        }
    }
}
