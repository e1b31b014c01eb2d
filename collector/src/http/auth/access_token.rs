//! Access tokens: JSON Web Tokens that this server signs itself, with the claims that clients of the metrics API read.
//!
//! The first start creates the signing key in the data folder, in a file that only the owner of the process can read. A rotation adds a new
//! signing key; the old key still verifies tokens until the last of them has expired. A running server detects a rotation by itself.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

pub use crate::http::auth::keyring::Keyring;
use crate::http::auth::keyring::TOKEN_LIFETIME_SECS;

/// The scope prefix of a single market.
const MARKET_PREFIX: &str = "market:id:";
/// The scope of all markets.
const ALL_MARKETS: &str = "market:all";

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The organization that owns the records.
    pub organization: Organization,
    /// The client that the token was issued to.
    pub application: Application,
    /// Whether the token covers test records instead of live ones.
    pub test: bool,
    /// The markets that the token is limited to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<Market>,
    /// The scope of the token request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The expiry time, in seconds since 1970.
    pub exp: u64,
    /// The time of issue, in seconds since 1970.
    pub iat: u64,
    /// The issuer.
    pub iss: String,
    /// A random value, so that two tokens of the same second differ.
    pub rand: String,
}

/// The organization that owns the records: a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The project's token.
    pub id: String,
    /// The project's token.
    pub slug: String,
    /// Always false.
    pub enterprise: bool,
    /// The region of the server.
    pub region: String,
}

/// The client that a token was issued to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// The client's id.
    pub id: String,
    /// The kind of client: `integration` and `webapp` may query metrics.
    pub kind: String,
    /// The client's id.
    pub client_id: String,
    /// Whether the client is public: it has no secret.
    pub public: bool,
    /// Whether the client is confidential: it has a secret.
    pub confidential: bool,
}

/// The markets that a token is limited to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// The ids of the markets.
    pub id: Vec<String>,
}

impl Claims {
    /// Returns the claims of a token for a project; `None` if the scope is not valid. `now` is in milliseconds since 1970.
    pub fn new(project: &str, scope: &str, now: u64, rand: String) -> Option<Self> {
        let mut markets = Vec::new();
        for part in scope.split_whitespace().filter(|part| *part != ALL_MARKETS) {
            markets.push(part.strip_prefix(MARKET_PREFIX).filter(|id| !id.is_empty())?.to_owned());
        }
        let id = project.to_owned();
        let iat = now / 1000;
        Some(Self {
            organization: Organization { id: id.clone(), slug: id.clone(), enterprise: false, region: "self-hosted".into() },
            application: Application { id: id.clone(), kind: "integration".into(), client_id: id, public: false, confidential: true },
            test: false,
            market: (!markets.is_empty()).then_some(Market { id: markets }),
            scope: scope.split_whitespace().collect::<Vec<_>>().join(" "),
            exp: iat + TOKEN_LIFETIME_SECS,
            iat,
            iss: "tillroll".into(),
            rand,
        })
    }

    /// Returns the markets that the token is limited to; empty for all markets.
    pub fn markets(&self) -> &[String] {
        self.market.as_ref().map_or(&[], |market| &market.id)
    }

    /// Returns `test` or `live`.
    pub fn mode(&self) -> &'static str {
        if self.test { "test" } else { "live" }
    }

    fn may_query_metrics(&self) -> bool {
        ["integration", "webapp"].contains(&self.application.kind.as_str())
    }
}

impl Keyring {
    /// Signs a token with the current key; `None` if there is no usable key.
    pub fn sign(&self, claims: &Claims) -> Option<String> {
        let key = self.current()?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &EncodingKey::from_ed_der(&key.private_der()?)).ok()
    }

    /// Returns the claims of a token if a key of this server signed it, it has not expired, and its client may query metrics. `now` is in
    /// milliseconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Option<Claims> {
        let kid = decode_header(token).ok()?.kid?;
        let key = self.find(&kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library would read the system clock; the expiry is checked below with `now`.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_ed_der(&key.public()?), &validation).ok()?.claims;
        (now / 1000 < claims.exp && claims.may_query_metrics()).then_some(claims)
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
    fn token_is_accepted_until_it_expires_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = keyring.sign(&claims("market:id:a market:id:b")).unwrap();
        let again = Keyring::open(folder.path(), NOW).unwrap();
        let read = again.verify(&token, NOW + TOKEN_LIFETIME_SECS * 1000 - 1).unwrap();
        assert_eq!(read.markets(), ["a", "b"]);
        assert_eq!(read.mode(), "live");
        assert_eq!(again.verify(&token, NOW + TOKEN_LIFETIME_SECS * 1000), None);
    }

    #[test]
    fn token_that_this_server_did_not_sign_is_rejected() {
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
    fn rotation_is_detected_and_old_tokens_stay_valid() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let old = keyring.sign(&claims("")).unwrap();
        Keyring::rotate(folder.path(), NOW).unwrap();
        let new = keyring.sign(&claims("")).unwrap();
        assert_ne!(decode_header(&old).unwrap().kid, decode_header(&new).unwrap().kid);
        assert!(keyring.verify(&old, NOW).is_some() && keyring.verify(&new, NOW).is_some());
        Keyring::rotate(folder.path(), NOW + TOKEN_LIFETIME_SECS * 1000 + 1).unwrap();
        assert!(keyring.verify(&old, NOW).is_none() && keyring.verify(&new, NOW).is_some());
    }

    #[test]
    fn scope_accepts_only_markets() {
        assert!(claims("").market.is_none() && claims("market:all").market.is_none());
        for scope in ["market:id:", "market:5", "stock_location:id:x", "market:id:a admin"] {
            assert_eq!(Claims::new("shop", scope, NOW, String::new()), None, "{scope}");
        }
    }
}
