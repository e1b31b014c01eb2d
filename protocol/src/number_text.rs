//! Numbers as decimal text. Parsing and printing floats would be too large for a page, and would round money.

use crate::str_bytes::{split_at, split_first, split_where, trim};
use crate::{json_writer, limits};

/// The number of digits that always fit into 64 bits.
const MAX_INTEGER_DIGITS: usize = 19;

/// The greatest number of digits before the decimal point, and after it, of a normalised number.
const MAX_DECIMAL_DIGITS: usize = 15;

/// The longest number, without its exponent, that fits a float.
const MAX_FLOAT_CHARS: usize = 200;

/// Returns whether `text` is a JSON number.
pub fn is_json_number(text: &str) -> bool {
    let (_, text) = skip(text, |sign| sign == b'-');
    let (whole, text) = leading_digits(text);
    let (point, text) = skip(text, |sign| sign == b'.');
    let (fraction, text) = leading_digits(text);
    let (exponent, text) = skip(text, |sign| sign | 0x20 == b'e');
    let (_, text) = if exponent { skip(text, |sign| matches!(sign, b'+' | b'-')) } else { (false, text) };
    let (power, text) = leading_digits(text);
    let leading_zero = whole.len() > 1 && split_first(whole).0 == b'0';
    !whole.is_empty() && !leading_zero && point != fraction.is_empty() && exponent != power.is_empty() && text.is_empty()
}

/// Returns whether the JSON number `text` fits an f64: at most 200 characters, and at most two digits of exponent.
pub fn fits_f64(text: &str) -> bool {
    let (plain, power) = split_where(text, |sign| sign | 0x20 == b'e');
    plain.len() <= MAX_FLOAT_CHARS && power.bytes().filter(u8::is_ascii_digit).count() <= 2
}

/// Returns a number as JavaScript prints it, so that it has the same text when it is read again.
pub fn float_text(number: f64) -> String {
    let is_plain = number.abs() < 1e15 && number.abs() >= 1e-6 || number == 0.0;
    if is_plain { number.to_string() } else { format!("{number:e}") }
}

/// Returns an amount, unless it is greater than the bound.
pub fn within_bounds(amount: Option<String>) -> Option<String> {
    amount.filter(|amount| amount.parse().is_ok_and(|amount: f64| amount.abs() <= limits::MAX_AMOUNT))
}

/// Returns the value of a text of digits; None for any other text, or for more than 19 digits.
pub fn parse_integer(text: &str) -> Option<u64> {
    let (whole, rest) = leading_digits(text);
    let fits = !whole.is_empty() && rest.is_empty() && whole.len() <= MAX_INTEGER_DIGITS;
    fits.then(|| whole.bytes().fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit & 15))))
}

/// Returns a quantity as a JSON number: `text` if it is a number above zero, otherwise `1`.
pub fn parse_quantity(text: &str) -> String {
    match parse_change(text) {
        Some(number) if is_above_zero(&number) => number,
        _ => "1".into(),
    }
}

/// Returns a quantity as a JSON number, zero and negative ones too; None if `text` is no number.
///
/// A comma is a decimal sign, also before three digits: quantities with three decimals are more common than a thousand of a product.
pub fn parse_change(text: &str) -> Option<String> {
    let (before, after) = split_where(text, |byte| byte == b',');
    let mut plain = String::from(before);
    if !after.is_empty() {
        json_writer::push_ascii(&mut plain, b'.');
        plain.push_str(split_first(after).1);
    }
    normalise_decimal(&plain)
}

/// Returns whether a result of [`parse_change`] is above zero.
pub fn is_above_zero(number: &str) -> bool {
    number != "0" && split_first(number).0 != b'-'
}

/// Returns a decimal number without exponent in its shortest form: no leading zeros, no trailing zeros after the point.
///
/// Returns None for any other text, and for more than 15 digits before or after the point.
pub fn normalise_decimal(text: &str) -> Option<String> {
    let (negative, text) = skip(trim(text), |sign| sign == b'-');
    let (whole, text) = leading_digits(text);
    let (_, text) = skip(text, |sign| sign == b'.');
    let (fraction, text) = leading_digits(text);
    let is_none = !text.is_empty() || (whole.is_empty() && fraction.is_empty());
    let (_, whole) = split_where(whole, |digit| digit != b'0');
    let zeros = fraction.bytes().rev().take_while(|digit| *digit == b'0').count();
    let (fraction, _) = split_at(fraction, fraction.len() - zeros);
    if is_none || whole.len() > MAX_DECIMAL_DIGITS || fraction.len() > MAX_DECIMAL_DIGITS {
        return None;
    }
    let mut out = String::new();
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        json_writer::push_ascii(&mut out, b'-');
    }
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        json_writer::push_ascii(&mut out, b'.');
        out.push_str(fraction);
    }
    Some(out)
}

