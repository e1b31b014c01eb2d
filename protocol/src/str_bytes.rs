//! Texts taken apart byte by byte.
//!
//! The patterns of the standard library know all of Unicode and search long texts fast; here they would be a fifth of what a page
//! downloads. Every text stays a text: a place inside a longer character is no place to split at.

/// Returns the first `length` bytes of `text` and the rest; all and nothing where no character begins there.
pub fn split_at(text: &str, length: usize) -> (&str, &str) {
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// Returns what stands before the first byte that `stops`, and the rest from that byte on.
pub fn split_where(text: &str, stops: impl Fn(u8) -> bool) -> (&str, &str) {
    split_at(text, text.bytes().take_while(|byte| !stops(*byte)).count())
}

/// Returns the first byte of `text`, 0 where it is empty, and what stands behind it.
pub fn split_first(text: &str) -> (u8, &str) {
    let (sign, rest) = split_at(text, 1);
    (sign.bytes().next().unwrap_or(0), rest)
}

/// Returns what stands before the first `sign` and behind it; all and nothing where there is none.
pub fn split_once(text: &str, sign: u8) -> (&str, &str) {
    let (before, rest) = split_where(text, |byte| byte == sign);
    (before, split_first(rest).1)
}

/// Returns `text` without the blanks at its ends: ASCII's blanks and control characters.
pub fn trim(text: &str) -> &str {
    let (_, text) = split_where(text, |byte| !is_blank(byte));
    let blanks = text.bytes().rev().take_while(|byte| is_blank(*byte)).count();
    split_at(text, text.len() - blanks).0
}

/// Returns whether a byte is one of ASCII's blanks or control characters.
pub fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}
