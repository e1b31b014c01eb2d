//! The tags of a customer: what is one, and how many a back end may add. Each is a field, and so is each removed one, without a value.
//!
//! Every write of a customer reads all of them, so their number is bounded. Tags that came unsigned take nothing from those of the owner.

use serde_json::Value;
use tillroll_protocol::limits::MAX_TAGS;

use super::lww::{LwwField, LwwMap, merged_key};
use super::records::BackendRecord;
use crate::store::trust::OWNER_RANK;
use crate::text_input::trimmed;

/// The field.
const FIELD: &str = "tags";

/// The most bytes of the tags of a customer that came unsigned.
const MAX_UNSIGNED_BYTES: usize = 32 * 1024;

/// Returns the key of a tag, and the tag without blanks and control characters around it; None if nothing is left. Tags that differ only in
/// letter case have the same key.
pub fn tag_field(text: &str) -> Option<(String, &str)> {
    let tag = trimmed(text);
    (!tag.is_empty()).then(|| (merged_key(FIELD, &tag.to_lowercase(), ""), tag))
}

/// Limits the tags of a customer after the write of a record with this rank. If the record adds tags beyond the limit, restores those of before
/// and returns false. A customer that had more before keeps them.
pub(super) fn limit(before: Option<&LwwMap>, after: &mut LwwMap, rank: u8, record: &BackendRecord) -> bool {
    if !record.fields.iter().any(|(name, _)| LwwMap::is_member(name, FIELD)) {
        return true;
    }
    let (count, bytes) = amount(after, rank);
    let (count_before, bytes_before) = before.map(|before| amount(before, rank)).unwrap_or_default();
    let max_bytes = if rank == OWNER_RANK { usize::MAX } else { MAX_UNSIGNED_BYTES };
    if count > MAX_TAGS.max(count_before) || bytes > max_bytes.max(bytes_before) {
        after.0.retain(|key, _| !LwwMap::is_member(key, FIELD));
        let tags = before.into_iter().flat_map(|before| before.members(FIELD));
        after.0.extend(tags.map(|(key, tag)| (key.clone(), tag.clone())));
        return false;
    }
    delete_old_removals(after);
    true
}

/// Returns how many tags with this rank there are, and their bytes.
fn amount(fields: &LwwMap, rank: u8) -> (usize, usize) {
    let tags = fields.members(FIELD).filter(|(_, field)| field.0 == rank).filter_map(|(_, LwwField(_, _, tag))| tag.as_str());
    tags.fold((0, 0), |(count, bytes), tag| (count + 1, bytes + tag.len()))
}

/// Deletes the oldest removals beyond [`MAX_TAGS`].
fn delete_old_removals(fields: &mut LwwMap) {
    let removals = fields.members(FIELD).filter(|(_, LwwField(_, _, tag))| *tag == Value::Null);
    let mut removals: Vec<(u64, String)> = removals.map(|(key, LwwField(_, time, _))| (*time, key.clone())).collect();
    removals.sort_unstable();
    removals.truncate(removals.len().saturating_sub(MAX_TAGS));
    removals.iter().for_each(|(_, key)| drop(fields.0.remove(key)));
}
