//! Lone surrogates in JSON: halves of a character that a sender cut in two, such as `"\ud83d"`.
//!
//! JSON allows them and Rust's strings do not, so one cut emoji would make a whole request unreadable. Each becomes U+FFFD, as in a browser.

use bytes::Bytes;
use memchr::memchr2;

/// The escape sequence of U+FFFD; as long as that of a surrogate.
const REPLACEMENT_ESCAPE: &[u8] = b"\\ufffd";

/// U+FFFD in UTF-8; as long as a surrogate that was written as if it were a character.
const REPLACEMENT: &[u8] = b"\xef\xbf\xbd";

/// Returns JSON with U+FFFD in place of each lone surrogate. Other bytes stay as they are, whether or not they are JSON.
pub fn replace_lone_surrogates(json: Bytes) -> Bytes {
    let lone = lone_surrogates(&json);
    if lone.is_empty() {
        return json;
    }
    let mut json = Vec::from(json);
    for (at, replacement) in lone {
        if let Some(target) = json.get_mut(at..at + replacement.len()) {
            target.copy_from_slice(replacement);
        }
    }
    json.into()
}

/// Returns where each lone surrogate starts, and what replaces it.
fn lone_surrogates(json: &[u8]) -> Vec<(usize, &'static [u8])> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = json.get(at..).and_then(|rest| memchr2(b'\\', 0xed, rest)) {
        at += step;
        let here = json.get(at..).unwrap_or_default();
        at += match here {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => {
                found.push((at, REPLACEMENT));
                3
            }
            [0xed, ..] => 1,
            _ => match (escaped_unit(here), here.get(6..).and_then(escaped_unit)) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
                (Some(0xd800..0xe000), _) => {
                    found.push((at, REPLACEMENT_ESCAPE));
                    6
                }
                // The next byte is escaped, perhaps a backslash.
                _ => 2,
            },
        };
    }
    found
}

/// Returns the UTF-16 unit of an escape sequence at the start of a text.
fn escaped_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(json: &[u8]) -> String {
        String::from_utf8(replace_lone_surrogates(Bytes::copy_from_slice(json)).into()).unwrap()
    }

    #[test]
    fn only_lone_surrogates_are_replaced() {
        for (json, expected) in [
            (r#""a""#, r#""a""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uD83D x""#, r#""\ufffd x""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\u00e9\ud83""#, r#""\u00e9\ud83""#),
            (r"\", r"\"),
            ("\u{d7ff}\u{e000}í", "\u{d7ff}\u{e000}í"),
        ] {
            assert_eq!(replaced(json.as_bytes()), expected);
        }
        assert_eq!(replaced(b"\"\xed\xa0\xbdx\xed\xb8\x80\""), "\"\u{fffd}x\u{fffd}\"");
    }
}
