//! Splits a file into chunks of whole lines that fit into one request. Only one chunk is in memory at a time.

use std::io::{BufRead, Read};

use anyhow::bail;
use tillroll_protocol::limits;

/// The size at which a chunk ends, in bytes. Only the last line may exceed it.
const CHUNK_BYTES: usize = 4 << 20;

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
    /// A line that was read and did not fit into the last chunk.
    carried: Vec<u8>,
}

impl<R: BufRead> Chunks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, lines_before: 0, carried: Vec::new() }
    }

    /// Returns the next chunk, or None at the end. A line that no request could hold is an error.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Chunk>> {
        let lines_before = self.lines_before;
        let mut bytes = std::mem::take(&mut self.carried);
        self.check_line(bytes.len())?;
        self.lines_before += usize::from(!bytes.is_empty());
        while bytes.len() < CHUNK_BYTES && self.lines_before - lines_before < MAX_CHUNK_LINES {
            let start = bytes.len();
            let limit = limits::MAX_REQUEST_BYTES + 1;
            if self.reader.by_ref().take(limit as u64).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if start > 0 && bytes.len() > limits::MAX_REQUEST_BYTES {
                self.carried = bytes.split_off(start);
                break;
            }
            self.check_line(bytes.len() - start)?;
            self.lines_before += 1;
        }
        Ok(Some(Chunk { lines_before, bytes }).filter(|chunk| !chunk.bytes.is_empty()))
    }

    /// Fails if no request can hold the next line.
    fn check_line(&self, bytes: usize) -> anyhow::Result<()> {
        let (line, limit) = (self.lines_before + 1, limits::MAX_REQUEST_BYTES);
        if bytes > limit {
            bail!("line {line} is longer than {limit} bytes; the file must have one JSON object per line");
        }
        Ok(())
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
        let chunks = split(&text);
        assert_eq!(chunks.iter().map(|chunk| chunk.lines_before).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(chunks.iter().all(|chunk| chunk.bytes.len() == CHUNK_BYTES - 1));
        let long = vec![b'x'; limits::MAX_REQUEST_BYTES + 1];
        assert!(Chunks::new(&long[..]).next().is_err_and(|error| error.to_string().starts_with("line 1 is longer")));
        let text = [b"{}\n", &long[..]].concat();
        let mut chunks = Chunks::new(&text[..]);
        assert_eq!(chunks.next().unwrap().unwrap().bytes, b"{}\n");
        assert!(chunks.next().is_err_and(|error| error.to_string().starts_with("line 2 is longer")));
    }
}
