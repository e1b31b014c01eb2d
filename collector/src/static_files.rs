//! Static files: the browser library, the live view, the reports, the customers, the documents, and the demo shop.
//!
//! The build compresses files in advance (`.br`, `.gz`); the smallest form that the client accepts is sent. Of the documents only the
//! compressed form is embedded. A file whose name contains a hash never changes and is cached for a year. Every other file is revalidated by
//! its `ETag`.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::hex;

/// The `Cache-Control` of files that a browser must revalidate before each use.
pub(crate) const NO_CACHE: &str = "no-cache";

/// The `Cache-Control` of files whose name contains a hash.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

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
#[folder = "../www/customers"]
#[allow_missing = true]
struct Customers;

#[derive(RustEmbed)]
#[folder = "../www/shop"]
#[allow_missing = true]
struct Shop;

/// Where the files of the browser library come from.
#[derive(Clone, Debug)]
pub(crate) enum Assets {
    /// The copies that were compiled into the program.
    Embedded,
    /// A folder, read on every request.
    Folder(PathBuf),
}

/// A file in one of its compressed forms.
#[derive(Debug)]
pub(crate) struct File {
    /// The bytes, compressed with `encoding`.
    pub(crate) bytes: Cow<'static, [u8]>,
    /// The `Content-Encoding`: `br`, `gzip` or None.
    pub(crate) encoding: Option<&'static str>,
    /// The media type, derived from the file name.
    pub(crate) content_type: &'static str,
    /// The entity tag, a hash of the bytes.
    pub(crate) etag: String,
}

impl Assets {
    /// Returns a file of the browser library in the smallest form that `accepted` (an `Accept-Encoding`) allows.
    pub(crate) fn find(&self, name: &str, accepted: &str) -> Option<File> {
        match self {
            Self::Embedded => find_encoded(name, accepted, |name| Dist::get(name).map(|file| file.data)),
            Self::Folder(folder) => find_encoded(name, accepted, |name| read(folder, name).map(Cow::Owned)),
        }
    }

    /// Returns the present version of a hashed file: the file in the same folder whose name differs only in the hash.
    pub(crate) fn find_present_version(&self, name: &str, accepted: &str) -> Option<File> {
        let (start, extension) = split_hashed(name)?;
        let is_version = |other: &str| split_hashed(other) == Some((start, extension));
        let present = match self {
            Self::Embedded => Dist::iter().find(|other| is_version(other))?.into_owned(),
            Self::Folder(folder) => {
                let parent = Path::new(start).parent().unwrap_or(Path::new(""));
                let files = std::fs::read_dir(folder.join(parent)).ok()?.filter_map(|file| file.ok()?.file_name().into_string().ok());
                files.map(|file| parent.join(file).to_string_lossy().into_owned()).find(|other| is_version(other))?
            }
        };
        self.find(&present, accepted)
    }

    /// Returns whether there is a browser library to serve.
    pub(crate) fn exist(&self) -> bool {
        self.find("tracking.js", "").is_some()
    }
}

impl File {
    /// Returns the response with this file, or 304 if the client has the same version.
    pub(crate) fn into_response(self, cache_control: &'static str, headers: &HeaderMap) -> Response {
        let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_current = tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag);
        let mut response = if is_current { StatusCode::NOT_MODIFIED.into_response() } else { self.bytes.into_response() };
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(encoding) = self.encoding.filter(|_| !is_current) {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        out.extend(HeaderValue::from_str(&self.etag).map(|tag| (header::ETAG, tag)));
        response
    }
}

/// Returns a file of the live view.
pub(crate) fn live_view(name: &str) -> Option<File> {
    find_encoded(name, "", |name| LiveView::get(name).map(|file| file.data))
}

/// Returns a file of the reports.
pub(crate) fn reports(name: &str) -> Option<File> {
    find_encoded(name, "", |name| Reports::get(name).map(|file| file.data))
}

/// Returns a file of the pages about customers.
pub(crate) fn customers(name: &str) -> Option<File> {
    find_encoded(name, "", |name| Customers::get(name).map(|file| file.data))
}

/// Returns a file of the demo shop.
pub(crate) fn shop(name: &str) -> Option<File> {
    find_encoded(name, "", |name| Shop::get(name).map(|file| file.data))
}

