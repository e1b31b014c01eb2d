//! The keys that sign access tokens, in a file of the data folder that only its owner can read.
//!
//! The last key signs. A rotated key still verifies tokens until the last one that it signed has expired. A running server reads the file
//! again when another process has rotated the keys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::file_change::FileVersion;
use crate::{atomic_file, clock};

/// The lifetime of an access token, in seconds.
pub const LIFETIME_SECS: u64 = 2 * 60 * 60;

/// The file in the data folder.
const FILE: &str = "token-keys.json";

/// The header of an Ed25519 private key in DER (PKCS #8, RFC 8410).
const DER_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key pair.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    /// The key id in the header of tokens.
    pub(super) kid: String,
    /// The private key, as hexadecimal digits.
    secret: String,
    /// When a rotation replaced this key, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<u64>,
}

impl Key {
    fn generate() -> io::Result<Self> {
        Ok(Self { kid: clock::random_hex::<8>()?, secret: clock::random_hex::<32>()?, retired_at: None })
    }

    fn bytes(&self) -> Option<[u8; 32]> {
        let byte = |index: usize| u8::from_str_radix(self.secret.get(index * 2..index * 2 + 2)?, 16).ok();
        let bytes: Vec<_> = (0..32).map_while(byte).collect();
        bytes.try_into().ok()
    }

    pub(super) fn private_der(&self) -> Option<Vec<u8>> {
        Some([&DER_PREFIX[..], &self.bytes()?].concat())
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
            Self::rotate(folder, now)?;
        }
        let version = FileVersion::of(&path);
        let keys = read(&path).with_context(|| unusable(&path))?;
        Ok(Self { cached: Mutex::new((version, keys)), path })
    }

    /// Adds a new signing key, and deletes the keys whose last tokens have expired.
    pub fn rotate(folder: &Path, now: u64) -> anyhow::Result<()> {
        let path = folder.join(FILE);
        let rotate = || -> io::Result<()> {
            let mut keys = if path.exists() { read(&path)? } else { Vec::new() };
            keys.retain(|key| key.retired_at.is_none_or(|at| now <= at + LIFETIME_SECS * 1000));
            for key in &mut keys {
                key.retired_at.get_or_insert(now);
            }
            keys.push(Key::generate()?);
            atomic_file::replace(&path, &serde_json::to_vec_pretty(&keys).map_err(io::Error::other)?)
        };
        rotate().with_context(|| unusable(&path))
    }

    pub(super) fn current(&self) -> Option<Key> {
        self.with_keys(|keys| keys.last().cloned())
    }

    pub(super) fn find(&self, kid: &str) -> Option<Key> {
        self.with_keys(|keys| keys.iter().find(|key| key.kid == kid).cloned())
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

fn unusable(path: &Path) -> String {
    format!("cannot use {}; make it readable and writable or choose another folder with --data", path.display())
}

fn read(path: &Path) -> io::Result<Vec<Key>> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}
