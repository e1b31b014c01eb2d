//! JSON read where it lies, as long as there is nothing odd about it.
//!
//! Nearly everything that comes was printed by a page's core. To read that, it is enough to go over its bytes once and to borrow. What is
//! odd (an error, a string with escapes or past its limit, a number that is written otherwise than the tree has it) is left to serde_json,
//! which has the words for it. So whatever is read here is what serde_json would have read, and `None` says nothing but that it has to be
//! asked.

use serde_json::value::RawValue;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;

use crate::ingest::decode::event::Text;
use crate::ingest::decode::json_scan::{is_printed_so, special};
use crate::ingest::decode::json_tree::DEPTH;

/// A place in a text.
pub(super) struct FastReader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> FastReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Takes the next sign that is no blank.
    #[inline(always)]
    fn sign(&mut self) -> Option<u8> {
        loop {
            let sign = self.peek()?;
            self.at += 1;
            if !is_blank(sign) {
                return Some(sign);
            }
        }
    }

    /// Returns whether nothing but blanks is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.pass_blanks();
        self.peek().is_none()
    }

    /// Reads a value with `read`, or passes over it where that comes to nothing. Returns its text, and whether it was read.
    pub(super) fn either(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<(&'a str, bool)> {
        self.pass_blanks();
        let start = self.at;
        let is_read = read(self).is_some();
        if !is_read {
            let mut rest = serde_json::Deserializer::from_str(self.text.get(start..)?).into_iter::<&RawValue>();
            rest.next()?.ok()?;
            self.at = start + rest.byte_offset();
        }
        Some((self.text.get(start..self.at)?, is_read))
    }

    /// Reads an object; `each` is given the place that a member's name has in `names`, or their number, and reads the value.
    pub(super) fn object(&mut self, names: &[&str], each: impl FnMut(&mut Self, usize) -> Option<()>) -> Option<()> {
        if self.sign()? != b'{' {
            return None;
        }
        let mut next = 0;
        self.members(|glance| glance.name(names, &mut next), each)
    }

    /// Takes a name. Where names come in the order of `names`, it takes no search to know them.
    #[inline(always)]
    fn name(&mut self, names: &[&str], next: &mut usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(self.at..)?;
        for (place, name) in names.iter().enumerate().skip(*next) {
            if rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"\"")) {
                self.at += name.len() + 1;
                *next = place + 1;
                return Some(place);
            }
        }
        let name = self.string()?;
        Some(names.iter().position(|known| *known == name).unwrap_or(names.len()))
    }

    /// Reads a list; `each` reads an element.
    pub(super) fn list(&mut self, each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.sign()? == b'[' { self.elements(each) } else { None }
    }

    #[inline(always)]
    fn members<N>(&mut self, mut name: impl FnMut(&mut Self) -> Option<N>, mut each: impl FnMut(&mut Self, N) -> Option<()>) -> Option<()> {
        let mut sign = self.sign()?;
        if sign == b'}' {
            return Some(());
        }
        loop {
            let name = if sign == b'"' { name(self)? } else { return None };
            if self.sign()? != b':' {
                return None;
            }
            each(self, name)?;
            match self.sign()? {
                b',' => sign = self.sign()?,
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    #[inline(always)]
    fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.pass_blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            each(self)?;
            match self.sign()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Reads a string into a place that nothing was read into yet.
    #[inline(always)]
    pub(super) fn text(&mut self, place: &mut Option<&'a str>) -> Option<()> {
        let text = if self.sign()? == b'"' { self.string()? } else { return None };
        fill(place, text).map(drop)
    }

    /// Reads a string, which may have escapes, into a place that nothing was read into yet.
    pub(super) fn words(&mut self, place: &mut Option<Text<'a>>) -> Option<()> {
        let quote = if self.sign()? == b'"' { self.at - 1 } else { return None };
        let text = match self.string() {
            Some(text) => Text::Borrowed(text),
            None => Text::Owned(self.escaped(quote)?),
        };
        fill(place, text).map(drop)
    }

    /// Reads the string whose opening quote is at `quote`.
    #[cold]
    fn escaped(&mut self, quote: usize) -> Option<String> {
        let mut strings = serde_json::Deserializer::from_str(self.text.get(quote..)?).into_iter();
        let text: String = strings.next()?.ok()?;
        self.at = quote + strings.byte_offset();
        (text.len() <= limits::MAX_STRING_BYTES).then_some(text)
    }

    /// Reads a whole number from 0 up into a place that nothing was read into yet.
    pub(super) fn digits(&mut self, place: &mut Option<&'a str>) -> Option<()> {
        let first = self.sign()?;
        let start = self.at - 1;
        let rest = self.text.as_bytes().get(self.at..)?;
        let more = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += more;
        let is_whole = first.is_ascii_digit() && (first != b'0' || more == 0);
        fill(place, self.text.get(start..self.at).filter(|_| is_whole)?).map(drop)
    }

    /// Reads the value of a field that is within the limits of the protocol. It is made where it is wanted: to move it there afterwards
    /// would take as long as to read it. There must be nothing at that place.
    pub(super) fn value(&mut self, place: &mut DynValue<&'a str>) -> Option<()> {
        self.value_within(DEPTH, place)
    }

    /// Passes over the value of a member of a field.
    pub(super) fn pass_inner(&mut self) -> Option<()> {
        self.value_within(DEPTH - 1, &mut DynValue::Null)
    }

    fn value_within(&mut self, depth: usize, place: &mut DynValue<&'a str>) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.sign()? {
            b'"' => *place = DynValue::Text(self.string()?),
            b'{' => {
                let mut members = Vec::new();
                self.members(Self::string, |glance, name| {
                    members.push((name, DynValue::Null));
                    glance.value_within(depth, &mut members.last_mut()?.1)
                })?;
                *place = DynValue::Object(members);
            }
            b'[' => {
                let mut elements = Vec::new();
                self.elements(|glance| {
                    elements.push(DynValue::Null);
                    glance.value_within(depth, elements.last_mut()?)
                })?;
                *place = DynValue::List(elements);
            }
            b'n' => self.rest_of_word("ull")?,
            b't' => {
                self.rest_of_word("rue")?;
                *place = DynValue::Bool(true);
            }
            b'f' => {
                self.rest_of_word("alse")?;
                *place = DynValue::Bool(false);
            }
            _ => *place = DynValue::Number(self.number()?),
        }
        Some(())
    }

    fn rest_of_word(&mut self, rest: &str) -> Option<()> {
        let is_there = self.text.get(self.at..)?.starts_with(rest);
        self.at += rest.len();
        is_there.then_some(())
    }

    /// Reads a number whose first sign was taken.
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at - 1;
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.')).count();
        self.text.get(start..self.at).filter(|text| is_printed_so(text))
    }

    /// Reads a string whose opening quote was taken.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let end = special(self.text.as_bytes(), start);
        self.at = end + 1;
        let is_end = self.text.as_bytes().get(end) == Some(&b'"');
        self.text.get(start..end).filter(|text| is_end && text.len() <= limits::MAX_STRING_BYTES)
    }

    fn pass_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Fills a place that nothing is in yet.
