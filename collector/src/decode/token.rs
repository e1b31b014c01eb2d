//! Finds the token in the beginning of a JSON body, in linear time and without a tree, so that an unknown one is refused before anything else
//! of the body is read.
//!
//! The scanner skips other members without checking that they are JSON; what is skipped is parsed later. It continues where it stopped when
//! more of the body has arrived, so each byte is read once.

use memchr::memchr2;

use crate::decode::model::Text;

/// The longest token in a body, in bytes of JSON: the longest that a project may have, each character escaped.
const MAX_TOKEN_BYTES: usize = 1024;

/// What the scanner finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScan<'a> {
    /// The token, a string or a number.
    Found(Text<'a>),
    /// The text ends before a token. More of the body may contain one.
    Incomplete,
    /// The body has no token that is a string or a number, or it is no JSON object.
    None,
}

/// Returns the token of a body, or of the beginning of one.
pub fn scan_token(json: &[u8]) -> TokenScan<'_> {
    TokenScanner::default().scan(json)
}

/// Scans a body while it arrives.
#[derive(Debug, Default)]
pub struct TokenScanner {
    /// How many bytes were read.
    at: usize,
    state: State,
}

/// What the next byte belongs to. `start` is the position of the first byte of a name or value.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    /// Between two members of the object.
    Members,
    /// The name of a member, behind its opening quote.
    Name { start: usize },
    /// Between a name and its value.
    Colon { is_token: bool },
    /// White space before a value.
    BeforeValue { is_token: bool },
    /// A value with this many lists and objects open.
    Value { is_token: bool, start: usize, open: usize },
    /// A string in a value, behind its opening quote.
    ValueString { is_token: bool, start: usize, open: usize },
    /// The body has no token.
    NoToken,
}

impl TokenScanner {
    /// Continues in a body that begins with what was scanned before.
    pub fn scan<'a>(&mut self, json: &'a [u8]) -> TokenScan<'a> {
        loop {
            let Some(&byte) = json.get(self.at) else { return self.end() };
            self.state = match self.state {
                State::NoToken => return TokenScan::None,
                State::Start if self.at == 0 && json.starts_with(BYTE_ORDER_MARK) => {
                    self.at = BYTE_ORDER_MARK.len();
                    continue;
                }
                // The value that ends here begins the next state with the same byte.
                State::Value { is_token, start, open: 0 } if matches!(byte, b',' | b'}' | b']') && self.at > start => {
                    match found(is_token, json.get(start..self.at)) {
                        Some(scan) => return scan,
                        None => self.state = State::Members,
                    }
                    continue;
                }
                State::Name { start } => match self.skip_string(json) {
                    Some(end) => State::Colon { is_token: json.get(start..end).is_some_and(is_token) },
                    None => return TokenScan::Incomplete,
                },
                State::ValueString { is_token, start, open } => match self.skip_string(json) {
                    None => return TokenScan::Incomplete,
                    Some(_) if open > 0 => State::Value { is_token, start, open },
                    Some(end) => match found(is_token, json.get(start..=end)) {
                        Some(scan) => return scan,
                        None => State::Members,
                    },
                },
                state => {
                    let at = self.at;
                    self.at += 1;
                    state.after(byte, at)
                }
            };
        }
    }

    /// Returns what is found where the text ends.
    fn end(&self) -> TokenScan<'static> {
        if matches!(self.state, State::NoToken) { TokenScan::None } else { TokenScan::Incomplete }
    }

    /// Moves behind the string's closing quote and returns the quote's position; None if the text ends before it.
    fn skip_string(&mut self, json: &[u8]) -> Option<usize> {
        loop {
            let at = self.at + memchr2(b'"', b'\\', json.get(self.at..)?)?;
            if json.get(at) == Some(&b'"') {
                self.at = at + 1;
                return Some(at);
            }
            // The byte behind a backslash may not have arrived yet.
            self.at = at;
            json.get(at + 1)?;
            self.at = at + 2;
        }
    }
}

impl State {
    /// Returns the state after a byte outside strings, which is at the position `at`.
    fn after(self, byte: u8, at: usize) -> Self {
        match (self, byte) {
            (Self::Start, b'{') => Self::Members,
            (Self::Members, b'"') => Self::Name { start: at + 1 },
            (Self::Members, b',') => self,
            (Self::Colon { is_token }, b':') => Self::BeforeValue { is_token },
            (Self::BeforeValue { is_token }, b'"') => Self::ValueString { is_token, start: at, open: 0 },
            (Self::BeforeValue { is_token }, b'{' | b'[') => Self::Value { is_token, start: at, open: 1 },
            (Self::BeforeValue { .. }, b',' | b'}' | b']') => Self::NoToken,
            (Self::Value { is_token, start, open }, b'"') => Self::ValueString { is_token, start, open },
            (Self::Value { is_token, start, open }, b'{' | b'[') => Self::Value { is_token, start, open: open + 1 },
            (Self::Value { is_token: true, open: 1, .. }, b'}' | b']') => Self::NoToken,
            (Self::Value { open: 1, .. }, b'}' | b']') => Self::Members,
            (Self::Value { is_token, start, open }, b'}' | b']') => Self::Value { is_token, start, open: open.saturating_sub(1) },
            (Self::Value { .. }, _) => self,
            (_, byte) if byte.is_ascii_whitespace() => self,
            (Self::BeforeValue { is_token }, _) => Self::Value { is_token, start: at, open: 0 },
            _ => Self::NoToken,
        }
    }
}

