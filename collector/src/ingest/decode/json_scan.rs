//! What can be told of JSON by its bytes alone: where a string may end, and whether a number is printed as we print it.

/// How many digits a number with a fraction may have so that a float of it prints as the same digits.
const DIGITS: usize = 15;

/// How many digits a whole number may have to be sure to fit into 64 bits.
const WHOLE_DIGITS: usize = 18;

/// How many zeros may follow the point before the number is printed with an exponent.
const ZEROS: usize = 5;

/// Returns where the first byte from `at` on stands that a string cannot hold as it is, or the end.
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((word, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        // The top bit of a byte is set where that byte is less than `limit`. Bytes behind such a one may be marked wrongly.
        let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
        // With its second bit turned, a quotation mark is a blank, and only control characters are less.
        let found = (below(word ^ (ONES * 2), b' ' + 1) | below(word ^ (ONES * u64::from(b'\\')), 1)) & TOPS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        (rest, at) = (behind, at + 8);
    }
    at + rest.iter().take_while(|byte| **byte >= b' ' && !matches!(byte, b'"' | b'\\')).count()
}

/// Returns whether a number is written as [`JsonTree`](super::JsonTree) has it, without asking for those that it takes arithmetic to tell.
pub(super) fn is_printed_so(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    if whole.is_empty() || !digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return false;
    }
    match fraction {
        None => whole.len() <= WHOLE_DIGITS && text != "-0",
        Some(fraction) => {
            let zeros = fraction.bytes().take_while(|byte| *byte == b'0').count();
            let plain = !fraction.is_empty() && digits(fraction) && !fraction.ends_with('0');
            plain && whole.len() + fraction.len() <= DIGITS && (whole != "0" || zeros <= ZEROS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::JsonTree;
    use super::*;
    use proptest::prelude::*;
    use tillroll_protocol::dyn_value::DynValue;

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![9 => any::<u8>(), 1 => prop::sample::select(b"\"\\ !#[]".to_vec())], 0..40), at in 0..40_usize) {
            let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
            let at = at.min(bytes.len());
            prop_assert_eq!(special(&bytes, at), at + bytes[at..].iter().take_while(|byte| plain(byte)).count());
        }

        #[test]
        fn a_number_that_is_printed_so_is_printed_so(text in "-?[0-9]{1,20}(\\.[0-9]{0,18})?([eE][+-]?[0-9]{1,2})?") {
            if is_printed_so(&text) {
                let JsonTree(read) = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read, DynValue::Number(text));
            }
        }
    }
}
