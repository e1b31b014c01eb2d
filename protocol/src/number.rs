//! Numbers as text: a page must not pay for reading and printing floats, and money must not pass through them.

/// The most digits that a number may have before its decimal point and keep its meaning here.
const DIGITS: usize = 15;

/// Returns whether `text` is a number in JSON's grammar.
pub fn is_json(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    are_digits(whole) && are_digits(fraction) && are_digits(exponent) && !leading_zero
}

/// Returns a quantity as a JSON number: `text` where it is a number above zero, else `1`, which is what a shop meant by leaving it out.
pub fn quantity(text: &str) -> String {
    decimal(text).filter(|number| number != "0" && !number.starts_with('-')).unwrap_or_else(|| "1".into())
}

/// Returns an amount of money as a JSON number, from a number or from a price as shops print it: `£1,234.50`, `1.234,50 €`.
///
/// A comma before exactly three last digits separates thousands; before one, two or more than three it is a decimal comma. Where both
/// signs occur, the last one is the decimal one. None where there is no digit.
pub fn money(text: &str) -> Option<String> {
    let text = text.trim();
    if is_json(text) {
        return decimal(text).or_else(|| Some(text.into()));
    }
    let point = decimal_sign(text);
    let mut plain = String::new();
    for (at, character) in text.char_indices() {
        match character {
            '0'..='9' => plain.push(character),
            '-' | '\u{2212}' if plain.is_empty() => plain.push('-'),
            _ if Some(at) == point => plain.push('.'),
            _ => {}
        }
    }
    decimal(plain.trim_end_matches('.'))
}

/// Returns the plain decimal number `text` in its shortest form: no leading zeros, none trailing after the point.
///
/// None where it is none, or has too many digits to be meant.
pub fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole_is_fine = are_digits(whole) || (whole.is_empty() && are_digits(fraction));
    if !whole_is_fine || !(fraction.is_empty() || are_digits(fraction)) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() > DIGITS || fraction.len() > DIGITS {
        return None;
    }
    let mut out = String::from(if whole.is_empty() && fraction.is_empty() { "" } else { sign });
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    Some(out)
}

/// Returns where in a printed price the decimal sign stands.
fn decimal_sign(text: &str) -> Option<usize> {
    let at = text.rfind(['.', ','])?;
    let (before, after) = text.split_at_checked(at)?;
    let sign = after.chars().next()?;
    let digits = after.chars().filter(char::is_ascii_digit).count();
    let repeated = before.contains(sign);
    let mixed = before.contains(['.', ',']) && !repeated;
    let thousands = repeated || (sign == ',' && digits == 3 && !mixed);
    (!thousands).then_some(at)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            assert_eq!(quantity(written), meant, "{written:?}");
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
            ("1e3", Some("1e3")),
        ];
        for (written, meant) in table {
            assert_eq!(money(written).as_deref(), meant, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn every_answer_is_a_json_number(text in "[-0-9., e£]{0,12}") {
            prop_assert!(is_json(&quantity(&text)));
            prop_assert!(money(&text).is_none_or(|amount| is_json(&amount)));
        }

        #[test]
        fn what_is_called_a_json_number_is_one(text in "[-0-9.eE+]{1,8}") {
            prop_assert_eq!(is_json(&text), serde_json::from_str::<serde_json::Number>(&text).is_ok() || is_huge(&text));
        }

        #[test]
        fn reading_money_twice_changes_nothing(text in "[-0-9.,]{0,9}") {
            let once = money(&text);
            prop_assert_eq!(once.as_deref().and_then(money), once);
        }
    }

    /// JSON allows exponents that no float holds; serde_json refuses them.
    fn is_huge(text: &str) -> bool {
        text.contains(['e', 'E']) && is_json(text)
    }
}
