//! Decodes compressed request bodies.
//!
//! The encoding is the one that `Content-Encoding` names. A body that starts with the magic bytes of gzip is gzip without the header too: no
//! body of a route starts like that, and a page that sends the header would need a preflight request.
//!
//! A small body must not become a large amount of work, so the decoded size is limited twice: by the limit of all bodies, and by a multiple of
//! the encoded size.

use std::io::Read;

use axum::http::{HeaderMap, header};
use brotli_decompressor::Decompressor;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use tillroll_protocol::limits;

use crate::Error;

/// How many times its encoded size a body may decode to. JSON of a shop compresses 5 to 30 times.
const MAX_RATIO: usize = 100;

/// Up to this decoded size the ratio is not limited, in bytes.
const MIN_LIMIT_BYTES: usize = 256 * limits::KIB;

/// The largest window of a zstd frame, in bytes: what RFC 8878 recommends that every decoder supports.
const MAX_ZSTD_WINDOW_BYTES: u64 = 8 << 20;

/// The largest buffer in which brotli reads its input, in bytes.
const BROTLI_INPUT_BYTES: usize = 4096;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    /// Returns the encoding of a body, or None if it is not encoded.
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Result<Option<Self>, Error> {
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        let mut named = None;
        for value in values {
            for name in value.to_str().map_err(|_| Error::UnsupportedEncoding)?.split(',').map(str::trim) {
                let encoding = match name.to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "br" => Self::Brotli,
                    "zstd" => Self::Zstd,
                    _ => return Err(Error::UnsupportedEncoding),
                };
                // No client encodes twice.
                if named.replace(encoding).is_some() {
                    return Err(Error::UnsupportedEncoding);
                }
            }
        }
        Ok(named.or_else(|| Self::is_unnamed(body).then_some(Self::Gzip)))
    }

    /// Returns whether a body is encoded although no header names its encoding.
    pub(super) fn is_unnamed(body: &[u8]) -> bool {
        body.starts_with(GZIP_MAGIC)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Decodes a body to at most [`max_decoded_bytes`] bytes.
    pub(super) fn decode(self, body: &[u8]) -> Result<Vec<u8>, Error> {
        if body.is_empty() {
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        let max = max_decoded_bytes(body.len());
        let result = match self {
            Self::Gzip => read(MultiGzDecoder::new(body), max, &mut out),
            Self::Brotli => read(Decompressor::new(body, BROTLI_INPUT_BYTES.min(body.len())), max, &mut out),
            Self::Zstd => read_zstd(body, max, &mut out),
        };
        match result {
            _ if out.len() > limits::MAX_REQUEST_BYTES => Err(Error::BodyTooLarge { limit: limits::MAX_REQUEST_BYTES }),
            _ if out.len() > max => Err(Error::BodyRatioTooHigh { limit: MAX_RATIO }),
            Ok(()) => Ok(out),
            Err(_) => Err(Error::NotDecodable { encoding: self.name() }),
        }
    }
}

/// Returns the limit of the decoded size of a body with this encoded size.
pub(super) fn max_decoded_bytes(encoded: usize) -> usize {
    encoded.saturating_mul(MAX_RATIO).clamp(MIN_LIMIT_BYTES, limits::MAX_REQUEST_BYTES)
}

/// Reads one byte more than the limit, so that the caller detects a longer body.
fn read(decoder: impl Read, max: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    let left = (max + 1).saturating_sub(out.len());
    decoder.take(left as u64).read_to_end(out).map(|_| ())
}

/// A zstd body may have several frames.
fn read_zstd(mut body: &[u8], max: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    while !body.is_empty() && out.len() <= max {
        let decoder = StreamingDecoder::new_with_max_window_size(&mut body, MAX_ZSTD_WINDOW_BYTES).map_err(std::io::Error::other)?;
        read(decoder, max, out)?;
    }
    Ok(())
}
