//! The outer form of a vendor's request: a JSON object that names its project by a token.

use tillroll_protocol::dyn_value::DynValue;

use crate::decode::{BodyError, JsonTree, JsonValue, type_name};

/// The body of a request, of which only the token is validated.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The project's public token.
    pub token: String,
    /// The whole object.
    pub members: JsonValue<'a>,
}

impl<'a> Envelope<'a> {
    /// Parses a body. The sender is not authenticated yet, so an error concerns nothing but the token.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let members = parse_object(body)?;
        match members.get("token") {
            DynValue::Text(token) | DynValue::Number(token) => Ok(Self { token: token.clone().into_owned(), members }),
            other => Err(BodyError::BadField { field: "token", wanted: "a string", found: type_name(other) }),
        }
    }
}

/// Parses a body that must be a JSON object. Some servers write a byte order mark before it.
pub(super) fn parse_object(body: &[u8]) -> Result<JsonValue<'_>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|error| BodyError::NotJson(error.to_string()))?;
    let tree = serde_json::from_str(text.trim_start_matches('\u{feff}'));
    match tree.map_err(|error| BodyError::NotJson(error.to_string()))? {
        JsonTree(object @ DynValue::Object(_)) => Ok(object),
        other => Err(BodyError::BadField { field: "body", wanted: "an object", found: other.type_name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn token_is_parsed_or_reported_as_invalid() {
        let token = |body: &str| Envelope::parse(body.as_bytes()).map(|envelope| envelope.token).map_err(|error| Error::from(error).code());
        assert_eq!(token(r#"{"token":"t","x":1}"#), Ok("t".into()));
        assert_eq!(token("\u{feff}{\"token\":7}"), Ok("7".into()));
        assert_eq!(token(r#"{"token":["t"]}"#), Err("invalid_field"));
        assert_eq!(token("{}"), Err("missing_field"));
        assert_eq!(token("[]"), Err("invalid_field"));
        assert_eq!(token(""), Err("not_json"));
    }
}
