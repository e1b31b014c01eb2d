//! Splits a file into chunks of whole lines that fit into one request. Only one chunk is in memory at a time.

use std::io::{BufRead, Read};

use anyhow::bail;
use tillroll_protocol::limits;

/// The size at which a chunk ends, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// The most lines in a chunk.
const MAX_CHUNK_LINES: usize = 2_000;

/// Whole lines of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Chunk {
    /// How many lines precede the chunk.
    pub(super) lines_before: usize,
    /// The lines with their line breaks. The last line of a file may have none.
    pub(super) bytes: Vec<u8>,
}

/// The chunks of a file.
pub(super) struct Chunks<R> {
    reader: R,
    lines_before: usize,
}

impl<R: BufRead> Chunks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, lines_before: 0 }
    }

    /// Returns the next chunk, or None at the end. A line that no request could hold is an error.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Chunk>> {
        let (mut bytes, lines_before) = (Vec::new(), self.lines_before);
        while bytes.len() < CHUNK_BYTES && self.lines_before - lines_before < MAX_CHUNK_LINES {
            let start = bytes.len();
            let limit = limits::MAX_REQUEST_BYTES - CHUNK_BYTES;
            let read = self.reader.by_ref().take(limit as u64).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                break;
            }
            self.lines_before += 1;
            if read == limit && bytes.get(start + read - 1) != Some(&b'\n') {
                bail!("line {} is longer than {limit} bytes; the file must have one JSON object per line", self.lines_before);
            }
        }
        Ok(Some(Chunk { lines_before, bytes }).filter(|chunk| !chunk.bytes.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8]) -> Vec<Chunk> {
        let mut chunks = Chunks::new(text);
        std::iter::from_fn(|| chunks.next().unwrap()).collect()
    }

    #[test]
    fn chunks_have_whole_lines_and_together_are_the_file() {
        let text: Vec<u8> = (0..5_000).flat_map(|number| format!("{{\"id\":{number}}}\n").into_bytes()).collect();
        let chunks = split(&text);
        assert_eq!(chunks.iter().map(|chunk| chunk.lines_before).collect::<Vec<_>>(), [0, 2_000, 4_000]);
        assert!(chunks.iter().all(|chunk| chunk.bytes.ends_with(b"\n")));
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect::<Vec<_>>(), text);
        assert_eq!(split(b""), []);
        assert_eq!(split(b"a\n\nb"), [Chunk { lines_before: 0, bytes: b"a\n\nb".to_vec() }]);
    }

    #[test]
    fn chunks_fit_into_a_request_whatever_their_lines() {
        let line = vec![b'x'; CHUNK_BYTES - 2];
        let text = [&line[..], b"\n", &line[..], b"\n", &line[..], b"\n"].concat();
        assert!(split(&text).iter().all(|chunk| chunk.bytes.len() <= limits::MAX_REQUEST_BYTES));
        let long = vec![b'x'; limits::MAX_REQUEST_BYTES];
        assert!(Chunks::new(&long[..]).next().is_err_and(|error| error.to_string().starts_with("line 1 is longer")));
    }
}
