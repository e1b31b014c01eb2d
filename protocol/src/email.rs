//! The rule of e-mail addresses: what is one, and its normalised form. Page and collector use this one rule.

use crate::str_bytes::{is_space_or_control, split_once, split_where, trim};

/// The longest address, as in RFC 5321.
const MAX_BYTES: usize = 254;

/// Returns the address trimmed and in lower case; None if `text` is not an e-mail address.
///
/// The check is coarse on purpose: one `@`, a non-empty local part, a domain, no spaces, no control characters, at most 254 bytes. The shop's
/// form decides which addresses it accepts; this check only rejects values such as `undefined`.
///
/// Only ASCII letters become lower case: Unicode tables would be the largest part of the page's core, and no mail host needs them.
pub fn normalise(text: &str) -> Option<String> {
    let text = trim(text);
    let (local, domain) = split_once(text, b'@');
    let is_junk = |byte: u8| is_space_or_control(byte) || matches!(byte, b'<' | b'>' | b',' | b';' | b'"');
    let has_parts = !local.is_empty() && is_domain(domain);
    let is_clean = split_where(text, is_junk).1.is_empty();
    (has_parts && is_clean && text.len() <= MAX_BYTES).then(|| text.to_ascii_lowercase())
}

/// Returns whether the value of the visitor cookie is an e-mail address, not an anonymous id.
pub fn is_email(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@')
}

/// Returns whether `domain` is labels separated by single dots.
fn is_domain(domain: &str) -> bool {
    let mut before = b'.';
    for byte in domain.bytes() {
        if byte == b'@' || (byte == b'.' && before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_and_spaces_are_normalised() {
        for written in ["a@x.com", " A@X.com\n", "a@X.COM "] {
            assert_eq!(normalise(written).as_deref(), Some("a@x.com"));
        }
        assert_eq!(normalise("+359888@phone_email").as_deref(), Some("+359888@phone_email"));
        assert_eq!(normalise("a+b@x.com").as_deref(), Some("a+b@x.com"));
    }

    #[test]
    fn junk_is_rejected() {
        for junk in
            ["", " ", "undefined", "null", "@", "a@", "@x.com", "a b@x.com", "a@@x.com", "a@x..com", "<a@x.com>", "a@x.com,b@x.com", "a@.x"]
        {
            assert_eq!(normalise(junk), None, "{junk:?}");
        }
    }
}