/// One in millionths.
const ONE: u64 = 1_000_000;

/// Converts a decimal number above zero to millionths; ignores further digits.
pub fn to_millionths(text: &str) -> u64 {
    let (mut number, mut unit, mut is_fraction) = (0_u64, ONE, false);
    for byte in text.bytes() {
        if byte == b'.' {
            is_fraction = true;
        } else if unit > 1 {
            number = number.wrapping_mul(10).wrapping_add(u64::from(byte & 15));
            unit /= if is_fraction { 10 } else { 1 };
        }
    }
    number.wrapping_mul(unit)
}

/// Appends a number of millionths as a decimal number in its shortest form.
pub fn push_millionths(number: u64, out: &mut String) {
    json_writer::push_integer(out, number / ONE);
    let mut rest = number % ONE;
    if rest > 0 {
        json_writer::push_ascii(out, b'.');
    }
    while rest > 0 {
        rest *= 10;
        json_writer::push_ascii(out, b'0' + (rest / ONE) as u8);
        rest %= ONE;
    }
}

fn leading_digits(text: &str) -> (&str, &str) {
    split_where(text, |byte| !byte.is_ascii_digit())
}

/// Returns whether the first byte of `text` matches `wanted`, and the text after it if so.
fn skip(text: &str, wanted: impl Fn(u8) -> bool) -> (bool, &str) {
    let (sign, rest) = split_first(text);
    if wanted(sign) { (true, rest) } else { (false, text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn number_that_does_not_fit_f64_is_detected() {
        for (text, fits) in [("1", true), ("-1.5e+21", true), ("1E99", true), ("1e100", false), ("1e-999", false)] {
            assert_eq!(fits_f64(text), fits, "{text}");
        }
        assert!(!fits_f64(&"1".repeat(400)));
    }

    #[test]
    fn quantity_is_above_zero_or_one() {
        let table = [
            ("2", "2"),
            ("2.50", "2.5"),
            (" 3 ", "3"),
            ("007", "7"),
            ("0", "1"),
            ("0.0", "1"),
            ("-3", "1"),
            ("", "1"),
            ("two", "1"),
            ("NaN", "1"),
            ("1e3", "1"),
            (".5", "0.5"),
            ("2.", "2"),
            ("99999999999999999999", "1"),
            ("1,5", "1.5"),
            ("2,00", "2"),
            ("0,500", "0.5"),
            ("1,000", "1"),
            ("1,5,0", "1"),
            ("-1,5", "1"),
        ];
        for (text, expected) in table {
            assert_eq!(parse_quantity(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_result_is_a_json_number(text in "[-0-9., e£]{0,12}") {
            prop_assert!(is_json_number(&parse_quantity(&text)));
        }

        #[test]
        fn json_number_check_agrees_with_serde_json(text in "[-0-9.eE+]{1,8}") {
            prop_assert_eq!(is_json_number(&text), serde_json::from_str::<serde_json::Number>(&text).is_ok() || is_huge(&text));
        }
    }

    #[test]
    fn change_may_be_negative() {
        for (text, expected) in [("-3", Some("-3")), ("-1,5", Some("-1.5")), ("0", Some("0")), ("-0", Some("0")), ("two", None), ("", None)]
        {
            assert_eq!(parse_change(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn millionths_round_trip() {
        for (text, number) in [("0", 0), ("2", 2_000_000), ("0.5", 500_000), ("1.000001", 1_000_001), ("10.25", 10_250_000)] {
            let mut written = String::new();
            push_millionths(number, &mut written);
            assert_eq!((to_millionths(text), written.as_str()), (number, text));
        }
        assert_eq!(to_millionths("0.1234567"), 123_456);
    }

    /// JSON allows exponents that do not fit a float; serde_json rejects them.
    fn is_huge(text: &str) -> bool {
        text.contains(['e', 'E']) && is_json_number(text)
    }
}
