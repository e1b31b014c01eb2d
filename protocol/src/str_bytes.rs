//! String splitting by bytes.
//!
//! The patterns of the standard library handle all of Unicode and are fast on long strings; here they would be a fifth of the page's
//! download. A string is never split inside a character.

// Not inlined: called from everywhere; 300 bytes of brotli.
/// Splits `text` after `length` bytes; returns all of it and an empty rest if that is not a character boundary.
#[inline(never)]
pub fn split_at(text: &str, length: usize) -> (&str, &str) {
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// Splits `text` before the first byte that matches `stops`.
pub fn split_where(text: &str, stops: impl Fn(u8) -> bool) -> (&str, &str) {
    split_at(text, text.bytes().take_while(|byte| !stops(*byte)).count())
}

/// Returns the first byte of `text`, or 0 if it is empty, and the rest.
pub fn split_first(text: &str) -> (u8, &str) {
    let (sign, rest) = split_at(text, 1);
    (sign.bytes().next().unwrap_or(0), rest)
}

/// Returns the text before and after the first `sign`; all of it and an empty rest if there is none.
#[inline(never)]
pub fn split_once(text: &str, sign: u8) -> (&str, &str) {
    let (before, rest) = split_where(text, |byte| byte == sign);
    (before, split_first(rest).1)
}

/// Removes ASCII spaces and control characters from both ends.
pub fn trim(text: &str) -> &str {
    let (_, text) = split_where(text, |byte| !is_space_or_control(byte));
    let trailing = text.bytes().rev().take_while(|byte| is_space_or_control(*byte)).count();
    split_at(text, text.len() - trailing).0
}

/// Returns whether a byte is an ASCII space or control character.
pub fn is_space_or_control(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}