/// Returns the client's `Accept-Encoding`; empty if there is none.
pub(crate) fn accept_encoding(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns whether a file's name contains a hash of its content, as in `core-1f2e3d4c.wasm`.
pub(crate) fn is_hashed(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let middle = file.rsplit('.').nth(1).unwrap_or(stem);
    [stem.rsplit(['-', '_']).next().unwrap_or(stem), middle].iter().any(|part| {
        let is_alphanumeric = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        part.len() >= 8 && is_alphanumeric && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

/// Splits a name such as `assets/core-1f2e3d4c.wasm` into the texts before and after the hash, which has eight hexadecimal digits.
fn split_hashed(name: &str) -> Option<(&str, &str)> {
    let (stem, extension) = name.split_once('.')?;
    let (start, hash) = stem.rsplit_once('-')?;
    (hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((start, extension))
}

fn find_encoded(name: &str, accepted: &str, get: impl Fn(&str) -> Option<Cow<'static, [u8]>>) -> Option<File> {
    let encodings = [("br", ".br"), ("gzip", ".gz")];
    let usable = encodings.into_iter().filter(|(encoding, _)| accepts(accepted, encoding));
    let found = usable.filter_map(|(encoding, extension)| Some((get(&format!("{name}{extension}"))?, Some(encoding)))).next();
    let (bytes, encoding) = match found {
        Some(found) => found,
        None => (get(name).or_else(|| get(&format!("{name}.br")).and_then(|bytes| decompressed(&bytes)))?, None),
    };
    let hash = hex::encode(&Sha256::digest(&bytes)[..16]);
    Some(File { bytes, encoding, content_type: content_type(name), etag: format!("\"{hash}\"") })
}

/// Returns the content of a `.br` file; None if it is damaged.
fn decompressed(bytes: &[u8]) -> Option<Cow<'static, [u8]>> {
    let mut content = Vec::new();
    brotli_decompressor::Decompressor::new(bytes, 4096).read_to_end(&mut content).ok()?;
    Some(Cow::Owned(content))
}

/// Returns whether an `Accept-Encoding` contains this encoding with a quality above zero.
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let (name, quality) = part.split_once(';').unwrap_or((part, "q=1"));
        let quality = quality.trim().trim_start_matches("q=").trim();
        name.trim().eq_ignore_ascii_case(encoding) && quality.parse() != Ok(0.0)
    })
}

/// Reads a file below `folder`. Names with `..` or a root are rejected.
fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if is_below { std::fs::read(folder.join(name)).ok() } else { None }
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
    fn hashes_in_file_names_are_recognised() {
        for name in ["core-1f2e3d4c.wasm", "core.1f2e3d4c5b.js", "a/b/core_1f2e3d4c_bg-00aa11bb.wasm", "debug.0123abcd.js"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["tracking.js", "core.wasm", "tillroll_bg.wasm", "package.json", "fallback.js", "a-b.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn the_smallest_accepted_encoding_is_chosen() {
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
        let mut compressed = Vec::new();
        brotli::BrotliCompress(&mut &b"text"[..], &mut compressed, &Default::default()).unwrap();
        std::fs::write(folder.path().join("c.html.br"), &compressed).unwrap();
        let content =
            |accepted: &str| assets.find("c.html", accepted).map(|file| (file.bytes.into_owned(), file.encoding, file.content_type));
        assert_eq!(content("br"), Some((compressed, Some("br"), "text/html; charset=utf-8")));
        assert_eq!(content("gzip"), Some((b"text".to_vec(), None, "text/html; charset=utf-8")));
        std::fs::write(folder.path().join("c.html.br"), "nonsense").unwrap();
        assert_eq!(content("gzip"), None);
        assert!(assets.find("../a.js", "").is_none() && assets.find("/etc/hostname", "").is_none());
    }

    #[test]
    fn another_hash_finds_the_present_version() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("assets")).unwrap();
        for name in ["assets/core-0123abcd.js", "assets/core-0123abcd.js.br", "assets/core-4567abcd.wasm", "assets/debug-0123abcd.js"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let assets = Assets::Folder(folder.path().into());
        let found = |name: &str| assets.find_present_version(name, "br").map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        assert_eq!(found("assets/core-ffffffff.js").as_deref(), Some("assets/core-0123abcd.js.br"));
        assert_eq!(found("assets/core-ffffffff.wasm").as_deref(), Some("assets/core-4567abcd.wasm"));
        for name in
            ["assets/other-ffffffff.js", "assets/core-fffffff.js", "assets/core.js", "core-ffffffff.js", "assets/../core-ffffffff.js"]
        {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
