//! A minimal JSON writer: `serde_json` would be larger than the rest of the page's core.
//!
//! Each function appends to the caller's string.

use crate::str_bytes::{split_first, split_where};

/// Appends an ASCII character.
pub fn push_ascii(out: &mut String, character: u8) {
    out.push(char::from(character & 0x7f));
}

/// Appends `text` as a JSON string, with quotes.
pub fn push_string(out: &mut String, text: &str) {
    push_ascii(out, b'"');
    let mut rest = text;
    loop {
        let (plain, special) = split_where(rest, |byte| byte < b' ' || byte == b'"' || byte == b'\\');
        out.push_str(plain);
        if special.is_empty() {
            break;
        }
        let (byte, after) = split_first(special);
        push_ascii(out, b'\\');
        if byte < b' ' {
            out.push_str("u00");
            push_hex(out, byte, b'a');
        } else {
            push_ascii(out, byte);
        }
        rest = after;
    }
    push_ascii(out, b'"');
}

/// Appends the two hexadecimal digits of `byte`; `letter` is the `a` or the `A` to use.
pub fn push_hex(out: &mut String, byte: u8, letter: u8) {
    for digit in [byte >> 4, byte & 15] {
        push_ascii(out, if digit < 10 { b'0' + digit } else { letter - 10 + digit });
    }
}

/// Appends `"name":`, after a comma unless it is the first property.
pub fn push_key(out: &mut String, name: &str) {
    push_comma(out);
    push_string(out, name);
    push_ascii(out, b':');
}

/// Appends a property with a string value.
pub fn push_field(out: &mut String, name: &str, text: &str) {
    push_key(out, name);
    push_string(out, text);
}

/// Appends a comma unless a list or an object starts here.
pub fn push_comma(out: &mut String) {
    if !matches!(out.as_bytes().last(), Some(b'{' | b'[')) {
        push_ascii(out, b',');
    }
}

/// Appends a whole number.
// Not inlined: 50 bytes of brotli.
#[inline(never)]
pub fn push_integer(out: &mut String, number: u64) {
    if number >= 10 {
        push_integer(out, number / 10);
    }
    push_ascii(out, b'0' + (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_json_is_parsed_back(text: String, number: u64) {
            let mut out = String::from("[");
            push_string(&mut out, &text);
            push_comma(&mut out);
            push_integer(&mut out, number);
            out.push(']');
            let read: (String, u64) = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, (text, number));
        }
    }

    #[test]
    fn comma_stands_between_properties() {
        let mut out = String::from("{");
        push_field(&mut out, "a", "1");
        push_field(&mut out, "b", "{");
        out.push('}');
        assert_eq!(out, r#"{"a":"1","b":"{"}"#);
    }
}
