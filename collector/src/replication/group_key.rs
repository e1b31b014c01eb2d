//! The key that all nodes of a group have. It seals what travels through the log and only the nodes may read, and proves that a node is one.

use std::path::Path;

use anyhow::{Context, bail};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock;
use crate::hex;
use crate::text_input::without_byte_order_mark;

/// The environment variable of the key. There is no flag, because other users of the machine can read a command line.
pub(crate) const VARIABLE: &str = "TILLROLL_GROUP_KEY";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The key of a group.
#[derive(Clone)]
pub struct GroupKey([u8; KEY_BYTES]);

impl GroupKey {
    /// Returns a new random key, as hexadecimal digits.
    pub fn generate() -> anyhow::Result<String> {
        clock::random_hex::<KEY_BYTES>().context("the system returned no random bytes")
    }

    /// Reads the key from the environment.
    pub fn from_environment() -> anyhow::Result<Self> {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        if text.trim().is_empty() {
            bail!("--log needs the environment variable {VARIABLE}, the same on all nodes; `tillroll keys group` makes one");
        }
        Self::parse(&text).with_context(|| format!("{VARIABLE} is invalid"))
    }

    /// Reads the key from a file.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} does not hold the key of a group", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let text = without_byte_order_mark(text).trim();
        // The message does not quote the text, because it may be a secret.
        hex::decode(text).map(Self).with_context(|| format!("it must have {} hexadecimal digits", 2 * KEY_BYTES))
    }

    /// Returns a text that is the same for equal keys and reveals nothing about them.
    pub(crate) fn check(&self) -> String {
        hex::encode(self.derive("identity of the group key").get(..8).unwrap_or_default())
    }

    /// Returns the password with which a node fetches the store of another.
    pub(crate) fn join_secret(&self) -> String {
        hex::encode(&self.derive("password for the store"))
    }

    /// Seals a file with this name.
    pub(super) fn seal(&self, name: &str, content: &[u8]) -> anyhow::Result<Vec<u8>> {
        let nonce = clock::random::<NONCE_BYTES>().context("the system returned no random bytes")?;
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: content, aad: name.as_bytes() });
        let sealed = sealed.map_err(|_| anyhow::anyhow!("cannot seal {name}"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Returns the content of a sealed file with this name, or None if it was sealed with another key or name, or changed.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: name.as_bytes() }).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derive("files of the group").into())
    }

    fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        // A key of any length is valid.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        mac.update(b"tillroll ");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_name_open_what_was_sealed() {
        let [key, other] = ["ab", "cd"].map(|byte| GroupKey::parse(&byte.repeat(32)).unwrap());
        let sealed = key.seal("projects.json", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(key.open("projects.json", &sealed).as_deref(), Some(b"secret".as_slice()));
        let mut changed = sealed.clone();
        changed[30] ^= 1;
        assert!([&sealed[..20], &changed].iter().all(|sealed| key.open("projects.json", sealed).is_none()));
        assert!(key.open("token-keys.json", &sealed).is_none() && other.open("projects.json", &sealed).is_none());
        assert_ne!(key.seal("projects.json", b"secret").unwrap(), sealed);
        let with_mark = GroupKey::parse(&format!("\u{feff}{}\r\n", "ab".repeat(32))).unwrap();
        assert_eq!(with_mark.check(), key.check());
        assert_ne!(key.check(), other.check());
        assert_ne!(key.join_secret(), other.join_secret());
    }

    #[test]
    fn a_key_has_64_hexadecimal_digits() {
        assert!(GroupKey::parse(&format!(" {}\n", GroupKey::generate().unwrap())).is_ok());
        for text in ["", "ab", &"ab".repeat(33), &"xy".repeat(32), &"ä".repeat(32)] {
            assert!(GroupKey::parse(text).is_err(), "{text}");
        }
    }
}
