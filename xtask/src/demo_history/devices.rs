//! The device and the country of each visitor, as a collector with `--geoip` would have found them.

use serde_json::{Value, json};

use super::customers;
use crate::random::Random;

/// A device: its type, browser and system, with a weight.
type Device = (u64, [&'static str; 3]);

const PHONES: &[Device] = &[
    (44, ["mobile", "safari", "ios"]),
    (34, ["mobile", "chrome", "android"]),
    (8, ["mobile", "samsung internet", "android"]),
    (4, ["mobile", "firefox", "android"]),
    (3, ["mobile", "chrome", "ios"]),
    (6, ["tablet", "safari", "ipados"]),
    (1, ["tablet", "chrome", "android"]),
];

const COMPUTERS: &[Device] = &[
    (46, ["desktop", "chrome", "windows"]),
    (16, ["desktop", "edge", "windows"]),
    (8, ["desktop", "firefox", "windows"]),
    (16, ["desktop", "safari", "macos"]),
    (9, ["desktop", "chrome", "macos"]),
    (3, ["desktop", "firefox", "linux"]),
    (2, ["desktop", "chrome", "chromeos"]),
];

/// The countries of visitors who are not in that of their market.
const ELSEWHERE: &[&str] = &["AT", "CH", "NL", "BE", "IE", "ES", "DK", "US"];

/// The device and the country of a visitor. A visitor whose id does not end with `laptop` or `phone` has either.
pub(super) fn of_visitor(visitor: &str, market: &str) -> (Value, &'static str) {
    let mut random = Random::new(visitor, 0, 0);
    let is_phone = visitor.ends_with("phone") || !visitor.ends_with("laptop") && random.has_chance(62);
    let (_, [kind, browser, system]) = *random.pick_weighted(if is_phone { PHONES } else { COMPUTERS }, |(weight, _)| *weight);
    let country = if random.has_chance(93) { customers::country_of_market(market) } else { None };
    let country = country.unwrap_or_else(|| *random.pick::<&str>(ELSEWHERE));
    (json!({"type": kind, "browser": browser, "system": system}), country)
}
