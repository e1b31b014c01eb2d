//! The `.br` and `.gz` siblings of what is served, so that the collector never compresses while a page waits.
//!
//! A sibling that unpacks to its file is current. So there is no record to keep, and none to go stale.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::context::Context;
use crate::error::Error;
use crate::files;

/// What packs, what unpacks, and how the sibling is called.
pub(crate) struct Packing {
    ending: &'static str,
    pack: fn(&[u8]) -> Vec<u8>,
    unpack: fn(&[u8]) -> Option<Vec<u8>>,
}

/// Quality 11, window 24.
pub(crate) const BROTLI: Packing = Packing { ending: "br", pack: brotli_pack, unpack: brotli_unpack };
/// Level 9.
pub(crate) const GZIP: Packing = Packing { ending: "gz", pack: gzip_pack, unpack: gzip_unpack };

const PACKED: &[&str] = &["js", "wasm", "css"];

impl Packing {
    /// The name of the packed sibling.
    pub(crate) fn sibling(&self, file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(self.ending);
        name.into()
    }

    fn refresh(&self, file: &Path) -> Result<bool, Error> {
        let content = files::read(file)?;
        let sibling = self.sibling(file);
        let present = std::fs::read(&sibling).ok().and_then(|packed| (self.unpack)(&packed));
        if present.as_deref() == Some(&content) {
            return Ok(false);
        }
        files::write(&sibling, &(self.pack)(&content)).map(|()| true)
    }
}

/// Packs every script, module and style of `dist/` that is served, which the npm package is not.
pub(super) fn pack(context: &mut Context) -> Result<String, Error> {
    let mut fresh = 0;
    for file in files::below(&context.path("dist"), &|folder| folder != "npm") {
        if file.extension().is_some_and(|ending| PACKED.iter().any(|packed| ending == *packed)) {
            fresh += usize::from(BROTLI.refresh(&file)?) + usize::from(GZIP.refresh(&file)?);
        }
    }
    Ok(if fresh == 0 { "unchanged".into() } else { format!("{fresh} made") })
}

fn brotli_pack(content: &[u8]) -> Vec<u8> {
    let parameters = BrotliEncoderParams { quality: 11, lgwin: 24, size_hint: content.len(), ..Default::default() };
    let mut packed = Vec::new();
    // Reading from and writing to memory cannot fail; were it to, the sibling would not unpack and the size check would see it.
    let _ = brotli::BrotliCompress(&mut &content[..], &mut packed, &parameters);
    packed
}

fn brotli_unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    brotli::BrotliDecompress(&mut &packed[..], &mut content).ok().map(|()| content)
}

fn gzip_pack(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn gzip_unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut content).ok().map(|_| content)
}

#[cfg(test)]
mod tests {
    use super::{BROTLI, GZIP};

    #[test]
    fn what_is_packed_unpacks_to_itself() {
        for packing in [BROTLI, GZIP] {
            for content in [&b""[..], b"a", &b"till roll ".repeat(500)] {
                assert_eq!((packing.unpack)(&(packing.pack)(content)).as_deref(), Some(content), "{}", packing.ending);
            }
        }
    }

    #[test]
    fn what_is_damaged_counts_as_missing() {
        for packing in [BROTLI, GZIP] {
            assert_ne!((packing.unpack)(b"not packed").as_deref(), Some(&b"not packed"[..]), "{}", packing.ending);
        }
    }
}
