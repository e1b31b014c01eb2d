//! Numbers as text: a page must not pay for reading and printing floats, and money must not pass through them.

use crate::json_writer;
use crate::str_bytes::{split_at, split_first, split_where, trim};

/// The most digits of a whole number that surely fits into 64 bits.
const INTEGER_DIGITS: usize = 19;

/// The most digits that a number may have before its decimal point and keep its meaning here.
const DIGITS: usize = 15;

/// The longest amount, and the longest exponent with its letter, that are taken as they are: 40 digits and two of power are a float yet.
const LENGTH: usize = 40;
const EXPONENT: usize = 3;

/// How long a number may be, besides its power, to be held by a float.
const HELD: usize = 200;

/// Returns whether `text` is a number in JSON's grammar.
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

/// Returns whether every reader of JSON can hold the JSON number `text`: not those of some hundred digits, nor with powers of more than two.
pub fn fits_f64(text: &str) -> bool {
    let (plain, power) = split_where(text, |sign| sign | 0x20 == b'e');
    plain.len() <= HELD && power.bytes().filter(u8::is_ascii_digit).count() <= 2
}

/// Returns the whole number that `text` is, if it is one that fits.
pub fn parse_integer(text: &str) -> Option<u64> {
    let (whole, rest) = leading_digits(text);
    let fits = !whole.is_empty() && rest.is_empty() && whole.len() <= INTEGER_DIGITS;
    fits.then(|| whole.bytes().fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit & 15))))
}

/// Returns a quantity as a JSON number: `text` where it is a number above zero, else `1`, which is what a shop meant by leaving it out.
pub fn parse_quantity(text: &str) -> String {
    match normalise_decimal(text) {
        Some(number) if number != "0" && split_first(&number).0 != b'-' => number,
        _ => "1".into(),
    }
}

/// Returns an amount of money as a JSON number, from a number or from a price as shops print it: `£1,234.50`, `1.234,50 €`.
///
/// A comma before exactly three last digits separates thousands; before one, two or more than three it is a decimal comma. Where both
/// signs occur, the last one is the decimal one. None where there is no digit.
pub fn parse_money(text: &str) -> Option<String> {
    let text = trim(text);
    let mut plain = String::new();
    if is_json_number(text) {
        plain.push_str(text);
        // What no float can hold is no amount, and would be no JSON to most who read it.
        let exponent = split_where(text, |sign| sign | 0x20 == b'e').1;
        return normalise_decimal(text).or((text.len() <= LENGTH && exponent.len() <= EXPONENT).then_some(plain));
    }
    let point = decimal_sign(text);
    for (at, byte) in text.bytes().enumerate() {
        let is_minus = byte == b'-' || split_at(text, at).1.starts_with('\u{2212}');
        if byte.is_ascii_digit() {
            json_writer::push_ascii(&mut plain, byte);
        } else if is_minus && plain.is_empty() {
            json_writer::push_ascii(&mut plain, b'-');
        } else if Some(at) == point {
            json_writer::push_ascii(&mut plain, b'.');
        }
    }
    normalise_decimal(&plain)
}

