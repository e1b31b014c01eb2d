//! Prices as templates print them: the amount as a JSON number, or none. A wrong amount would be worse than none.
//!
//! A text has one price or none: `10 – 20 €` and `€20 €15` have two numbers, so they have none. Text in `<del>` or `<s>` is not a price any more.
//! A separator before exactly three digits is ambiguous; currency and spelling decide.

use crate::number_text::{float_text, is_json_number, normalise_decimal, within_bounds};

/// The longest amount that is read as a float; with an exponent of two digits, 40 characters still fit one.
const MAX_AMOUNT_CHARS: usize = 40;

/// The longest exponent of such an amount, with its letter.
const MAX_EXPONENT_CHARS: usize = 3;

/// What separates a number from its cents.
const SEPARATORS: [char; 2] = ['.', ','];

/// The longest text that is read, in bytes.
const MAX_TEXT_BYTES: usize = 1_000;

/// Codes and signs of currencies without decimals, in lower case: a separator before three digits separates thousands.
const WITHOUT_DECIMALS: &[&str] = &[
    "vnd", "₫", "đ", "idr", "rp", "krw", "₩", "jpy", "¥", "円", "clp", "huf", "ft", "isk", "pyg", "₲", "ugx", "xaf", "xof", "xpf", "rwf",
    "kmf", "gnf", "djf", "bif", "vuv", "mga", "cop",
];

/// Codes and signs of currencies with three decimals.
const THREE_DECIMALS: &[&str] = &[
    "kwd", "kd", "د.ك", "bhd", "bd", "د.ب", "omr", "ر.ع", "jod", "jd", "د.ا", "د.أ", "tnd", "dt", "د.ت", "lyd", "ld", "د.ل", "iqd", "ع.د",
];

/// Returns the amount of a price. `currency` is the code that the sender gives beside it, or empty.
pub fn parse_price(text: &str, currency: &str) -> Option<String> {
    let text = text.trim();
    let currency = currency.trim().to_lowercase();
    if is_json_number(text) && !(is_ambiguous(text) && WITHOUT_DECIMALS.contains(&currency.as_str())) {
        let exponent = text.find(['e', 'E']).map_or(0, |at| text.len() - at);
        let is_float = text.len() <= MAX_AMOUNT_CHARS && exponent <= MAX_EXPONENT_CHARS;
        // More digits than a float has, or an exponent.
        let printed = || text.parse().ok().filter(|_| is_float).map(float_text);
        return within_bounds(normalise_decimal(text).or_else(|| printed().map(|printed| normalise_decimal(&printed).unwrap_or(printed))));
    }
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let plain = plain_text(text);
    let number = only_number(&plain)?;
    let decimals = Decimals::of(&plain, &currency);
    let amount = to_decimal(number.text, decimals)?;
    within_bounds(normalise_decimal(&if number.is_negative { format!("-{amount}") } else { amount }))
}

/// Returns whether a plain number may be one with thousands.
fn is_ambiguous(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, fraction)| fraction.len() == 3 && is_thousands(&[whole, fraction]))
}

/// How many decimals a price may have.
#[derive(Clone, Copy, PartialEq)]
enum Decimals {
    None,
    Two,
    Three,
    /// No currency is given.
    Unknown,
}

impl Decimals {
    fn of(text: &str, currency: &str) -> Self {
        let lower = text.to_lowercase();
        let is_separator = |letter: char| letter.is_ascii_digit() || letter.is_whitespace() || ",-+()'’".contains(letter);
        let words = || lower.split(is_separator).map(|word| word.trim_matches('.')).filter(|word| !word.is_empty()).chain([currency]);
        let is_any = |list: &[&str]| words().any(|word| list.contains(&word));
        match () {
            () if is_any(THREE_DECIMALS) => Self::Three,
            () if is_any(WITHOUT_DECIMALS) => Self::None,
            () if words().all(str::is_empty) => Self::Unknown,
            () => Self::Two,
        }
    }
}

/// A number in a text, with its separators.
struct Number<'a> {
    text: &'a str,
    is_negative: bool,
}

/// Returns the number of a text that has exactly one.
fn only_number(text: &str) -> Option<Number<'_>> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let before = text.get(..start)?;
    // `.50` begins with its decimal sign, `Rs.500` does not.
    let has_sign = before.ends_with(['.', ',']) && !before.trim_end_matches(['.', ',']).ends_with(char::is_alphabetic);
    let start = if has_sign { start - 1 } else { start };
    let rest = text.get(start..)?;
    let end = number_end(rest);
    let (number, after) = rest.split_at_checked(end)?;
    if after.contains(|letter: char| letter.is_ascii_digit()) || after.starts_with('%') || after.trim_start().starts_with('%') {
        return None;
    }
    let before = text.get(..start)?;
    let is_negative = before.contains(['-', '\u{2212}']);
    // `Sale-10` and `10-` may mean anything.
    let is_unclear =
        before.find(['-', '\u{2212}']).is_some_and(|at| before.get(..at).is_some_and(|text| text.ends_with(char::is_alphanumeric)));
    (!is_unclear).then_some(Number { text: number, is_negative })
}

