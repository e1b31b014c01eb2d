//! Access tokens: JSON Web Tokens that this server signs itself, with the claims that Commerce Layer's clients read.
//!
//! Keys are made on the first start and kept in the data folder, readable by nobody else. A rotation makes a new one to sign with; the old
//! one is still believed for as long as a token lives. A running server notices a rotation by itself.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

pub use crate::http::auth::keyring::Keyring;

/// How long a token is good for, in seconds.
pub const LIFETIME: u64 = 2 * 60 * 60;

/// The scope in front of a market's id.
const MARKET: &str = "market:id:";
/// The scope that stands for every market.
const ALL_MARKETS: &str = "market:all";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose records may be seen.
    pub organization: Organization,
    /// Who was given the token.
    pub application: Application,
    /// Whether it is about records that are not real.
    pub test: bool,
    /// To which markets it is limited, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<Market>,
    /// The limits as they were asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
    /// When it was made, in seconds since 1970.
    pub iat: u64,
    /// Who made it.
    pub iss: String,
    /// What makes two tokens of one second differ.
    pub rand: String,
}

/// Whose records may be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The project's token.
    pub id: String,
    /// The project's token.
    pub slug: String,
    /// Always false.
    pub enterprise: bool,
    /// Where the server stands.
    pub region: String,
}

/// Who was given the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// The client's id.
    pub id: String,
    /// What kind of client it is: `integration` or `webapp` may ask for metrics.
    pub kind: String,
    /// The client's id.
    pub client_id: String,
    /// Whether it cannot keep a secret.
    pub public: bool,
    /// Whether it can.
    pub confidential: bool,
}

/// To which markets a token is limited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// Their ids.
    pub id: Vec<String>,
}

impl Claims {
    /// Returns the claims of a token for a project, or `None` if the scope cannot be understood. `now` is in milliseconds since 1970.
    pub fn new(project: &str, scope: &str, now: u64, rand: String) -> Option<Self> {
        let mut markets = Vec::new();
        for part in scope.split_whitespace().filter(|part| *part != ALL_MARKETS) {
            markets.push(part.strip_prefix(MARKET).filter(|id| !id.is_empty())?.to_owned());
        }
        let id = project.to_owned();
        let iat = now / 1000;
        Some(Self {
            organization: Organization { id: id.clone(), slug: id.clone(), enterprise: false, region: "self-hosted".into() },
            application: Application { id: id.clone(), kind: "integration".into(), client_id: id, public: false, confidential: true },
            test: false,
            market: (!markets.is_empty()).then_some(Market { id: markets }),
            scope: scope.split_whitespace().collect::<Vec<_>>().join(" "),
            exp: iat + LIFETIME,
            iat,
            iss: "tillroll".into(),
            rand,
        })
    }

    /// Returns the markets that it is limited to; none named means all.
    pub fn markets(&self) -> &[String] {
        self.market.as_ref().map_or(&[], |market| &market.id)
    }

    /// Returns `test` or `live`.
    pub fn mode(&self) -> &'static str {
        if self.test { "test" } else { "live" }
    }

    fn may_ask(&self) -> bool {
        ["integration", "webapp"].contains(&self.application.kind.as_str())
    }
}

impl Keyring {
    /// Signs a token.
    pub fn sign(&self, claims: &Claims) -> Option<String> {
        let key = self.current()?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &EncodingKey::from_ed_der(&key.private_der()?)).ok()
    }

    /// Returns what a token says, if it was signed here, is not over, and may ask for metrics. `now` is in milliseconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Option<Claims> {
        let kid = decode_header(token).ok()?.kid?;
        let key = self.find(&kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library would ask the system for the time.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_ed_der(&key.public()?), &validation).ok()?.claims;
        (now / 1000 < claims.exp && claims.may_ask()).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_600_000_000_000;

    fn claims(scope: &str) -> Claims {
        Claims::new("shop", scope, NOW, "r".into()).unwrap()
    }

    #[test]
    fn a_token_is_believed_until_it_ends_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = keyring.sign(&claims("market:id:a market:id:b")).unwrap();
        let again = Keyring::open(folder.path(), NOW).unwrap();
        let read = again.verify(&token, NOW + LIFETIME * 1000 - 1).unwrap();
        assert_eq!(read.markets(), ["a", "b"]);
        assert_eq!(read.mode(), "live");
        assert_eq!(again.verify(&token, NOW + LIFETIME * 1000), None);
    }

    #[test]
    fn what_was_not_signed_here_is_not_believed() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = keyring.sign(&claims("")).unwrap();
        assert!(keyring.verify(&token, NOW).is_some());
        let foreign = Keyring::open(other.path(), NOW).unwrap().sign(&claims("")).unwrap();
        let mut tampered = token.clone().into_bytes();
        let middle = tampered.len() / 2;
        tampered[middle] ^= 1;
        let sales = Claims { application: Application { kind: "sales_channel".into(), ..claims("").application }, ..claims("") };
        for bad in ["", "a.b.c", &foreign, &String::from_utf8_lossy(&tampered), &keyring.sign(&sales).unwrap()] {
            assert_eq!(keyring.verify(bad, NOW), None, "{bad}");
        }
        let (head, _) = token.rsplit_once('.').unwrap();
        assert_eq!(keyring.verify(&format!("{head}."), NOW), None);
    }

    #[test]
    fn a_rotation_is_noticed_and_old_tokens_live_on() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let old = keyring.sign(&claims("")).unwrap();
        Keyring::rotate(folder.path(), NOW).unwrap();
        let new = keyring.sign(&claims("")).unwrap();
        assert_ne!(decode_header(&old).unwrap().kid, decode_header(&new).unwrap().kid);
        assert!(keyring.verify(&old, NOW).is_some() && keyring.verify(&new, NOW).is_some());
        Keyring::rotate(folder.path(), NOW + LIFETIME * 1000 + 1).unwrap();
        assert!(keyring.verify(&old, NOW).is_none() && keyring.verify(&new, NOW).is_some());
    }

    #[test]
    fn only_markets_are_scopes() {
        assert!(claims("").market.is_none() && claims("market:all").market.is_none());
        for scope in ["market:id:", "market:5", "stock_location:id:x", "market:id:a admin"] {
            assert_eq!(Claims::new("shop", scope, NOW, String::new()), None, "{scope}");
        }
    }
}
