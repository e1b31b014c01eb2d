//! The outer form of a request with one thing in it: a JSON object that names its project by a token.

use tillroll_protocol::dyn_value::DynValue;

use crate::Error;
use crate::ingest::decode::JsonTree;

/// A request's body, read as far as its project.
#[derive(Debug)]
pub struct Envelope {
    /// The project's public token.
    pub token: String,
    /// The whole object.
    pub members: DynValue,
}

impl Envelope {
    /// Reads a body. Who asks has not proved anything yet, so nothing but the token is looked at.
    pub fn read(body: &[u8]) -> Result<Self, Error> {
        let members = object(body)?;
        match members.get("token") {
            DynValue::Text(token) | DynValue::Number(token) => Ok(Self { token: token.clone(), members }),
            other => Err(Error::BadField { field: "token", wanted: "a string", found: crate::ingest::decode::kind_of(other) }),
        }
    }
}

/// Reads a body that must be one JSON object. Some servers put a byte order mark before it.
pub(super) fn object(body: &[u8]) -> Result<DynValue, Error> {
    let text = std::str::from_utf8(body).map_err(|error| Error::NotJson(error.to_string()))?;
    let JsonTree(value) = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| Error::NotJson(error.to_string()))?;
    match value {
        DynValue::Object(_) => Ok(value),
        other => Err(Error::BadField { field: "body", wanted: "an object", found: crate::ingest::decode::kind_of(&other) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_or_told() {
        let token = |body: &str| Envelope::read(body.as_bytes()).map(|envelope| envelope.token).map_err(|error| error.code());
        assert_eq!(token(r#"{"token":"t","x":1}"#), Ok("t".into()));
        assert_eq!(token("\u{feff}{\"token\":7}"), Ok("7".into()));
        assert_eq!(token(r#"{"token":["t"]}"#), Err("invalid_field"));
        assert_eq!(token("{}"), Err("missing_field"));
        assert_eq!(token("[]"), Err("invalid_field"));
        assert_eq!(token(""), Err("not_json"));
    }
}