/// Returns where the number at the start of a text ends. A blank or an apostrophe within a number is followed by three digits.
fn number_end(text: &str) -> usize {
    let mut end = 0;
    let letters = text.char_indices().peekable();
    for (at, letter) in letters {
        let rest = text.get(at + letter.len_utf8()..).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let is_part = match letter {
            '0'..='9' => true,
            '.' | ',' => digits > 0,
            ' ' | '\'' | '’' => digits == 3 && at > 0,
            _ => false,
        };
        if !is_part {
            break;
        }
        end = at + letter.len_utf8();
    }
    end
}

/// Returns a number with its separators as a decimal number.
fn to_decimal(number: &str, decimals: Decimals) -> Option<String> {
    let is_space = |letter: char| matches!(letter, ' ' | '\'' | '’');
    let last = number.rfind(['.', ',']);
    let Some(last) = last else { return thousands(number, &is_space) };
    let (whole, fraction) = (number.get(..last)?, number.get(last + 1..)?);
    let sign = number.get(last..=last)?.chars().next()?;
    let same = whole.contains(sign);
    let other = whole.contains(|letter: char| letter != sign && !letter.is_ascii_digit());
    if same {
        // `1.234.567`: the last separator is one of thousands, like those before it.
        return if other { None } else { thousands(number, &|letter| letter == sign) };
    }
    if other {
        let whole = thousands(whole, &|letter| letter != sign && !letter.is_ascii_digit())?;
        return Some(format!("{whole}.{fraction}"));
    }
    let is_ambiguous = fraction.len() == 3 && is_thousands(&[whole, fraction]);
    let is_decimal = !is_ambiguous
        || match (decimals, sign) {
            (Decimals::Three, '.') | (Decimals::Unknown, '.') => true,
            // English prices have a comma before thousands, and three decimals after a point.
            (Decimals::Three, _) => return None,
            _ => false,
        };
    Some(if is_decimal { format!("{}.{fraction}", if whole.is_empty() { "0" } else { whole }) } else { format!("{whole}{fraction}") })
}

/// Returns a whole number without its separators of thousands.
fn thousands(number: &str, is_separator: &dyn Fn(char) -> bool) -> Option<String> {
    let groups: Vec<&str> = number.split(is_separator).collect();
    (groups.len() == 1 || is_thousands(&groups)).then(|| groups.concat())
}

/// Returns whether groups of digits are those of a number: the first has up to three and no leading zero, the last three, and the others three or,
/// as in India, two.
fn is_thousands(groups: &[&str]) -> bool {
    let is_digits = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    let [first, middle @ .., last] = groups else { return false };
    is_digits && first.len() <= 3 && !first.starts_with('0') && last.len() == 3 && middle.iter().all(|group| matches!(group.len(), 2 | 3))
}

/// Returns the text of a piece of HTML without what is struck through, with plain digits, separators and blanks.
fn plain_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find(['<', '&']) {
        let (before, at) = rest.split_at(start);
        out.push_str(before);
        rest = match at.starts_with('<') {
            true => after_tag(at, &mut out),
            false => after_entity(at, &mut out),
        };
    }
    out.push_str(rest);
    join_cents(&out).chars().map(plain_char).collect()
}

/// Joins cents to their number if their separator shows what they are: `12<span>.50</span>` and `12.<sup>50</sup>`.
fn join_cents(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('|') {
        out.push_str(before);
        rest = after.trim_start_matches('|');
        let is_joined = match out.strip_suffix(SEPARATORS) {
            Some(number) => ends_with_digit(number) && begins_with_cents(rest),
            None => {
                ends_with_digit(&out) && rest.strip_prefix(SEPARATORS).is_some_and(|cents| begins_with_cents(cents.trim_start_matches('|')))
            }
        };
        if !is_joined {
            out.push('|');
        }
    }
    out.push_str(rest);
    out
}

fn ends_with_digit(text: &str) -> bool {
    text.ends_with(|letter: char| letter.is_ascii_digit())
}

/// Returns whether a text begins with exactly two digits.
fn begins_with_cents(text: &str) -> bool {
    text.bytes().take_while(u8::is_ascii_digit).take(3).count() == 2
}

/// Skips a tag, or an element that is struck through. What it separates is not one number.
fn after_tag<'a>(text: &'a str, out: &mut String) -> &'a str {
    let Some(end) = text.find('>') else {
        out.push(' ');
        return text.get(1..).unwrap_or_default();
    };
    let tag = text.get(1..end).unwrap_or_default().to_ascii_lowercase();
    let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    let rest = text.get(end + 1..).unwrap_or_default();
    if matches!(name, "del" | "s") || name.starts_with("strik") {
        let close = format!("</{name}");
        let struck = rest.to_ascii_lowercase().find(&close).and_then(|at| rest.get(at..)).unwrap_or_default();
        out.push('|');
        return struck.split_once('>').map_or("", |(_, after)| after);
    }
    // Text on both sides of a tag is not one number: `12<sup>50</sup>`.
    out.push('|');
    rest
}