/// Returns what a scalar value means: the token, or that there is none; None if it belongs to another member.
fn found(is_token: bool, value: Option<&[u8]>) -> Option<TokenScan<'_>> {
    is_token.then(|| value.and_then(scalar).map_or(TokenScan::None, TokenScan::Found))
}

/// The byte order mark that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns whether the name of a member is `token`, perhaps written with escape sequences.
fn is_token(name: &[u8]) -> bool {
    name == b"token"
        || (name.contains(&b'\\') && name.len() <= 6 * 5 && scalar(&[b"\"", name, b"\""].concat()).is_some_and(|name| name == "token"))
}

/// Returns the text of a string or a number that can be a token.
fn scalar(value: &[u8]) -> Option<Text<'_>> {
    use crate::decode::json_tree::JsonTree;
    use tillroll_protocol::dyn_value::DynValue;
    let is_scalar = matches!(value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
    if !is_scalar || value.len() > MAX_TOKEN_BYTES {
        return None;
    }
    match serde_json::from_slice(value).ok()? {
        JsonTree(DynValue::Text(text) | DynValue::Number(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(json: &str) -> Option<String> {
        match scan_token(json.as_bytes()) {
            TokenScan::Found(token) => Some(token.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn token_is_found_wherever_it_is() {
        for json in [
            r#"{"token":"t"}"#,
            "\u{feff} { \"token\" : \"t\" , ",
            r#"{"a":[1,{"token":"no"},"]"],"b":{"token":"no"},"c":"\"token\":\"no\"","d":-1.5e3,"e":null,"token":"t","token":"u"}"#,
            r#"{"\u0074oken":"\u0074"}"#,
        ] {
            assert_eq!(found(json).as_deref(), Some("t"), "{json}");
        }
        assert_eq!(found(r#"{"token":7}"#).as_deref(), Some("7"));
        let escaped = "\\u0074".repeat(128);
        assert_eq!(found(&format!(r#"{{"token":"{escaped}"}}"#)), Some("t".repeat(128)));
    }

    #[test]
    fn other_bodies_have_no_token() {
        for json in ["[]", "7", "x", "{}", r#"{"token":null}"#, r#"{"token":["t"]}"#, r#"{"token":{}}"#, r#"{"token" "t"}"#, "{x"] {
            assert_eq!(scan_token(json.as_bytes()), TokenScan::None, "{json}");
        }
        assert_eq!(scan_token(format!(r#"{{"token":"{}"}}"#, "x".repeat(2_000)).as_bytes()), TokenScan::None);
        for json in ["", " ", "{", r#"{"a":[[["#, r#"{"token":"t"#, r#"{"token":7"#, r#"{"a\"#] {
            assert_eq!(scan_token(json.as_bytes()), TokenScan::Incomplete, "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_token_of_any_object_is_found(members in prop::collection::vec(("[a-z\"\\\\]{0,4}", "[^\u{0}]{0,8}"), 0..5), token: String) {
            let mut json = String::from("{");
            for (name, value) in &members {
                let value = serde_json::json!([{ name.as_str(): value }, 1.5, null]);
                json += &format!("{}:{value},", serde_json::json!(name));
            }
            json += &format!("\"token\":{}}}", serde_json::json!(token));
            let escaped = serde_json::json!(token).to_string().len();
            prop_assert_eq!(found(&json), (escaped <= MAX_TOKEN_BYTES).then_some(token));
        }

        #[test]
        fn a_body_in_parts_has_the_token_of_the_whole(json in "(\\{|\"token\"|:|\"t\\\\\"\"|7|,|\\[|\\]|\\}| ){0,16}", cuts: [u8; 3]) {
            let json = json.as_bytes();
            let mut ends = cuts.map(|cut| usize::from(cut) % (json.len() + 1));
            ends.sort_unstable();
            let mut scanner = TokenScanner::default();
            let parts = ends.iter().map(|end| scanner.scan(&json[..*end])).find(|scan| *scan != TokenScan::Incomplete);
            let whole = scan_token(json);
            let scanned = parts.unwrap_or_else(|| scanner.scan(json));
            prop_assert_eq!(scanned, whole);
        }

        #[test]
        fn any_bytes_are_accepted(bytes: Vec<u8>) {
            let _ = scan_token(&bytes);
        }
    }
}
