//! Generates a year of a shop's history for `cargo xtask demo --history`: orders, carts and returns of customers in four markets. The
//! collector's import API stores them.
//!
//! A record depends only on its day and its number within the day. So two runs generate equal records, and a later run extends the history.
//! A state file records the last imported day; the next start imports only newer or changed records.

mod calendar;
mod customers;
mod import_client;
mod products;
mod random;
mod records;

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::{clock, files};
use calendar::Day;
pub(crate) use import_client::ImportClient;

/// The length of the history; its last day is yesterday.
const HISTORY_DAYS: i64 = 365;
/// For how many days a record may still change: orders are shipped and goods are returned.
const MUTABLE_DAYS: i64 = 30;
/// The number of records in one import request.
const CHUNK: usize = 1_000;
/// The version of the generator, recorded in the state file. A change makes the next start import everything again.
const GENERATOR_VERSION: &str = "1";
/// The name of the state file in the data folder.
pub(crate) const STATE_FILE: &str = "demo-history";

/// Imports the missing records of the year before today; returns their number.
pub(crate) fn import(client: &ImportClient, data: &Path) -> Result<usize> {
    let today = clock::days_since_epoch();
    let state_file = data.join(STATE_FILE);
    let state = std::fs::read_to_string(&state_file).unwrap_or_default();
    let imported_until = state.trim().strip_prefix(GENERATOR_VERSION).and_then(|day| day.trim().parse::<Day>().ok());
    if imported_until == Some(today) {
        return Ok(0);
    }
    let first = imported_until.map_or(today - HISTORY_DAYS, |until| (until - MUTABLE_DAYS).max(today - HISTORY_DAYS));
    let resources = generate(first, today);
    let total = resources.iter().map(|(_, records)| records.len()).sum();
    let mut sent = 0;
    for (resource, records) in &resources {
        for chunk in records.chunks(CHUNK) {
            client.import(resource, chunk)?;
            sent += chunk.len();
            import_client::print_progress(sent, total);
        }
    }
    files::write(&state_file, format!("{GENERATOR_VERSION} {today}\n").as_bytes())?;
    Ok(total)
}

/// The start and end of a period that contains the whole history, in RFC 3339.
pub(crate) fn period() -> (String, String) {
    let today = clock::days_since_epoch();
    (calendar::rfc3339(today - HISTORY_DAYS - 1, 0), calendar::rfc3339(today, 0))
}

/// Generates the records from `first` to the day before `today`, in their state of `today`, by resource.
fn generate(first: Day, today: Day) -> [(&'static str, Vec<Value>); 3] {
    let (mut orders, mut carts, mut returns) = (Vec::new(), Vec::new(), Vec::new());
    for day in first..today {
        for number in 0..calendar::orders_on(day) {
            let (order, return_) = records::order(day, number, today);
            orders.push(order);
            returns.extend(return_);
        }
        carts.extend((0..calendar::carts_on(day)).map(|number| records::cart(day, number)));
    }
    [("orders", orders), ("carts", carts), ("returns", returns)]
}

#[cfg(test)]
mod tests {
    use super::{HISTORY_DAYS, generate};

    const TODAY: i64 = 20_000;

    #[test]
    fn history_is_deterministic_and_old_records_do_not_change() {
        let [orders, carts, returns] = generate(TODAY - HISTORY_DAYS, TODAY);
        assert_eq!(generate(TODAY - HISTORY_DAYS, TODAY), [orders.clone(), carts.clone(), returns]);
        let [later, later_carts, _] = generate(TODAY - HISTORY_DAYS, TODAY + 1);
        let is_old = |order: &&serde_json::Value| order["placed_at"].as_str() < Some("2024-09-01");
        assert!(later.1.iter().filter(is_old).eq(orders.1.iter().filter(is_old)));
        assert_eq!(carts.1[..], later_carts.1[..carts.1.len()]);
    }

    #[test]
    fn a_year_has_plausible_counts_and_unique_ids() {
        let [(_, orders), (_, carts), (_, returns)] = generate(TODAY - HISTORY_DAYS, TODAY);
        let per_order = |count: usize| count as f64 / orders.len() as f64;
        assert!((6_000..12_000).contains(&orders.len()), "{} orders", orders.len());
        assert!((0.8..1.6).contains(&per_order(carts.len())), "{} carts", carts.len());
        assert!((0.04..0.12).contains(&per_order(returns.len())), "{} returns", returns.len());
        let mut emails: Vec<_> = orders.iter().filter_map(|order| order["customer"]["email"].as_str()).collect();
        emails.sort_unstable();
        emails.dedup();
        assert!((0.4..0.8).contains(&per_order(emails.len())), "{} customers", emails.len());
        let mut ids: Vec<_> = orders.iter().chain(&carts).chain(&returns).map(|record| record["id"].as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id is used twice");
    }
}
