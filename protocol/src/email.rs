//! E-mail addresses: letter case and blanks are handled here, once, for both halves.

use crate::str_bytes::{is_blank, split_once, split_where, trim};

/// The longest address.
const BYTES: usize = 254;

/// Returns the address in the form under which a person is known: trimmed, in lower case. None where `text` is no address.
///
/// The test is coarse on purpose: one `@` with something before it and a name after it, no blanks, no control characters, at most 254
/// bytes. A shop's own form decides what it accepts; this only keeps junk such as `undefined` from becoming a person.
///
/// Lower case is for ASCII only: the tables for the rest of Unicode would be the heaviest part of a page's core, and no mail host needs them.
pub fn normalise(text: &str) -> Option<String> {
    let text = trim(text);
    let (local, domain) = split_once(text, b'@');
    let junk = |byte: u8| is_blank(byte) || matches!(byte, b'<' | b'>' | b',' | b';' | b'"');
    let named = !local.is_empty() && is_domain(domain);
    let clean = split_where(text, junk).1.is_empty();
    (named && clean && text.len() <= BYTES).then(|| text.to_ascii_lowercase())
}

/// Returns whether a visitor's name is an e-mail address and not an anonymous id.
pub fn is_email(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@')
}

/// Names and single dots in turn.
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
    fn case_and_blanks_do_not_make_a_second_person() {
        for written in ["a@x.com", " A@X.com\n", "a@X.COM "] {
            assert_eq!(normalise(written).as_deref(), Some("a@x.com"));
        }
        assert_eq!(normalise("+359888@phone_email").as_deref(), Some("+359888@phone_email"));
        assert_eq!(normalise("a+b@x.com").as_deref(), Some("a+b@x.com"));
    }

    #[test]
    fn junk_is_nobody() {
        for junk in
            ["", " ", "undefined", "null", "@", "a@", "@x.com", "a b@x.com", "a@@x.com", "a@x..com", "<a@x.com>", "a@x.com,b@x.com", "a@.x"]
        {
            assert_eq!(normalise(junk), None, "{junk:?}");
        }
    }
}
