//! Credentials of NATS servers for a test: certificates of an own authority, and tokens as an operator's tools sign them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// The files of an authority and of a certificate that it has signed for `127.0.0.1`.
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificates {
    pub(crate) fn create(folder: &Path) -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = parameters.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(parameters, key);
        let own_key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own_key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        Self {
            authority: write("authority.pem", authority.pem()),
            certificate: write("certificate.pem", own.pem()),
            key: write("key.pem", own_key.serialize_pem()),
        }
    }

    /// Returns the block of the settings with which servers check each other.
    pub(crate) fn block(&self) -> String {
        let Self { authority, certificate, key } = self;
        format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {authority:?} }}")
    }
}

/// What a credentials file belongs to.
pub(crate) struct Account {
    /// The servers' settings.
    pub(crate) settings: String,
    account: KeyPair,
}

impl Account {
    /// An operator with one account for the collectors.
    pub(crate) fn create() -> Self {
        let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
        let of_operator = json!({"type": "operator", "version": 2, "system_account": system.public_key()});
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1
        });
        let of_account = json!({"type": "account", "version": 2, "limits": limits});
        // A system account may have no JetStream.
        let of_system = json!({"type": "account", "version": 2, "limits": {"subs": -1, "data": -1, "payload": -1, "conn": -1}});
        let settings = format!(
            "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
            token(&operator, &operator, &of_operator),
            system.public_key(),
            system.public_key(),
            token(&operator, &system, &of_system),
            account.public_key(),
            token(&operator, &account, &of_account)
        );
        Self { settings, account }
    }

    /// Writes the credentials of a new user.
    pub(crate) fn write_credentials(&self, file: &Path) {
        let user = KeyPair::new_user();
        let token = token(&self.account, &user, &json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}));
        let seed = user.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER \
             NKEY SEED------\n"
        );
        std::fs::write(file, text).unwrap();
    }
}

/// Returns the token of `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let body = json!({"iat": 1_600_000_000, "iss": issuer.public_key(), "sub": subject.public_key(), "name": "test", "nats": claims});
    let text = format!("{}.{}", encode(header.to_string().as_bytes()), encode(body.to_string().as_bytes()));
    let signature = issuer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", encode(&signature))
}
