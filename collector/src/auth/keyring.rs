//! The keys that sign access tokens, in a file of the data folder that only its owner can read.
//!
//! The last key signs. A rotated key is invalid from then on, or after the grace time that the operator chose. A running server reads the
//! file again when another process has rotated the keys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::file_change::FileVersion;
use crate::hex;
use crate::projects::{self, SecretHash};
use crate::{atomic_file, clock};

/// The lifetime of an access token, in seconds.
pub const LIFETIME_SECS: u64 = 2 * 60 * 60;

/// The file in the data folder.
pub(crate) const FILE: &str = "token-keys.json";

/// The header of an Ed25519 private key in DER (PKCS #8, RFC 8410).
const DER_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key pair.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    /// The key id in the header of tokens.
    pub(super) kid: String,
    /// The private key, as hexadecimal digits.
    secret: String,
    /// When a replaced key becomes invalid, in milliseconds since 1970. Earlier versions stored the time of the rotation.
    #[serde(default, alias = "retired_at", skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

impl Key {
    fn generate() -> io::Result<Self> {
        Ok(Self { kid: clock::random_hex::<8>()?, secret: clock::random_hex::<32>()?, until: None })
    }

    fn bytes(&self) -> Option<[u8; 32]> {
        hex::decode(&self.secret)
    }

    pub(super) fn private_der(&self) -> Option<Vec<u8>> {
        Some([&DER_PREFIX[..], &self.bytes()?].concat())
    }

    /// Returns the proof that a token was issued for a secret. Without this key it reveals nothing about the secret.
    pub(super) fn grant(&self, secret: &SecretHash) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes()?).ok()?;
        mac.update(b"access token for the secret ");
        mac.update(secret);
        mac.finalize().into_bytes().get(..16).map(hex::encode)
    }

    fn is_valid(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(super) fn public(&self) -> Option<[u8; 32]> {
        Some(SigningKey::from_bytes(&self.bytes()?).verifying_key().to_bytes())
    }
}

/// All keys that verify tokens; the last one signs.
pub struct Keyring {
    path: PathBuf,
    cached: Mutex<(FileVersion, Vec<Key>)>,
}

impl Keyring {
    /// Opens the keys in the data folder and creates the first one if there is none. `now` is in milliseconds since 1970.
    pub fn open(folder: &Path, now: u64) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        if !path.exists() {
            Self::rotate(folder, now, Duration::ZERO)?;
        }
        let version = FileVersion::of(&path);
        let keys = read(&path).map_err(|error| unusable(&path, error))?;
        Ok(Self { cached: Mutex::new((version, keys)), path })
    }

    /// Adds a new signing key. The previous ones become invalid after `grace`, and invalid ones are deleted.
    pub fn rotate(folder: &Path, now: u64, grace: Duration) -> anyhow::Result<()> {
        let end = now.saturating_add(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        let path = folder.join(FILE);
        let rotate = || -> io::Result<()> {
            let mut keys = if path.exists() { read(&path)? } else { Vec::new() };
            for key in &mut keys {
                key.until = Some(key.until.map_or(end, |until| until.min(end)));
            }
            keys.retain(|key| key.is_valid(now));
            keys.push(Key::generate()?);
            atomic_file::replace(&path, &serde_json::to_vec_pretty(&keys).map_err(io::Error::other)?)
        };
        projects::file::locked(folder, || rotate().map_err(|error| unusable(&path, error)))?
    }

    pub(super) fn current(&self) -> Option<Key> {
        self.with_keys(|keys| keys.last().cloned())
    }

    /// Returns the id of the signing key. It changes with each rotation.
    pub(crate) fn current_id(&self) -> Option<String> {
        self.current().map(|key| key.kid)
    }

    /// Returns a key that is valid at `now`.
    pub(super) fn find(&self, kid: &str, now: u64) -> Option<Key> {
        self.with_keys(|keys| keys.iter().find(|key| key.kid == kid && key.is_valid(now)).cloned())
    }

    /// Reads the file again if another process has rotated the keys. If that fails, the cached keys are used.
    fn with_keys<T>(&self, select: impl FnOnce(&[Key]) -> T) -> T {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let version = FileVersion::of(&self.path);
        if version != cached.0
            && let Ok(keys) = read(&self.path)
        {
            *cached = (version, keys);
        }
        select(&cached.1)
    }
}

/// Returns the error of a file that cannot be used. It does not quote the file, because it contains secrets.
fn unusable(path: &Path, error: io::Error) -> anyhow::Error {
    let path = path.display();
    if error.kind() == io::ErrorKind::InvalidData {
        return anyhow!(
            "{path} is damaged: it is no list of keys; restore it from a backup, or delete it, which makes all access tokens invalid"
        );
    }
    anyhow::Error::new(error).context(format!("cannot use {path}; make it readable and writable or choose another folder with --data"))
}

fn read(path: &Path) -> io::Result<Vec<Key>> {
    serde_json::from_slice(&fs::read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
