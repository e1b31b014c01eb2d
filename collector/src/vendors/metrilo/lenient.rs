//! What real plug-ins send where the documents say otherwise: each oddity is put right here, once, and has a test named after it.
//!
//! Every function takes a value of which nothing is known. None means that nothing was said; [`Unparsable`] means that what was said is none of
//! the forms in which plug-ins say it.

use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::email;

/// Stands behind a phone number in the place of an e-mail address.
const PHONE_ORDER: &str = "@phone_email";

/// A value that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unparsable;

/// The elements of a list, each with its key if it has one.
type Elements<'a> = Vec<(Option<&'a str>, &'a DynValue)>;

/// Times below this are seconds: as milliseconds they would be in the first months of 1973, long before any shop.
const FIRST_MILLIS: u64 = 100_000_000_000;

/// Returns a time in milliseconds: from milliseconds or seconds, a number or a string of digits, with a fraction that is cut.
pub(super) fn moment(value: &DynValue) -> Result<Option<u64>, Unparsable> {
    let Some(text) = text(value)? else { return Ok(None) };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let time: u64 = whole.parse().ok().filter(|_| digits(whole) && digits(fraction)).ok_or(Unparsable)?;
    let time = if time < FIRST_MILLIS { time * 1_000 } else { time };
    if time <= crate::ingest::decode::LAST_TIME { Ok(Some(time)) } else { Err(Unparsable) }
}

