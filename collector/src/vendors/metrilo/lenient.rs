//! Lenient parsing of what real plug-ins send where they deviate from the documentation. Each deviation is handled here, once, and has a
//! test named after it.
//!
//! Every function takes a value of any type. `Ok(None)` means that no value is given; [`Unparsable`] means that the value has none of the
//! forms that plug-ins send.

use std::collections::HashSet;

use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::{email, limits};

use crate::decode::rejection::RejectReason;
use crate::decode::{JsonValue, bad_field};
use crate::text_input::trimmed;
use crate::time;

/// The suffix of a phone number that stands in the place of an e-mail address.
const PHONE_EMAIL_SUFFIX: &str = "@phone_email";

/// A value that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unparsable;

/// The elements of a list, each with its key if it has one.
type Elements<'a> = Vec<(Option<&'a str>, &'a JsonValue<'a>)>;

/// Times below this are seconds: as milliseconds they would be in the first months of 1973, before any shop.
const MIN_TIME_MS: u64 = 100_000_000_000;

/// Returns a time in milliseconds: from milliseconds or seconds, a number or a string of digits. A fraction is cut off.
pub(super) fn time_ms(value: &JsonValue<'_>) -> Result<Option<u64>, Unparsable> {
    let Some(text) = text(value)? else { return Ok(None) };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let time: u64 = whole.parse().ok().filter(|_| is_digits(whole) && is_digits(fraction)).ok_or(Unparsable)?;
    let time = if time < MIN_TIME_MS { time * 1_000 } else { time };
    if time <= limits::MAX_TIME_MS { Ok(Some(time)) } else { Err(Unparsable) }
}

/// Returns the time of a page's request in milliseconds.
pub(super) fn request_time_ms(members: &JsonValue<'_>) -> Result<u64, RejectReason> {
    let value = members.get("time");
    time_ms(value).ok().flatten().ok_or_else(|| bad_time("time", value))
}

/// Returns a time that a server gives, in milliseconds. A server's clock is right, so a time in the far future has another unit.
pub(super) fn server_time_ms(path: &str, value: &JsonValue<'_>) -> Result<Option<u64>, RejectReason> {
    let time = time_ms(value).map_err(|_| bad_time(path, value))?;
    if time.is_some_and(|time| time::small_unit(time).is_some()) { Err(bad_time(path, value)) } else { Ok(time) }
}

/// Returns the time of a server's request in milliseconds.
pub(super) fn server_request_time_ms(members: &JsonValue<'_>) -> Result<u64, RejectReason> {
    let value = members.get("time");
    server_time_ms("time", value)?.ok_or_else(|| bad_time("time", value))
}

/// Returns the rejection of a time, which names the unit if it is another one.
pub(super) fn bad_time(path: &str, value: &JsonValue<'_>) -> RejectReason {
    const WANTED: &str = "a time in milliseconds since 1970";
    let unit = text(value).ok().flatten().and_then(|text| time::small_unit(text.parse().ok()?));
    match unit {
        Some(unit) => RejectReason::BadField { field: path.into(), wanted: WANTED, found: unit },
        None => bad_field(path, WANTED, value),
    }
}

/// Returns a string or a number as text, without blanks and control characters around it. An empty string, null and false mean that there is none.
pub(super) fn text(value: &JsonValue<'_>) -> Result<Option<String>, Unparsable> {
    match value {
        DynValue::Null | DynValue::Bool(false) => Ok(None),
        DynValue::Text(text) | DynValue::Number(text) => Ok(Some(trimmed(text).to_owned()).filter(|text| !text.is_empty())),
        DynValue::Bool(true) | DynValue::List(_) | DynValue::Object(_) => Err(Unparsable),
    }
}

/// Returns an e-mail address.
pub(super) fn email_address(value: &JsonValue<'_>) -> Result<Option<String>, Unparsable> {
    text(value)?.map(|text| email_of(&text).ok_or(Unparsable)).transpose()
}

/// Returns the normalised form of an e-mail address; None if the text is no address. For an order by phone, plug-ins build one from the number
/// as typed; blanks in it make no different customer.
pub(crate) fn email_of(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let phone = lower.strip_suffix(PHONE_EMAIL_SUFFIX).map(|phone| phone.split_whitespace().collect::<String>());
    phone.map_or_else(|| email::normalise(text), |phone| email::normalise(&(phone + PHONE_EMAIL_SUFFIX)))
}

/// Returns true or false. An empty string and null are neither.
pub(super) fn flag(value: &JsonValue<'_>) -> Result<Option<bool>, Unparsable> {
    if let DynValue::Bool(flag) = value {
        return Ok(Some(*flag));
    }
    match text(value)?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None => Ok(None),
        Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
        Some("false" | "0" | "no" | "off") => Ok(Some(false)),
        Some(_) => Err(Unparsable),
    }
}

/// Returns the elements of a list, each with its key if the list is an object: PHP writes a list with gaps as an object.
pub(super) fn list<'a>(value: &'a JsonValue<'a>) -> Result<Option<Elements<'a>>, Unparsable> {
    match value {
        DynValue::List(elements) => Ok(Some(elements.iter().map(|element| (None, element)).collect())),
        DynValue::Object(members) => Ok(Some(members.iter().map(|(key, element)| (Some(key.as_ref()), element)).collect())),
        other => none_or_unparsable(other),
    }
}

