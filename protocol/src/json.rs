//! Writing JSON, by hand because `serde_json` would weigh more than the rest of the page's core together.
//!
//! Everything here appends to a string that the caller owns.

/// Appends `text` as a JSON string, quotes included.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => escape(out, control),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends `"name":`, after a comma unless it opens the object.
pub fn key(out: &mut String, name: &str) {
    separate(out);
    string(out, name);
    out.push(':');
}

/// Appends a member whose value is a string.
pub fn member(out: &mut String, name: &str, text: &str) {
    key(out, name);
    string(out, text);
}

/// Appends a comma unless a list or an object was just opened.
pub fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

/// Appends a whole number.
pub fn integer(out: &mut String, number: u64) {
    let mut rest = number;
    let mut scale = 1_u64;
    while rest / scale >= 10 {
        scale *= 10;
    }
    while scale > 0 {
        let digit = (rest / scale) as u8;
        out.push(char::from(b'0' + digit));
        rest %= scale;
        scale /= 10;
    }
}

fn escape(out: &mut String, control: char) {
    out.push_str("\\u00");
    for shift in [4, 0] {
        let digit = (control as u32 >> shift) & 15;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(text: String, number: u64) {
            let mut out = String::from("[");
            string(&mut out, &text);
            separate(&mut out);
            integer(&mut out, number);
            out.push(']');
            let read: (String, u64) = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, (text, number));
        }
    }

    #[test]
    fn members_are_separated_and_the_first_is_not() {
        let mut out = String::from("{");
        member(&mut out, "a", "1");
        member(&mut out, "b", "{");
        out.push('}');
        assert_eq!(out, r#"{"a":"1","b":"{"}"#);
    }
}
