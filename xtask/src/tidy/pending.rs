//! Findings that are not fixed yet: the maximum number for each rule and top folder.
//!
//! A number may only decrease. This file is deleted once the table is empty.

use std::collections::BTreeMap;

use super::source::Finding;

const PENDING: &[(&str, &str, usize)] = &[
    ("cycles", "collector", 100),
    ("vendors", "collector", 1),
    ("name", "collector", 2),
    ("name", "js", 3),
    ("name", "www", 2),
    ("words", "ARCHITECTURE.md", 23),
    ("words", "CHANGELOG.md", 5),
    ("words", "CONTRIBUTING.md", 4),
    ("words", "README.md", 31),
    ("words", "collector", 1274),
    ("words", "docs", 77),
    ("words", "js", 359),
    ("words", "protocol", 106),
    ("words", "src", 93),
    ("words", "tests", 423),
    ("words", "www", 47),
    ("words", "xtask", 16),
];

/// Drops the findings of a folder if there are no more than the table allows.
pub(super) fn drop_pending(rule: &str, found: Vec<Finding>) -> Vec<Finding> {
    let folder = |finding: &Finding| finding.path.split('/').next().unwrap_or_default().to_owned();
    let mut counts = BTreeMap::<_, usize>::new();
    found.iter().for_each(|finding| *counts.entry(folder(finding)).or_default() += 1);
    let limit = |folder: &str| PENDING.iter().find(|(name, top, _)| (*name, *top) == (rule, folder)).map_or(0, |(.., limit)| *limit);
    found.into_iter().filter(|finding| counts[&folder(finding)] > limit(&folder(finding))).collect()
}