/// Returns texts without duplicates, ignoring letter case. A single text counts as a list with one element.
pub(super) fn texts(value: &JsonValue<'_>) -> Result<Option<Vec<String>>, Unparsable> {
    if let Ok(single @ Some(_)) = text(value) {
        return Ok(single.map(|text| vec![text]));
    }
    let Some(elements) = list(value)? else { return Ok(None) };
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for (_, element) in elements {
        found.extend(text(element)?.filter(|text| seen.insert(text.to_lowercase())));
    }
    Ok(Some(found))
}

/// Returns an object that has members. An empty object counts as none, and so does an empty list, as PHP writes an empty object.
pub(super) fn object<'a>(value: &'a JsonValue<'a>) -> Result<Option<&'a JsonValue<'a>>, Unparsable> {
    match value {
        DynValue::Object(members) if !members.is_empty() => Ok(Some(value)),
        DynValue::Object(_) => Ok(None),
        DynValue::List(elements) if elements.is_empty() => Ok(None),
        DynValue::List(_) => Err(Unparsable),
        other => none_or_unparsable(other),
    }
}

fn none_or_unparsable<T>(value: &JsonValue<'_>) -> Result<Option<T>, Unparsable> {
    if text(value)?.is_none() { Ok(None) } else { Err(Unparsable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::JsonTree;

    fn parse(json: &str) -> JsonValue<'_> {
        serde_json::from_str::<JsonTree<'_>>(json).unwrap().0
    }

    #[test]
    fn time_in_seconds_is_converted_to_milliseconds() {
        assert_eq!(time_ms(&parse("1518004715")), Ok(Some(1_518_004_715_000)));
        assert_eq!(time_ms(&parse("1518004715732")), Ok(Some(1_518_004_715_732)));
    }

    #[test]
    fn time_may_be_a_numeric_string() {
        assert_eq!(time_ms(&parse(r#""1518004715732""#)), Ok(Some(1_518_004_715_732)));
        assert_eq!(time_ms(&parse(r#"" 1518004715 ""#)), Ok(Some(1_518_004_715_000)));
    }

    #[test]
    fn fraction_of_a_time_is_cut_off() {
        assert_eq!(time_ms(&parse("1518004715732.9")), Ok(Some(1_518_004_715_732)));
    }

    #[test]
    fn invalid_time_is_unparsable() {
        for junk in [r#""yesterday""#, "-1", "[]", "true", r#""2018-02-07""#, "1e300", r#""1.2.3""#, "99999999999999999999"] {
            assert_eq!(time_ms(&parse(junk)), Err(Unparsable), "{junk}");
        }
    }

    #[test]
    fn empty_string_null_and_false_are_no_value() {
        for none in [r#""""#, "null", "false", r#"" ""#] {
            assert_eq!(text(&parse(none)), Ok(None), "{none}");
        }
        for none in [r#""""#, "null"] {
            assert_eq!(flag(&parse(none)), Ok(None), "{none}");
            assert_eq!(texts(&parse(none)), Ok(None), "{none}");
        }
    }

    #[test]
    fn id_may_be_a_number() {
        assert_eq!(text(&parse("42")), Ok(Some("42".into())));
        assert_eq!(text(&parse(r#""000000123""#)), Ok(Some("000000123".into())));
    }

    #[test]
    fn email_may_be_a_phone_number() {
        for typed in [r#""+46 100 200@phone_email""#, r#"" +46100200@PHONE_EMAIL ""#] {
            assert_eq!(email_address(&parse(typed)), Ok(Some("+46100200@phone_email".into())), "{typed}");
        }
        for junk in [r#""a b@x.com""#, r#""@phone_email""#, r#"" @phone_email""#, r#""phone_email""#] {
            assert_eq!(email_address(&parse(junk)), Err(Unparsable), "{junk}");
        }
    }

    #[test]
    fn flag_may_be_a_word() {
        assert_eq!(flag(&parse(r#""1""#)), Ok(Some(true)));
        assert_eq!(flag(&parse("0")), Ok(Some(false)));
        assert_eq!(flag(&parse(r#""perhaps""#)), Err(Unparsable));
    }

    #[test]
    fn list_with_gaps_is_an_object() {
        assert_eq!(texts(&parse(r#"{"1":"customer","3":"vip"}"#)), Ok(Some(vec!["customer".into(), "vip".into()])));
    }

    #[test]
    fn single_string_is_a_list_with_one_element() {
        assert_eq!(texts(&parse(r#""vip""#)), Ok(Some(vec!["vip".into()])));
    }

    #[test]
    fn texts_that_differ_in_letter_case_are_duplicates() {
        assert_eq!(texts(&parse(r#"["SALE","sale","x"]"#)), Ok(Some(vec!["SALE".into(), "x".into()])));
    }

    #[test]
    fn empty_list_is_an_empty_object() {
        assert_eq!(object(&parse("[]")), Ok(None));
        assert_eq!(object(&parse("[1]")), Err(Unparsable));
    }
}
