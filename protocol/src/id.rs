//! Names that nobody else makes: ids from a time and a seed of random digits.
//!
//! Ids are made of what a call brought with it, so that whoever turns a call into an event makes the same id. A seed is
//! [`SEED_DIGITS`] hexadecimal digits, drawn when the call was made. The first four count the calls of the page, and the rest is random: they
//! come right after the time of a UUID of version 7, so ids of one page grow within a millisecond too, and whoever sorts by them has the
//! order of the calls.

use uuid::Builder;

use crate::json_writer;
use crate::str_bytes::split_at;

/// How many hexadecimal digits a seed has: as many as a visitor's id.
pub const SEED_DIGITS: usize = 42;

/// The hexadecimal digits that a UUID of version 7 takes besides its time.
const UUID_DIGITS: usize = 20;

/// Returns a UUID of version 7 for `time`, in milliseconds since 1970, with chance taken from `seed` at digit `from`.
///
/// Digits that are missing or are none count as zero.
pub fn uuid_v7(time: u64, seed: &str, from: usize) -> String {
    let mut bytes = [0_u8; UUID_DIGITS / 2];
    let mut digits = split_at(seed, from).1.bytes();
    for byte in &mut bytes {
        for _ in 0..2 {
            *byte = *byte << 4 | digits.next().and_then(hex_digit_value).unwrap_or(0);
        }
    }
    let mut text = String::new();
    for byte in Builder::from_unix_timestamp_millis(time, &bytes).into_uuid().into_bytes() {
        if matches!(text.len(), 8 | 13 | 18 | 23) {
            json_writer::push_ascii(&mut text, b'-');
        }
        json_writer::push_hex(&mut text, byte, b'a');
    }
    text
}

/// Returns whether `text` can serve as a seed, and so as an anonymous visitor's id.
pub fn is_seed(text: &str) -> bool {
    text.len() == SEED_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the value of a hexadecimal digit.
pub fn hex_digit_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_gives_the_same_id() {
        let seed = "0123456789abcdef0123456789abcdef0123456789";
        assert!(is_seed(seed));
        assert_eq!(uuid_v7(1_518_004_715_732, seed, 0), "01617021-c0d4-7123-8567-89abcdef0123");
        assert_eq!(uuid_v7(1_518_004_715_732, seed, 0), uuid_v7(1_518_004_715_732, seed, 0));
        assert_ne!(uuid_v7(1_518_004_715_732, seed, 0), uuid_v7(1_518_004_715_732, seed, 21));
    }

    #[test]
    fn a_missing_seed_is_no_reason_to_fail() {
        assert_eq!(uuid_v7(0, "", 9), "00000000-0000-7000-8000-000000000000");
    }
}
