//! Access tokens: JSON Web Tokens that this server signs, with the claims that clients of the metrics API read.
//!
//! The keys are in the [`Keyring`]. A token is valid as long as its key is, and as long as the secret is that it was issued for.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::auth::keyring::Keyring;
use crate::projects::{Owner, ProjectRegistry};

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
    /// The proof of the secret that the token was issued for, keyed by the signing key.
    #[serde(default)]
    pub grant: String,
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
    /// Returns the claims of a token for a project, or None if the scope is invalid. Spaces separate the parts of a scope, so the ids of markets
    /// are percent-encoded. `now` is in milliseconds since 1970.
    pub fn new(project: &str, scope: &str, now: u64, rand: String) -> Option<Self> {
        let mut markets = Vec::new();
        for part in scope.split_whitespace().filter(|part| *part != ALL_MARKETS) {
            let id = part.strip_prefix(MARKET_PREFIX).filter(|id| !id.is_empty())?;
            markets.push(percent_decode_str(id).decode_utf8().ok()?.into_owned());
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
            grant: String::new(),
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
    /// Signs a token for an owner. Returns None if the keyring has no usable key.
    pub fn sign(&self, claims: Claims, owner: &Owner) -> Option<String> {
        let key = self.current()?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims { grant: key.grant(owner.secret_hash())?, ..claims };
        encode(&header, &claims, &EncodingKey::from_ed_der(&key.private_der()?)).ok()
    }

    /// Returns the claims of a token that was signed here, has not expired and may query metrics, and the owner it was issued to, whose
    /// secret must still be valid. `now` is in milliseconds since 1970.
    pub fn verify(&self, token: &str, now: u64, projects: &ProjectRegistry) -> Option<(Claims, Owner)> {
        let kid = decode_header(token).ok()?.kid?;
        let key = self.find(&kid, now)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library would read the system's clock; `now` is compared below instead.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_ed_der(&key.public()?), &validation).ok()?.claims;
        let owner = projects.owner_by_hash(&claims.organization.id, |secret| key.grant(secret).as_ref() == Some(&claims.grant))?;
        (now / 1000 < claims.exp && claims.can_query_metrics()).then_some((claims, owner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    const NOW: u64 = 1_600_000_000_000;

    fn claims(scope: &str) -> Claims {
        Claims::new("shop", scope, NOW, "r".into()).unwrap()
    }

    fn projects(credentials: &str) -> ProjectRegistry {
        let folder = tempfile::tempdir().unwrap();
        ProjectRegistry::open(&[credentials.into()], folder.path(), Clock::SYSTEM, |_| Ok(1)).unwrap().0
    }

    /// Signs a token for the owner of `projects`.
    fn sign(keyring: &Keyring, claims: Claims, projects: &ProjectRegistry) -> String {
        keyring.sign(claims, &projects.first_owner().unwrap()).unwrap()
    }

    #[test]
    fn tokens_are_valid_until_they_expire_and_after_a_restart() {
        let (folder, projects) = (tempfile::tempdir().unwrap(), projects("shop:secret"));
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = sign(&keyring, claims("market:id:a market:id:b"), &projects);
        let reopened = Keyring::open(folder.path(), NOW).unwrap();
        let (claims_read, owner) = reopened.verify(&token, NOW + LIFETIME_SECS * 1000 - 1, &projects).unwrap();
        assert_eq!((claims_read.markets(), owner.id), (&["a".to_owned(), "b".to_owned()][..], 1));
        assert_eq!(claims_read.mode(), "live");
        assert!(reopened.verify(&token, NOW + LIFETIME_SECS * 1000, &projects).is_none());
    }

    #[test]
    fn foreign_tampered_and_unsigned_tokens_are_rejected() {
        let (folder, other, projects) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), projects("shop:secret"));
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = sign(&keyring, claims(""), &projects);
        assert!(keyring.verify(&token, NOW, &projects).is_some());
        let foreign = sign(&Keyring::open(other.path(), NOW).unwrap(), claims(""), &projects);
        let mut tampered = token.clone().into_bytes();
        let middle = tampered.len() / 2;
        tampered[middle] ^= 1;
        let sales = Claims { application: Application { kind: "sales_channel".into(), ..claims("").application }, ..claims("") };
        for bad in ["", "a.b.c", &foreign, &String::from_utf8_lossy(&tampered), &sign(&keyring, sales, &projects)] {
            assert!(keyring.verify(bad, NOW, &projects).is_none(), "{bad}");
        }
        let (head, _) = token.rsplit_once('.').unwrap();
        assert!(keyring.verify(&format!("{head}."), NOW, &projects).is_none());
    }

    #[test]
    fn tokens_end_with_the_secret_that_they_were_issued_for() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let token = sign(&keyring, claims(""), &projects("shop:secret"));
        assert!(keyring.verify(&token, NOW, &projects("shop:secret")).is_some());
        for credentials in ["shop:other-secret", "other:secret"] {
            assert!(keyring.verify(&token, NOW, &projects(credentials)).is_none(), "{credentials}");
        }
    }

    #[test]
    fn tokens_end_when_the_grace_time_of_their_key_ends() {
        let (folder, projects) = (tempfile::tempdir().unwrap(), projects("shop:secret"));
        let keyring = Keyring::open(folder.path(), NOW).unwrap();
        let old = sign(&keyring, claims(""), &projects);
        Keyring::rotate(folder.path(), NOW, Duration::from_secs(60)).unwrap();
        let new = sign(&keyring, claims(""), &projects);
        assert_ne!(decode_header(&old).unwrap().kid, decode_header(&new).unwrap().kid);
        for (now, is_valid) in [(NOW + 59_999, true), (NOW + 60_000, false)] {
            assert_eq!(keyring.verify(&old, now, &projects).is_some(), is_valid);
            assert!(keyring.verify(&new, now, &projects).is_some());
        }
        Keyring::rotate(folder.path(), NOW + 1, Duration::ZERO).unwrap();
        assert!(keyring.verify(&old, NOW + 1, &projects).is_none() && keyring.verify(&new, NOW + 1, &projects).is_none());
    }

    #[test]
    fn scopes_other_than_markets_are_invalid() {
        assert!(claims("").market.is_none() && claims("market:all").market.is_none());
        for scope in ["market:id:", "market:id:%ff", "market:5", "stock_location:id:x", "market:id:a admin"] {
            assert_eq!(Claims::new("shop", scope, NOW, String::new()), None, "{scope}");
        }
    }
}