/// Replaces an entity by its character. An unknown one is replaced by a letter, like the sign of a currency.
fn after_entity<'a>(text: &'a str, out: &mut String) -> &'a str {
    const MAX_ENTITY_BYTES: usize = 12;
    let end = text.bytes().take(MAX_ENTITY_BYTES).position(|byte| byte == b';');
    let Some((entity, rest)) = end.and_then(|end| Some((text.get(1..end)?, text.get(end + 1..)?))) else {
        out.push('&');
        return text.get(1..).unwrap_or_default();
    };
    let code = entity.strip_prefix('#').and_then(|code| match code.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => code.parse().ok(),
    });
    out.push(match entity {
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "comma" => ',',
        "period" => '.',
        "minus" | "hyphen" | "dash" => '-',
        "ndash" | "mdash" => '–',
        "euro" => '€',
        "pound" => '£',
        "yen" => '¥',
        "apos" | "rsquo" => '\'',
        _ => code.and_then(char::from_u32).unwrap_or('¤'),
    });
    rest
}

/// Converts digits and separators of other scripts, and blanks.
fn plain_char(letter: char) -> char {
    let digit = |zero: char| char::from_digit(u32::from(letter) - u32::from(zero), 10).unwrap_or(letter);
    match letter {
        '٠'..='٩' => digit('٠'),
        '۰'..='۹' => digit('۰'),
        '０'..='９' => digit('０'),
        '٫' => '.',
        '٬' => ',',
        '\u{2212}' => '-',
        _ if letter.is_whitespace() => ' ',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn printed_prices_are_parsed() {
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
            ("₹1,23,456.00", Some("123456")),
            ("12.50 د.إ", Some("12.5")),
            ("د.إ 500", Some("500")),
            ("1e3", Some("1000")),
            ("-0e1", Some("0")),
            ("9.999007199254740993", Some("9.999007199254741")),
            ("1e+21", None),
            ("1e992", None),
            ("-9.2e12", Some("-9200000000000")),
            ("9200000000000.01", None),
            ("1.234", Some("1.234")),
            ("1.234 €", Some("1234")),
            ("1234.567 €", Some("1234.567")),
            ("0.500 €", Some("0.5")),
            ("12.500 Ft", Some("12500")),
            ("1.250.000 ₫", Some("1250000")),
            ("Rp 1.250", Some("1250")),
            ("¥1,234", Some("1234")),
            ("KD 1.234", Some("1.234")),
            ("1.234 KWD", Some("1.234")),
            ("1,234.500 KWD", Some("1234.5")),
            ("1,234 KWD", None),
            ("12.345 د.ك", Some("12.345")),
            ("1’234.50 CHF", Some("1234.5")),
            ("1\u{a0}234,50\u{a0}€", Some("1234.5")),
            ("1\u{202f}234 €", Some("1234")),
            ("&euro;12.50", Some("12.5")),
            ("12<span>.50</span> €", Some("12.5")),
            ("<b>12</b><i><span>,</span><sup>50</sup></i> €", Some("12.5")),
            ("£12.<sup>50</sup>", Some("12.5")),
            ("12.<b>5 left</b>", None),
            ("10<i>.00</i> – 20<i>.00</i>", None),
            ("&#8364;12.50", Some("12.5")),
            ("12&#44;50&nbsp;&#x20AC;", Some("12.5")),
            ("1&nbsp;234,50 €", Some("1234.5")),
            ("<span class=\"price-2\">€</span>12.50", Some("12.5")),
            ("<del>€20.00</del> <ins>€15.00</ins>", Some("15")),
            ("<s>20</s>15", Some("15")),
            ("12<sup>50</sup>", None),
            ("€20.00 €15.00", None),
            ("20,00 € 15,00 €", None),
            ("10 - 20 €", None),
            ("10–20", None),
            ("10-20", None),
            ("2 x 10.00", None),
            ("10.00 / 100 ml", None),
            ("20%", None),
            ("12.05.2026", None),
            ("1.2.3", None),
            ("1,2,3", None),
            ("١٢٫٥٠ د.إ", Some("12.5")),
            ("{{ price }}", None),
            ("NaN", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_price(text, "").as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn currency_beside_the_price_decides() {
        let table = [
            ("1.234", "VND", Some("1234")),
            ("1.234", "EUR", Some("1.234")),
            ("1.234", "KWD", Some("1.234")),
            ("1,234", "KWD", None),
            ("1,234", "JPY", Some("1234")),
            ("1.234,00", "EUR", Some("1234")),
            ("12.5", "JPY", Some("12.5")),
        ];
        for (text, currency, expected) in table {
            assert_eq!(parse_price(text, currency).as_deref(), expected, "{text:?} {currency}");
        }
    }

    proptest! {
        #[test]
        fn every_result_is_a_json_number(text in "[-0-9., e£<>&;']{0,12}") {
            prop_assert!(parse_price(&text, "").is_none_or(|amount| is_json_number(&amount)));
        }

        #[test]
        fn parsing_is_idempotent(text in "[-0-9., €]{0,9}") {
            let once = parse_price(&text, "");
            prop_assert_eq!(once.as_deref().and_then(|once| parse_price(once, "")), once);
        }
    }
}
