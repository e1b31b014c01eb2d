//! Access tokens: JSON Web Tokens that this server signs, with the claims that clients of the metrics API read.
//!
//! The keys are in the [`Keyring`]. A rotation adds a new signing key; tokens of the previous key stay valid until they expire.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use crate::auth::keyring::Keyring;
pub use crate::auth::keyring::LIFETIME_SECS;

/// The prefix of a market's id in a scope.
const MARKET_PREFIX: &str = "market:id:";
/// The scope of all markets.
const ALL_MARKETS: &str = "market:all";

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The organization whose records the token gives access to.
    pub organization: Organization,
    /// The client that the token was issued to.
    pub application: Application,
    /// Whether the token is for test data. Always false in tokens of this server.
    pub test: bool,
    /// The markets that the token is limited to; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<Market>,
    /// The scope as the client requested it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The expiry, in seconds since 1970.
    pub exp: u64,
    /// The time of issue, in seconds since 1970.
    pub iat: u64,
    /// The issuer.
    pub iss: String,
    /// Random digits, so that two tokens of the same second differ.
    pub rand: String,
}

/// The organization whose records a token gives access to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The project's token.
    pub id: String,
    /// The project's token.
    pub slug: String,
    /// Always false.
    pub enterprise: bool,
    /// Always `self-hosted`.
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
    /// Whether the client cannot keep a secret.
    pub public: bool,
    /// Whether the client can keep a secret.
    pub confidential: bool,
}

/// The markets that a token is limited to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// The ids of the markets.
    pub id: Vec<String>,
}

impl Claims {
    /// Returns the claims of a token for a project, or None if the scope is invalid. `now` is in milliseconds since 1970.
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
            exp: iat + LIFETIME_SECS,
            iat,
            iss: "tillroll".into(),
            rand,
        })
    }

    /// Returns the markets that the token is limited to; an empty list means all.
    pub fn markets(&self) -> &[String] {
        self.market.as_ref().map_or(&[], |market| &market.id)
    }

    /// Returns `test` or `live`.
    pub fn mode(&self) -> &'static str {
        if self.test { "test" } else { "live" }
    }

    fn can_query_metrics(&self) -> bool {
        ["integration", "webapp"].contains(&self.application.kind.as_str())
    }
}

impl Keyring {
    /// Signs a token. Returns None if the keyring has no usable key.
    pub fn sign(&self, claims: &Claims) -> Option<String> {
        let key = self.current()?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &EncodingKey::from_ed_der(&key.private_der()?)).ok()
    }

    /// Returns the claims of a token that was signed here, has not expired and may query metrics. `now` is in milliseconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Option<Claims> {
        let kid = decode_header(token).ok()?.kid?;
        let key = self.find(&kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library would read the system's clock; `now` is compared below instead.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_ed_der(&key.public()?), &validation).ok()?.claims;
        (now / 1000 < claims.exp && claims.can_query_metrics()).then_some(claims)
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
    fn tokens_are_valid_until_they_expire_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = keyring.sign(&claims("market:id:a market:id:b")).unwrap();
        let reopened = Keyring::open(folder.path(), NOW).unwrap();
        let claims_read = reopened.verify(&token, NOW + LIFETIME_SECS * 1000 - 1).unwrap();
        assert_eq!(claims_read.markets(), ["a", "b"]);
        assert_eq!(claims_read.mode(), "live");
        assert_eq!(reopened.verify(&token, NOW + LIFETIME_SECS * 1000), None);
    }

    #[test]
    fn foreign_tampered_and_unsigned_tokens_are_rejected() {
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
    fn a_rotation_changes_the_signing_key_and_keeps_old_tokens_valid() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let old = keyring.sign(&claims("")).unwrap();
        Keyring::rotate(folder.path(), NOW).unwrap();
        let new = keyring.sign(&claims("")).unwrap();
        assert_ne!(decode_header(&old).unwrap().kid, decode_header(&new).unwrap().kid);
        assert!(keyring.verify(&old, NOW).is_some() && keyring.verify(&new, NOW).is_some());
        Keyring::rotate(folder.path(), NOW + LIFETIME_SECS * 1000 + 1).unwrap();
        assert!(keyring.verify(&old, NOW).is_none() && keyring.verify(&new, NOW).is_some());
    }

    #[test]
    fn scopes_other_than_markets_are_invalid() {
        assert!(claims("").market.is_none() && claims("market:all").market.is_none());
        for scope in ["market:id:", "market:5", "stock_location:id:x", "market:id:a admin"] {
            assert_eq!(Claims::new("shop", scope, NOW, String::new()), None, "{scope}");
        }
    }
}