/// Returns the plain decimal number `text` in its shortest form: no leading zeros, none trailing after the point.
///
/// None where it is none, or has too many digits to be meant.
pub fn normalise_decimal(text: &str) -> Option<String> {
    let (negative, text) = skip(trim(text), |sign| sign == b'-');
    let (whole, text) = leading_digits(text);
    let (_, text) = skip(text, |sign| sign == b'.');
    let (fraction, text) = leading_digits(text);
    let is_none = !text.is_empty() || (whole.is_empty() && fraction.is_empty());
    let (_, whole) = split_where(whole, |digit| digit != b'0');
    let zeros = fraction.bytes().rev().take_while(|digit| *digit == b'0').count();
    let (fraction, _) = split_at(fraction, fraction.len() - zeros);
    if is_none || whole.len() > DIGITS || fraction.len() > DIGITS {
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

/// One, in millionths.
const WHOLE: u64 = 1_000_000;

/// Returns a plain decimal number above zero in millionths; what is finer falls away.
pub fn to_millionths(text: &str) -> u64 {
    let (mut number, mut unit, mut is_fraction) = (0_u64, WHOLE, false);
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

/// Appends a number of millionths as a plain decimal number in its shortest form.
pub fn push_millionths(number: u64, out: &mut String) {
    json_writer::push_integer(out, number / WHOLE);
    let mut rest = number % WHOLE;
    if rest > 0 {
        json_writer::push_ascii(out, b'.');
    }
    while rest > 0 {
        rest *= 10;
        json_writer::push_ascii(out, b'0' + (rest / WHOLE) as u8);
        rest %= WHOLE;
    }
}

/// Returns where in a printed price the decimal sign stands. The points of `Rs. 500` and `12.50 лв.` are of the currency: a sign of the
/// number's stands behind a digit, or begins the number where no letter of ours is before it.
fn decimal_sign(text: &str) -> Option<usize> {
    // The last sign, how often it occurs, how often the other one does, and how many digits are behind it.
    let (mut found, mut same, mut others, mut digits, mut before) = ((0, 0), 0, 0, 0, 0_u8);
    for (at, byte) in text.bytes().enumerate() {
        let begins = text.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit) && !before.is_ascii_alphabetic();
        digits += u32::from(byte.is_ascii_digit());
        if matches!(byte, b'.' | b',') && (begins || before.is_ascii_digit()) {
            if byte != found.1 {
                (same, others) = (others, same);
            }
            same += 1;
            (found, digits) = ((at, byte), 0);
        }
        before = byte;
    }
    (same == 1 && (found.1 == b'.' || digits != 3 || others > 0)).then_some(found.0)
}

fn leading_digits(text: &str) -> (&str, &str) {
    split_where(text, |byte| !byte.is_ascii_digit())
}

/// Returns whether the first byte of `text` is `wanted`, and what stands behind it then.
fn skip(text: &str, wanted: impl Fn(u8) -> bool) -> (bool, &str) {
    let (sign, rest) = split_first(text);
    if wanted(sign) { (true, rest) } else { (false, text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_that_no_float_holds_are_told_apart() {
        for (text, held) in [("1", true), ("-1.5e+21", true), ("1E99", true), ("1e100", false), ("1e-999", false)] {
            assert_eq!(fits_f64(text), held, "{text}");
        }
        assert!(!fits_f64(&"1".repeat(400)));
    }

    #[test]
    fn quantities_are_numbers_above_zero_or_one() {
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
        ];
        for (written, meant) in table {
            assert_eq!(parse_quantity(written), meant, "{written:?}");
        }
    }

    #[test]
    fn money_is_read_as_shops_print_it() {
        let table = [
            ("10.42", Some("10.42")),
            ("£1,234.50", Some("1234.5")),
            ("1.234,50 €", Some("1234.5")),
            ("1,234", Some("1234")),
            ("12,5", Some("12.5")),
            ("1 234,00 kr", Some("1234")),
            ("-5.00", Some("-5")),
            ("€ -5,00", Some("-5")),
            ("1,234,567", Some("1234567")),
            ("1.234.567", Some("1234567")),
            ("0", Some("0")),
            ("free", None),
            ("", None),
            ("12.", Some("12")),
            (".5", Some("0.5")),
            ("£.50", Some("0.5")),
            ("12,-", Some("12")),
            ("1.250,- €", Some("1250")),
            ("12.50 лв.", Some("12.5")),
            ("12,50 kr.", Some("12.5")),
            ("kr. 1.250,00", Some("1250")),
            ("Rs. 500", Some("500")),
            ("Rs.500", Some("500")),
            ("Rs. 1,250.50", Some("1250.5")),
            ("12.50 د.إ", Some("12.5")),
            ("د.إ 500", Some("500")),
            ("1e3", Some("1e3")),
            ("1e+21", None),
            ("1e992", None),
        ];
        for (written, meant) in table {
            assert_eq!(parse_money(written).as_deref(), meant, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn every_answer_is_a_json_number(text in "[-0-9., e£]{0,12}") {
            prop_assert!(is_json_number(&parse_quantity(&text)));
            prop_assert!(parse_money(&text).is_none_or(|amount| is_json_number(&amount)));
        }

        #[test]
        fn what_is_called_a_json_number_is_one(text in "[-0-9.eE+]{1,8}") {
            prop_assert_eq!(is_json_number(&text), serde_json::from_str::<serde_json::Number>(&text).is_ok() || is_huge(&text));
        }

        #[test]
        fn reading_money_twice_changes_nothing(text in "[-0-9.,]{0,9}") {
            let once = parse_money(&text);
            prop_assert_eq!(once.as_deref().and_then(parse_money), once);
        }
    }

    #[test]
    fn millionths_read_back() {
        for (text, number) in [("0", 0), ("2", 2_000_000), ("0.5", 500_000), ("1.000001", 1_000_001), ("10.25", 10_250_000)] {
            let mut written = String::new();
            push_millionths(number, &mut written);
            assert_eq!((to_millionths(text), written.as_str()), (number, text));
        }
        assert_eq!(to_millionths("0.1234567"), 123_456);
    }

    /// JSON allows exponents that no float holds; serde_json refuses them.
    fn is_huge(text: &str) -> bool {
        text.contains(['e', 'E']) && is_json_number(text)
    }
}
