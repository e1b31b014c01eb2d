//! Unique ids from a time and a random seed.
//!
//! An id is derived from the call, so page and collector make the same id from the same call. A seed is [`SEED_DIGITS`] hexadecimal digits,
//! drawn when the call is made. The first four digits count the calls of the page, the rest is random. They follow the time in a UUID of
//! version 7, so the ids of one page sort in the order of the calls, even within a millisecond.

use uuid::{Builder, Uuid};

use crate::json_writer;
use crate::str_bytes::split_at;

/// The number of hexadecimal digits of a seed, and of a visitor id.
pub const SEED_DIGITS: usize = 42;

/// The number of hexadecimal digits in a UUID of version 7 besides its time.
const UUID_DIGITS: usize = 20;

/// The index in a call's seed of the digits for the id of its event.
pub const CALL_SEED_START: usize = 0;

/// The index in a call's seed of the digits for the id of a `land` event before it.
pub const LAND_SEED_START: usize = 21;

/// Returns a UUID of version 7 for `time`, in milliseconds since 1970, with the random part from `seed`, starting at digit `from`.
///
/// Missing and invalid digits count as zero.
pub fn uuid_v7(time: u64, seed: &str, from: usize) -> Uuid {
    let mut bytes = [0_u8; UUID_DIGITS / 2];
    let mut digits = split_at(seed, from).1.bytes();
    for byte in &mut bytes {
        for _ in 0..2 {
            *byte = *byte << 4 | digits.next().and_then(hex_digit_value).unwrap_or(0);
        }
    }
    Builder::from_unix_timestamp_millis(time, &bytes).into_uuid()
}

/// Returns the text of a UUID. Not that of the `uuid` crate, which is larger.
pub fn uuid_text(uuid: Uuid) -> String {
    let mut text = String::new();
    for byte in uuid.into_bytes() {
        if matches!(text.len(), 8 | 13 | 18 | 23) {
            json_writer::push_ascii(&mut text, b'-');
        }
        json_writer::push_hex(&mut text, byte, b'a');
    }
    text
}

/// Returns the value of a hexadecimal digit; None for any other byte.
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
    fn same_call_gives_the_same_id() {
        let seed = "0123456789abcdef0123456789abcdef0123456789";
        assert_eq!(uuid_text(uuid_v7(1_518_004_715_732, seed, 0)), "01617021-c0d4-7123-8567-89abcdef0123");
        assert_eq!(uuid_v7(1_518_004_715_732, seed, 0), uuid_v7(1_518_004_715_732, seed, 0));
        assert_ne!(uuid_v7(1_518_004_715_732, seed, 0), uuid_v7(1_518_004_715_732, seed, 21));
    }

    #[test]
    fn missing_seed_gives_an_id_of_zeros() {
        assert_eq!(uuid_text(uuid_v7(0, "", 9)), "00000000-0000-7000-8000-000000000000");
    }
}
