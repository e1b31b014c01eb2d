//! The rule of e-mail addresses: what is one, and its normalised form. Page and collector use this one rule.

use crate::str_bytes::{is_space_or_control, split_at, split_once, split_where, trim};

/// The longest address, as in RFC 5321.
const MAX_BYTES: usize = 254;

/// Returns the address trimmed and in lower case; None if `text` is not an e-mail address.
///
/// The check is coarse on purpose: one `@`, a non-empty local part, a domain, no blanks, no control characters, at most 254 bytes. The shop's
/// form decides which addresses it accepts; this check only rejects values such as `undefined`. Blanks of any alphabet at the ends, and
/// characters that are not visible, come with copied addresses and are left out: they do not make another person.
///
/// Only ASCII letters become lower case: Unicode tables would be the largest part of the page's core, and no mail host needs them.
pub fn normalise(text: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let (given, others) = split_at(rest, letter.len_utf8());
        if !is_invisible(letter) {
            plain.push_str(if is_blank(letter) { " " } else { given });
        }
        rest = others;
    }
    plain.make_ascii_lowercase();
    let text = trim(&plain);
    let (local, domain) = split_once(text, b'@');
    let is_junk = |byte: u8| is_space_or_control(byte) || matches!(byte, b'<' | b'>' | b',' | b';' | b'"');
    let has_parts = !local.is_empty() && is_domain(domain);
    let is_clean = split_where(text, is_junk).1.is_empty();
    (has_parts && is_clean && text.len() <= MAX_BYTES).then(|| text.into())
}

/// Returns whether a character has no width: byte order marks, joiners, directions, soft hyphens.
pub fn is_invisible(letter: char) -> bool {
    matches!(u32::from(letter), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff)
}

/// Returns whether a character beyond ASCII is a blank.
fn is_blank(letter: char) -> bool {
    matches!(u32::from(letter), 0x85 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000)
}

/// Returns whether the value of the visitor cookie is an e-mail address, not an anonymous id.
pub fn is_email(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@')
}

/// Returns the address that a visitor id is; None if the id only resembles one.
///
/// Senders choose ids as they like. So an id such as `a@x.com-phone` remains an id: no domain ends in a label with a hyphen or a digit, other
/// than those of other alphabets, which begin with `xn--`.
pub fn of_visitor_id(id: &str) -> Option<String> {
    if !is_email(id) {
        return None;
    }
    let last_label = id.rsplit(['@', '.']).next()?;
    let is_usual = last_label.starts_with("xn--") || !last_label.bytes().any(|byte| byte == b'-' || byte.is_ascii_digit());
    normalise(id).filter(|_| is_usual)
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
        for written in [
            "a@x.com",
            " A@X.com\n",
            "a@X.COM ",
            "\u{a0}a@x.com\u{a0}",
            "\u{3000}a@x.com\u{2009}",
            "\u{feff}a@x.com",
            "a@x.com\u{200b}",
            "a\u{200d}@x\u{2060}.com\u{ad}",
            "\u{202a}a@x.com\u{202c}",
        ] {
            assert_eq!(normalise(written).as_deref(), Some("a@x.com"));
        }
        assert_eq!(normalise("+359888@phone_email").as_deref(), Some("+359888@phone_email"));
        assert_eq!(normalise("a+b@x.com").as_deref(), Some("a+b@x.com"));
    }

    #[test]
    fn junk_is_rejected() {
        for junk in [
            "",
            " ",
            "undefined",
            "null",
            "@",
            "a@",
            "@x.com",
            "a b@x.com",
            "a\u{a0}b@x.com",
            "a\u{3000}@x.com",
            "a@@x.com",
            "a@x..com",
            "<a@x.com>",
            "a@x.com,b@x.com",
            "a@.x",
        ] {
            assert_eq!(normalise(junk), None, "{junk:?}");
        }
    }
}
