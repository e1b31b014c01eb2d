//! Files that are served as they are: the page's half, the live view, the reports, the demo shop.
//!
//! A file comes with the packed siblings that the build made (`.br`, `.gz`); the smallest one that the client can read is sent. What has a
//! hash in its name never changes and is kept for a year. Everything else is asked for again after a while, by its own hash.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

#[derive(RustEmbed)]
#[folder = "../www/live"]
#[allow_missing = true]
struct LiveView;

#[derive(RustEmbed)]
#[folder = "../www/reports"]
#[allow_missing = true]
struct Reports;

#[derive(RustEmbed)]
#[folder = "../www/shop"]
#[allow_missing = true]
struct Shop;

/// Where the page's half is taken from.
#[derive(Clone, Debug)]
pub enum Assets {
    /// From the program itself.
    Embedded,
    /// From a folder, read anew for every request.
    Folder(PathBuf),
}

/// A file, and how it is packed.
#[derive(Debug)]
pub struct File {
    /// Its bytes, packed.
    pub bytes: Cow<'static, [u8]>,
    /// How they are packed: `br`, `gzip` or not at all.
    pub encoding: Option<&'static str>,
    /// What it is, by its name.
    pub content_type: &'static str,
    /// Its hash, as an entity tag.
    pub tag: String,
}

impl Assets {
    /// Returns a file of the page's half, packed in the best way that `accepted` (an `Accept-Encoding`) allows.
    pub fn find(&self, name: &str, accepted: &str) -> Option<File> {
        match self {
            Self::Embedded => packed(name, accepted, |name| Dist::get(name).map(|file| file.data)),
            Self::Folder(folder) => packed(name, accepted, |name| read(folder, name).map(Cow::Owned)),
        }
    }

    /// Returns whether there is a page's half at all.
    pub fn exist(&self) -> bool {
        self.find("tracking.js", "").is_some()
    }
}

/// Returns a file of the live view.
pub fn live_view(name: &str) -> Option<File> {
    packed(name, "", |name| LiveView::get(name).map(|file| file.data))
}

/// Returns a file of the reports.
pub fn reports(name: &str) -> Option<File> {
    packed(name, "", |name| Reports::get(name).map(|file| file.data))
}

/// Returns a file of the demo shop.
pub fn shop(name: &str) -> Option<File> {
    packed(name, "", |name| Shop::get(name).map(|file| file.data))
}

/// Returns whether a file's name holds a hash of its content, as in `core-1f2e3d4c.wasm`.
pub fn is_hashed(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let middle = file.rsplit('.').nth(1).unwrap_or(stem);
    [stem.rsplit(['-', '_']).next().unwrap_or(stem), middle].iter().any(|part| {
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        part.len() >= 8 && all_digits(part) && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

fn packed(name: &str, accepted: &str, get: impl Fn(&str) -> Option<Cow<'static, [u8]>>) -> Option<File> {
    let packings = [("br", ".br"), ("gzip", ".gz")];
    let usable = packings.into_iter().filter(|(encoding, _)| accepts(accepted, encoding));
    let found = usable.filter_map(|(encoding, ending)| Some((get(&format!("{name}{ending}"))?, Some(encoding)))).next();
    let (bytes, encoding) = match found {
        Some(found) => found,
        None => (get(name)?, None),
    };
    let tag = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    Some(File { bytes, encoding, content_type: content_type(name), tag: format!("\"{tag}\"") })
}

/// Returns whether an `Accept-Encoding` names this encoding and does not weigh it with nothing.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").trim();
        name.trim().eq_ignore_ascii_case(encoding) && weight.parse() != Ok(0.0)
    })
}

/// Reads a file below `folder`, and never one beside it.
fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if inside { std::fs::read(folder.join(name)).ok() } else { None }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_seen_in_names() {
        for name in ["core-1f2e3d4c.wasm", "core.1f2e3d4c5b.js", "a/b/core_1f2e3d4c_bg-00aa11bb.wasm", "debug.0123abcd.js"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["tracking.js", "core.wasm", "tillroll_bg.wasm", "package.json", "fallback.js", "a-b.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn the_best_accepted_packing_is_chosen() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a.js", "plain"), ("a.js.br", "br"), ("a.js.gz", "gz"), ("b.js", "plain")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let assets = Assets::Folder(folder.path().into());
        let encoding = |name: &str, accepted: &str| assets.find(name, accepted).unwrap().encoding;
        assert_eq!(encoding("a.js", "gzip, deflate, br"), Some("br"));
        assert_eq!(encoding("a.js", "gzip;q=0.5, br;q=0"), Some("gzip"));
        assert_eq!(encoding("a.js", "gzip;q=0, identity"), None);
        assert_eq!(encoding("b.js", "br"), None);
        assert!(assets.find("../a.js", "").is_none() && assets.find("/etc/hostname", "").is_none());
    }
}
