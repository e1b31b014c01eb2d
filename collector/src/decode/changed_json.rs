//! Random changes of JSON texts, for property tests.

use proptest::sample::Index;

/// Where a part of a text begins, how long it is, and which piece replaces it.
pub(super) type Change = (Index, Index, Index);

/// Replaces parts of a text, from one mark of JSON to another, with some of the pieces.
pub(super) fn changed(mut text: String, changes: &[Change], pieces: &[&str]) -> String {
    for (from, length, piece) in changes {
        let marks = text.match_indices(|letter: char| "{}[]:,\"".contains(letter)).flat_map(|(at, _)| [at, at + 1]);
        let bounds: Vec<usize> = marks.collect();
        if bounds.is_empty() {
            break;
        }
        let from = from.index(bounds.len());
        let to = (from + length.index(6)).min(bounds.len() - 1);
        text.replace_range(bounds[from]..bounds[to], pieces[piece.index(pieces.len())]);
    }
    text
}