/// Returns a text: a string or a number, without blanks around it. An empty string, null and false all say that there is none.
pub(super) fn text(value: &DynValue) -> Result<Option<String>, Unparsable> {
    match value {
        DynValue::Null | DynValue::Bool(false) => Ok(None),
        DynValue::Text(text) | DynValue::Number(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        DynValue::Bool(true) | DynValue::List(_) | DynValue::Object(_) => Err(Unparsable),
    }
}

/// Returns an e-mail address. A phone order's is made of the number as it was typed, blanks and all; they make no other person.
pub(super) fn address(value: &DynValue) -> Result<Option<String>, Unparsable> {
    let Some(text) = text(value)? else { return Ok(None) };
    let phone = text.to_ascii_lowercase().strip_suffix(PHONE_ORDER).map(|phone| phone.split_whitespace().collect::<String>());
    let address = phone.map_or(text, |phone| phone + PHONE_ORDER);
    email::normalise(&address).map(Some).ok_or(Unparsable)
}

/// Returns yes or no. An empty string and null say neither.
pub(super) fn flag(value: &DynValue) -> Result<Option<bool>, Unparsable> {
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

/// Returns the elements of a list, each with the key that it had if it was printed as an object: servers do so when a list has gaps.
pub(super) fn list(value: &DynValue) -> Result<Option<Elements<'_>>, Unparsable> {
    match value {
        DynValue::List(elements) => Ok(Some(elements.iter().map(|element| (None, element)).collect())),
        DynValue::Object(members) => Ok(Some(members.iter().map(|(key, element)| (Some(key.as_str()), element)).collect())),
        other => {
            if text(other)?.is_none() {
                Ok(None)
            } else {
                Err(Unparsable)
            }
        }
    }
}

/// Returns texts, each once whatever its letter case. A single one may stand for a list of one.
pub(super) fn texts(value: &DynValue) -> Result<Option<Vec<String>>, Unparsable> {
    if let Ok(single @ Some(_)) = text(value) {
        return Ok(single.map(|text| vec![text]));
    }
    let Some(elements) = list(value)? else { return Ok(None) };
    let mut found: Vec<String> = Vec::new();
    for (_, element) in elements {
        let new = text(element)?.filter(|text| !found.iter().any(|other| other.to_lowercase() == text.to_lowercase()));
        found.extend(new);
    }
    Ok(Some(found))
}

/// Returns the members of an object; an empty list stands for an empty one, and an empty object for none.
pub(super) fn object(value: &DynValue) -> Result<Option<&DynValue>, Unparsable> {
    match value {
        DynValue::Object(members) if !members.is_empty() => Ok(Some(value)),
        DynValue::Object(_) => Ok(None),
        DynValue::List(elements) if elements.is_empty() => Ok(None),
        DynValue::List(_) => Err(Unparsable),
        other => {
            if text(other)?.is_none() {
                Ok(None)
            } else {
                Err(Unparsable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::decode::JsonTree;

    fn loose(json: &str) -> DynValue {
        serde_json::from_str::<JsonTree>(json).unwrap().0
    }

    #[test]
    fn seconds_stand_for_milliseconds() {
        assert_eq!(moment(&loose("1518004715")), Ok(Some(1_518_004_715_000)));
        assert_eq!(moment(&loose("1518004715732")), Ok(Some(1_518_004_715_732)));
    }

    #[test]
    fn a_time_is_a_numeric_string() {
        assert_eq!(moment(&loose(r#""1518004715732""#)), Ok(Some(1_518_004_715_732)));
        assert_eq!(moment(&loose(r#"" 1518004715 ""#)), Ok(Some(1_518_004_715_000)));
    }

    #[test]
    fn a_time_has_a_fraction() {
        assert_eq!(moment(&loose("1518004715732.9")), Ok(Some(1_518_004_715_732)));
    }

    #[test]
    fn junk_is_no_time() {
        for junk in [r#""yesterday""#, "-1", "[]", "true", r#""2018-02-07""#, "1e300", r#""1.2.3""#, "99999999999999999999"] {
            assert_eq!(moment(&loose(junk)), Err(Unparsable), "{junk}");
        }
    }

    #[test]
    fn an_empty_string_null_and_false_stand_for_nothing() {
        for nothing in [r#""""#, "null", "false", r#"" ""#] {
            assert_eq!(text(&loose(nothing)), Ok(None), "{nothing}");
        }
        for nothing in [r#""""#, "null"] {
            assert_eq!(flag(&loose(nothing)), Ok(None), "{nothing}");
            assert_eq!(texts(&loose(nothing)), Ok(None), "{nothing}");
        }
    }

    #[test]
    fn an_id_is_a_number() {
        assert_eq!(text(&loose("42")), Ok(Some("42".into())));
        assert_eq!(text(&loose(r#""000000123""#)), Ok(Some("000000123".into())));
    }

    #[test]
    fn an_address_is_a_phone_number() {
        for typed in [r#""+46 100 200@phone_email""#, r#"" +46100200@PHONE_EMAIL ""#] {
            assert_eq!(address(&loose(typed)), Ok(Some("+46100200@phone_email".into())), "{typed}");
        }
        for junk in [r#""a b@x.com""#, r#""@phone_email""#, r#"" @phone_email""#, r#""phone_email""#] {
            assert_eq!(address(&loose(junk)), Err(Unparsable), "{junk}");
        }
    }

    #[test]
    fn a_flag_is_a_word() {
        assert_eq!(flag(&loose(r#""1""#)), Ok(Some(true)));
        assert_eq!(flag(&loose("0")), Ok(Some(false)));
        assert_eq!(flag(&loose(r#""perhaps""#)), Err(Unparsable));
    }

    #[test]
    fn a_list_with_gaps_is_an_object() {
        assert_eq!(texts(&loose(r#"{"1":"customer","3":"vip"}"#)), Ok(Some(vec!["customer".into(), "vip".into()])));
    }

    #[test]
    fn a_single_string_is_a_list_of_one() {
        assert_eq!(texts(&loose(r#""vip""#)), Ok(Some(vec!["vip".into()])));
    }

    #[test]
    fn letter_case_makes_no_second_element() {
        assert_eq!(texts(&loose(r#"["SALE","sale","x"]"#)), Ok(Some(vec!["SALE".into(), "x".into()])));
    }

    #[test]
    fn an_empty_list_is_an_empty_object() {
        assert_eq!(object(&loose("[]")), Ok(None));
        assert_eq!(object(&loose("[1]")), Err(Unparsable));
    }
}
