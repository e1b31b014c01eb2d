//! A file of lines, cut into pieces that fit a request. No more than one piece is ever in memory.

use std::io::{self, BufRead, Read};

use tillroll_protocol::limits;

use crate::cli::Fault;

/// About how large a piece is, in bytes.
const PIECE: usize = 1 << 20;

/// The most lines in a piece.
const LINES: usize = 2_000;

/// Whole lines.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    /// How many lines came before.
    pub(super) before: usize,
    /// The lines, each with its line break, which the last one of a file may lack.
    pub(super) bytes: Vec<u8>,
}

/// Cuts.
pub(super) struct Chunks<R> {
    lines: R,
    before: usize,
}

impl<R: BufRead> Chunks<R> {
    pub(super) fn new(lines: R) -> Self {
        Self { lines, before: 0 }
    }

    /// Returns the next piece.
    pub(super) fn next(&mut self, fault: impl Fn(io::Error) -> Fault) -> Result<Option<Piece>, Fault> {
        let (mut bytes, before) = (Vec::new(), self.before);
        while bytes.len() < PIECE && self.before - before < LINES {
            let start = bytes.len();
            let limit = limits::MAX_REQUEST_BYTES - PIECE;
            let read = self.lines.by_ref().take(limit as u64).read_until(b'\n', &mut bytes).map_err(&fault)?;
            if read == 0 {
                break;
            }
            self.before += 1;
            if read == limit && bytes.get(start + read - 1) != Some(&b'\n') {
                return Err(Fault::LongLine { line: self.before, limit });
            }
        }
        Ok(Some(Piece { before, bytes }).filter(|piece| !piece.bytes.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<Piece> {
        let mut pieces = Chunks::new(text);
        std::iter::from_fn(|| pieces.next(|_| Fault::Broken).unwrap()).collect()
    }

    #[test]
    fn pieces_are_whole_lines_and_together_the_file() {
        let text: Vec<u8> = (0..5_000).flat_map(|number| format!("{{\"id\":{number}}}\n").into_bytes()).collect();
        let pieces = cut(&text);
        assert_eq!(pieces.iter().map(|piece| piece.before).collect::<Vec<_>>(), [0, 2_000, 4_000]);
        assert!(pieces.iter().all(|piece| piece.bytes.ends_with(b"\n")));
        assert_eq!(pieces.concat_bytes(), text);
        assert_eq!(cut(b""), []);
        assert_eq!(cut(b"a\n\nb"), [Piece { before: 0, bytes: b"a\n\nb".to_vec() }]);
    }

    #[test]
    fn a_piece_fits_a_request_whatever_its_lines() {
        let line = vec![b'x'; PIECE - 2];
        let text = [&line[..], b"\n", &line[..], b"\n", &line[..], b"\n"].concat();
        assert!(cut(&text).iter().all(|piece| piece.bytes.len() <= limits::MAX_REQUEST_BYTES));
        let long = vec![b'x'; limits::MAX_REQUEST_BYTES];
        assert!(matches!(Chunks::new(&long[..]).next(|_| Fault::Broken), Err(Fault::LongLine { line: 1, .. })));
    }

    trait Concat {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl Concat for Vec<Piece> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|piece| piece.bytes.clone()).collect()
        }
    }
}
