//! Decodes a text until nothing changes: percent-encoding, the escape sequences of JSON, and numeric entities of HTML, nested in each other as
//! deep as they are. One pass over the text: each decoded character is looked at again together with those before it, so the cost is
//! proportional to the length whatever the nesting.

use tillroll_protocol::email;

/// The longest sequence that is decoded, in bytes: an entity with seven digits.
const MAX_SEQUENCE_BYTES: usize = 10;

/// Returns the decoded text in lower case, and of each byte whether it was encoded. Characters without a width are left out.
pub(super) fn decode_fully(text: &str) -> (String, Vec<bool>) {
    let (mut out, mut escaped) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
    for byte in text.bytes() {
        out.push(byte.to_ascii_lowercase());
        escaped.push(false);
        while let Some((length, decoded)) = sequence_at_end(&out) {
            let start = out.len() - length;
            out.truncate(start);
            escaped.truncate(start);
            let mut buffer = [0; 4];
            let bytes = match decoded {
                Decoded::Byte(byte) => {
                    buffer[0] = byte.to_ascii_lowercase();
                    &buffer[..1]
                }
                Decoded::Char(letter) => letter.encode_utf8(&mut buffer).as_bytes(),
            };
            out.extend(bytes.iter().map(u8::to_ascii_lowercase));
            escaped.resize(out.len(), true);
        }
    }
    without_invisible(&out, &escaped)
}

enum Decoded {
    Byte(u8),
    Char(char),
}

/// Returns the length of the sequence at the end of a text, and what it means.
fn sequence_at_end(text: &[u8]) -> Option<(usize, Decoded)> {
    let last = *text.last()?;
    match text {
        [.., b'%', high, low] => {
            let byte = hex(*high)? << 4 | hex(*low)?;
            return Some((3, Decoded::Byte(u8::try_from(byte).ok()?)));
        }
        [.., b'\\', b'u', a, b, c, d] => {
            let unit = hex(*a)? << 12 | hex(*b)? << 8 | hex(*c)? << 4 | hex(*d)?;
            return Some((6, Decoded::Char(char::from_u32(unit).unwrap_or(' '))));
        }
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => return Some((2, Decoded::Byte(b' '))),
        [.., b'\\', b'"' | b'\\' | b'/'] => return Some((2, Decoded::Byte(last))),
        [.., b';'] => {}
        _ => return None,
    }
    let start = text.iter().rev().take(MAX_SEQUENCE_BYTES).position(|byte| *byte == b'&')?;
    let entity = text.get(text.len() - start - 1..)?;
    let digits = std::str::from_utf8(entity.strip_prefix(b"&#")?.strip_suffix(b";")?).ok()?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((entity.len(), Decoded::Char(char::from_u32(code)?)))
}

fn hex(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

fn without_invisible(text: &[u8], escaped: &[bool]) -> (String, Vec<bool>) {
    let (mut out, mut flags) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if !email::is_invisible(letter) {
                out.push(letter);
                flags.resize(out.len(), escaped.get(at).copied().unwrap_or_default());
            }
            at += letter.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            out.push(' ');
            flags.push(true);
            at += chunk.invalid().len();
        }
    }
    (out, flags)
}
