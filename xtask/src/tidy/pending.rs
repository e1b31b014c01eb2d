//! Findings that are not fixed yet: the maximum number for each rule and top folder.
//!
//! A number may only decrease. This file is deleted once the table is empty.

use std::collections::BTreeMap;

use super::source::Finding;

const PENDING: &[(&str, &str, usize)] = &[
    ("cycles", "collector", 52),
    ("name", "collector", 2),
    ("vendors", "collector", 1),
    ("words", "collector", 731),
    ("words", "protocol", 61),
    ("words", "src", 68),
    ("words", "tests", 88),
];

/// Drops the findings of a folder if there are no more than the table allows.
pub(super) fn drop_pending(rule: &str, found: Vec<Finding>) -> Vec<Finding> {
    let folder = |finding: &Finding| finding.path.split('/').next().unwrap_or_default().to_owned();
    let mut counts = BTreeMap::<_, usize>::new();
    found.iter().for_each(|finding| *counts.entry(folder(finding)).or_default() += 1);
    let limit = |folder: &str| PENDING.iter().find(|(name, top, _)| (*name, *top) == (rule, folder)).map_or(0, |(.., limit)| *limit);
    found.into_iter().filter(|finding| counts[&folder(finding)] > limit(&folder(finding))).collect()
}
