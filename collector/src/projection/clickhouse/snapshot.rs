//! Which rows count: those of committed batches that are not listed as gone.
//!
//! A row's number `doc` is the number of its block in the upper bits and its place in the block in the lower ones. A batch uses several
//! blocks. The table `projection` has one row for each committed batch, with the number of its last block and the watermark, and one for each
//! claim. A writer claims a range of blocks before it writes. The claim notes the last committed batch of that moment; what earlier writers add
//! to the blocks between the two never counts, even if it arrives later.

use crate::metrics::rows::{Cell, Row};
use crate::projection::clickhouse::client::Client;
use crate::projection::error::ProjectionError;
use crate::projection::source::Position;

/// The bits of a row's number that are its place in its block.
pub(super) const PLACE_BITS: u32 = 24;
/// The bits of a block's number that are its place in the range of its claim.
pub(super) const BLOCK_BITS: u32 = 22;

/// What counts at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The last block that counts.
    pub(super) block: i64,
    /// Chosen at random by the writer of the last block. No other commit has the same number and owner, in whatever database.
    pub(super) owner: String,
    /// The watermark.
    pub(super) position: Position,
    /// Ranges of blocks that do not count: from the first one until before the second one.
    pub(super) gaps: Vec<(i64, i64)>,
    /// The version of the schema, and the group of the store.
    pub(super) fingerprint: String,
}

impl Snapshot {
    /// Reads what counts now; `None` if nothing was ever written.
    pub(super) fn read(client: &Client) -> Result<Option<Self>, ProjectionError> {
        let sql = "SELECT block, is_claim, continues, change_position, event_position, trimmed, fingerprint, owner FROM projection
             WHERE is_claim OR block = (SELECT max(block) FROM projection) ORDER BY block DESC, continues, owner";
        let rows = client.query(sql, &[], "")?;
        let Some(newest) = rows.first() else { return Ok(None) };
        let claims: Vec<_> = rows.iter().filter(|row| row.get(1) == Some(&Cell::Bool(true))).collect();
        let mut gaps = Vec::new();
        for claims in claims.chunk_by(|one, other| integer(one, 0) == integer(other, 0)) {
            let claim = valid_claim(client, claims)?;
            // Before the first claim there are no rows.
            let claim = claim.filter(|claim| integer(claim, 2) > 0);
            gaps.extend(claim.map(|claim| (integer(claim, 2) + 1, integer(claim, 0))).filter(|(from, until)| from < until));
        }
        Ok(Some(Self {
            block: integer(newest, 0),
            position: Position { change: integer(newest, 3), event: integer(newest, 4), trimmed: integer(newest, 5) },
            gaps,
            fingerprint: text(newest, 6),
            owner: text(newest, 7),
        }))
    }

    /// Fails with [`ProjectionError::Moved`] if something else counts now. It reads the newest rows only.
    pub(super) fn check(&self, client: &Client) -> Result<(), ProjectionError> {
        let rows = client.query(&format!("SELECT block, owner FROM projection WHERE block >= {}", self.block), &[], "")?;
        let is_own = |row| integer(row, 0) == self.block && text(row, 1) == self.owner;
        if !rows.is_empty() && rows.iter().all(is_own) { Ok(()) } else { Err(ProjectionError::Moved) }
    }

    /// Returns the condition that the row with this number counts.
    pub(super) fn visible_rows(&self, number: &str) -> String {
        format!("{} AND {number} NOT IN (SELECT doc FROM gone WHERE {})", self.counts(number), self.counts("at"))
    }

    /// Returns the condition that a number is one of a block that counts.
    pub(super) fn counts(&self, number: &str) -> String {
        let mut condition = format!("{number} < {}", (self.block + 1) << PLACE_BITS);
        for (from, until) in &self.gaps {
            condition += &format!(" AND ({number} < {} OR {number} >= {})", from << PLACE_BITS, until << PLACE_BITS);
        }
        condition
    }
}

/// Returns the claim that counts of those of one range. A writer that was paused before it claimed a range can do that after another writer has
/// begun to commit there, and does not go on then: its claim is that of the one without a commit.
fn valid_claim<'a>(client: &Client, claims: &[&'a Row]) -> Result<Option<&'a Row>, ProjectionError> {
    let [first, _, ..] = claims else { return Ok(claims.first().copied()) };
    let (block, next) = (integer(first, 0), integer(first, 0) + (1 << BLOCK_BITS));
    let sql = format!("SELECT DISTINCT owner FROM projection WHERE NOT is_claim AND block > {block} AND block < {next}");
    let owners = client.query(&sql, &[], "")?;
    let has_commit = |claim: &&&Row| owners.iter().any(|owner| text(owner, 0) == text(claim, 7));
    Ok(claims.iter().find(has_commit).or(claims.first()).copied())
}

/// Returns an integer of a row; 0 if there is none.
pub(super) fn integer(row: &Row, at: usize) -> i64 {
    match row.get(at) {
        Some(Cell::Integer(number)) => i64::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}

/// Returns a text of a row; empty if there is none.
pub(super) fn text(row: &Row, at: usize) -> String {
    match row.get(at) {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}
