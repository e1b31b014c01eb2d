//! Writes a `.br` and a `.gz` file beside every served file, so that the collector never compresses while a page waits.
//!
//! A compressed file is up to date if it decompresses to the original. So no separate record can become stale.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::context::Context;
use crate::files;

/// A content encoding.
pub(crate) struct Encoding {
    extension: &'static str,
    encode: fn(&[u8]) -> Vec<u8>,
    /// Returns `None` for damaged input.
    decode: fn(&[u8]) -> Option<Vec<u8>>,
}

/// Quality 11, window 24.
pub(crate) const BROTLI: Encoding = Encoding { extension: "br", encode: encode_brotli, decode: decode_brotli };
/// Level 9.
pub(crate) const GZIP: Encoding = Encoding { extension: "gz", encode: encode_gzip, decode: decode_gzip };

/// The extensions of files that are compressed.
const COMPRESSIBLE: &[&str] = &["js", "wasm", "css"];

impl Encoding {
    /// The path of the compressed file.
    pub(crate) fn compressed_path(&self, file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(self.extension);
        name.into()
    }

    /// Compresses the file unless the compressed file is up to date; returns whether it wrote one.
    fn update(&self, file: &Path) -> Result<bool> {
        let path = self.compressed_path(file);
        self.update_from(file, &path)
    }

    /// Compresses `file` below the name of `target`, unless the result is up to date; returns its path.
    pub(crate) fn write(&self, file: &Path, target: &Path) -> Result<PathBuf> {
        let path = self.compressed_path(target);
        self.update_from(file, &path).map(|_| path)
    }

    fn update_from(&self, file: &Path, path: &Path) -> Result<bool> {
        let content = files::read(file)?;
        let present = std::fs::read(path).ok().and_then(|compressed| (self.decode)(&compressed));
        if present.as_deref() == Some(&content) {
            return Ok(false);
        }
        files::write(path, &(self.encode)(&content)).map(|()| true)
    }
}

/// Compresses every script, module and style sheet in `dist/`, except the npm package, which is not served, and the documents, which are
/// compressed already.
pub(super) fn compress(context: &mut Context) -> Result<String> {
    let mut written = 0;
    for file in files::list(&context.path("dist"), &|folder| folder != "npm" && folder != "docs") {
        if file.extension().is_some_and(|extension| COMPRESSIBLE.iter().any(|compressible| extension == *compressible)) {
            written += usize::from(BROTLI.update(&file)?) + usize::from(GZIP.update(&file)?);
        }
    }
    Ok(if written == 0 { "unchanged".into() } else { format!("{written} written") })
}

fn encode_brotli(content: &[u8]) -> Vec<u8> {
    let parameters = BrotliEncoderParams { quality: 11, lgwin: 24, size_hint: content.len(), ..Default::default() };
    let mut compressed = Vec::new();
    // Memory to memory cannot fail; a truncated result would not decode, so the next build would replace it.
    let _ = brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters);
    compressed
}

fn decode_brotli(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    brotli::BrotliDecompress(&mut &compressed[..], &mut content).ok().map(|()| content)
}

fn encode_gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn decode_gzip(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut content).ok().map(|_| content)
}

#[cfg(test)]
mod tests {
    use super::{BROTLI, GZIP};

    #[test]
    fn decoding_returns_the_encoded_content() {
        for encoding in [BROTLI, GZIP] {
            for content in [&b""[..], b"a", &b"till roll ".repeat(500)] {
                assert_eq!((encoding.decode)(&(encoding.encode)(content)).as_deref(), Some(content), "{}", encoding.extension);
            }
        }
    }

    #[test]
    fn damaged_input_does_not_decode_to_itself() {
        for encoding in [BROTLI, GZIP] {
            assert_ne!((encoding.decode)(b"not compressed").as_deref(), Some(&b"not compressed"[..]), "{}", encoding.extension);
        }
    }
}