pub(super) fn fill<T>(place: &mut Option<T>, value: T) -> Option<&mut T> {
    match place {
        None => Some(place.insert(value)),
        Some(_) => None,
    }
}

fn is_blank(sign: u8) -> bool {
    matches!(sign, b' ' | b'\n' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::super::JsonTree;
    use super::*;
    use proptest::prelude::*;

    fn owned(value: &DynValue<&str>) -> DynValue {
        match value {
            DynValue::Null => DynValue::Null,
            DynValue::Bool(flag) => DynValue::Bool(*flag),
            DynValue::Number(text) => DynValue::Number((*text).into()),
            DynValue::Text(text) => DynValue::Text((*text).into()),
            DynValue::List(elements) => DynValue::List(elements.iter().map(owned).collect()),
            DynValue::Object(members) => DynValue::Object(members.iter().map(|(name, value)| ((*name).into(), owned(value))).collect()),
        }
    }

    /// What a glance makes of a whole text.
    fn glanced(text: &str) -> Option<DynValue> {
        let (mut glance, mut value) = (FastReader::new(text), DynValue::Null);
        glance.value(&mut value)?;
        glance.is_at_end().then(|| owned(&value))
    }

    fn decode_slow(text: &str) -> Option<DynValue> {
        serde_json::from_str(text).ok().map(|JsonTree(value)| value)
    }

    #[test]
    fn what_is_plain_is_read() {
        for text in [
            r#"{"a":[1,-2.5,"x",true,false,null,{}],"b":[],"é":"ünï"}"#,
            " { \"a\" : [ 1 , 2 ] }\r\n\t",
            "\"exactly\"",
            "\"one byte more than a word\"",
            "0",
            "0.000001",
            "-12.50001",
            "123456789012345678",
        ] {
            assert_eq!(glanced(text), decode_slow(text), "{text}");
            assert!(glanced(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_odd_is_left() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "tru",
            "truex",
            "nul",
            "01",
            "-",
            "-0",
            "1.",
            ".5",
            "1.0",
            "2.50",
            "1e5",
            "0.0000001",
            "1234567890.1234567",
            "12345678901234567890",
            "+1",
            "\"a",
            "\"a\\\"",
            "\"a\\nb\"",
            "\"a\nb\"",
            "\"\u{1f}\"",
            "1 1",
            "\u{a0}1",
        ] {
            assert_eq!(glanced(text), None, "{text}");
        }
        assert_eq!(glanced(&format!("\"{}\"", "x".repeat(limits::MAX_STRING_BYTES + 1))), None);
        assert!(glanced(&format!("\"{}\"", "x".repeat(limits::MAX_STRING_BYTES))).is_some());
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(glanced(&nested(DEPTH - 1)).is_some());
        assert_eq!(glanced(&nested(DEPTH)), None);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-100_000..100_000_i32, 0..7_i32).prop_map(|(digits, point)| (f64::from(digits) / 10_f64.powi(point)).into()),
            any::<f64>().prop_map(Into::into),
            ".{0,20}".prop_map(Into::into),
            "[a-z\"\\\\é\n]{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[a-zé ]{0,12}", inner), 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_glance_sees_what_serde_reads(value in json(), is_pretty: bool) {
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            if let Some(glanced) = glanced(&text) {
                prop_assert_eq!(Some(glanced), decode_slow(&text));
            }
        }

        #[test]
        fn a_glance_sees_nothing_where_serde_reads_nothing(text in "[\\[\\]{}\",:a0-9.eé\\\\ -]{0,12}") {
            if let Some(glanced) = glanced(&text) {
                prop_assert_eq!(Some(glanced), decode_slow(&text));
            }
        }

        #[test]
        fn a_number_that_is_printed_so_is_taken_as_it_is(text in "-?[0-9]{1,17}(\\.[0-9]{1,8})?") {
            let Some(DynValue::Number(glanced)) = glanced(&text) else { return Ok(()) };
            prop_assert_eq!(decode_slow(&text), Some(DynValue::Number(glanced)));
        }
    }
}
