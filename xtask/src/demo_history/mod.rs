//! Generates a year of a shop's history for `cargo xtask demo --history`: orders and returns of customers in four markets, and the visits
//! behind them, with carts that were left. The collector's import API stores them.
//!
//! A record depends only on its day and its number within the day. So two runs generate equal records, and a later run extends the history.
//! A state file records the last imported day; the next start imports only newer or changed records.

mod calendar;
mod customers;
mod devices;
mod import_client;
mod origins;
mod products;
mod records;
mod traffic;

use std::path::Path;

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::{clock, files};
use calendar::Day;
pub(crate) use import_client::ImportClient;

/// The length of the history; its last day is yesterday.
const HISTORY_DAYS: i64 = 365;
/// For how many days a record may still change: orders are shipped and goods are returned.
const MUTABLE_DAYS: i64 = 30;
/// From this number of records on, a list is sent.
const CHUNK: usize = 1_000;
/// The version of the generator, recorded in the state file. A change makes the next start import everything again.
const GENERATOR_VERSION: &str = "4";
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
    // Days are generated while others are imported.
    let (sender, days) = std::sync::mpsc::sync_channel(4);
    let generator = std::thread::spawn(move || {
        for day in first..today {
            if sender.send((day, generate(day, today))).is_err() {
                return;
            }
        }
    });
    let mut waiting = Records { products: products::records(), ..Records::default() };
    let mut sent = 0;
    for (day, records) in days {
        waiting.append(records);
        sent += waiting.import(client, if day + 1 == today { 1 } else { CHUNK })?;
        import_client::print_progress(day + 1 - first, today - first, sent);
    }
    generator.join().map_err(|_| anyhow!("the generator of the history panicked"))?;
    files::write(&state_file, format!("{GENERATOR_VERSION} {today}\n").as_bytes())?;
    Ok(sent)
}

/// The start and end of a period that contains the whole history, in RFC 3339.
pub(crate) fn period() -> (String, String) {
    let today = clock::days_since_epoch();
    (calendar::rfc3339(today - HISTORY_DAYS - 1, 0), calendar::rfc3339(today, 0))
}

/// Records by resource.
#[derive(Clone, Debug, Default, PartialEq)]
struct Records {
    products: Vec<Value>,
    customers: Vec<Value>,
    orders: Vec<Value>,
    returns: Vec<Value>,
    events: Vec<Value>,
}

impl Records {
    fn lists(&mut self) -> [(&'static str, &mut Vec<Value>); 5] {
        let Self { products, customers, orders, returns, events } = self;
        [("products", products), ("customers", customers), ("orders", orders), ("returns", returns), ("events", events)]
    }

    fn append(&mut self, mut other: Self) {
        for ((_, all), (_, more)) in self.lists().into_iter().zip(other.lists()) {
            all.append(more);
        }
    }

    /// Imports and removes the records of each list with at least `min` records; returns their number.
    fn import(&mut self, client: &ImportClient, min: usize) -> Result<usize> {
        let mut sent = 0;
        for (resource, records) in self.lists() {
            if records.len() >= min {
                client.import(resource, records)?;
                sent += records.len();
                records.clear();
            }
        }
        Ok(sent)
    }
}

/// Generates the records of a day in their state of `today`.
fn generate(day: Day, today: Day) -> Records {
    let mut records = Records::default();
    for number in 0..calendar::orders_on(day) {
        let (order, return_) = records::order(day, number, today);
        let customer = customers::of_order(day, number);
        records.customers.extend(customer.is_new.then(|| customer.to_record(day)));
        records.events.append(&mut traffic::of_order(day, number, &order));
        records.orders.push(order);
        records.returns.extend(return_);
    }
    for number in 0..calendar::carts_on(day) {
        records.events.append(&mut traffic::of_cart(day, number, &records::cart(day, number)));
    }
    records.events.append(&mut traffic::browsing(day));
    records
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::{HISTORY_DAYS, Records, generate};

    const TODAY: i64 = 20_000;

    #[test]
    fn history_is_deterministic_and_old_records_do_not_change() {
        for day in [TODAY - HISTORY_DAYS, TODAY - 60, TODAY - 1] {
            let records = generate(day, TODAY);
            assert!(generate(day, TODAY) == records);
            let later = generate(day, TODAY + 1);
            assert!(later.events == records.events && later.customers == records.customers);
            assert!(day == TODAY - 1 || later.orders == records.orders);
        }
    }

    #[test]
    fn a_year_has_plausible_counts_and_unique_ids() {
        let mut year = Records::default();
        (TODAY - HISTORY_DAYS..TODAY).for_each(|day| year.append(generate(day, TODAY)));
        let Records { orders, returns, events, customers, .. } = year;
        let per_order = |count: usize| count as f64 / orders.len() as f64;
        let carts = events.iter().filter(|event| event["type"] == "basket_update").count() - orders.len();
        assert!((6_000..12_000).contains(&orders.len()), "{} orders", orders.len());
        assert!((0.8..1.6).contains(&per_order(carts)), "{carts} carts");
        assert!((0.04..0.12).contains(&per_order(returns.len())), "{} returns", returns.len());
        assert!((0.4..0.8).contains(&per_order(customers.len())), "{} customers", customers.len());
        let ids: Vec<_> = orders.iter().chain(&returns).chain(&events).map(|record| record["id"].as_str()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "an id is used twice");
    }

    #[test]
    fn orders_have_visits_before_them_from_many_sources_and_most_visits_end_without_an_order() {
        let events = generate(TODAY - 100, TODAY).events;
        let mut visits: HashMap<&str, Vec<&str>> = HashMap::new();
        for event in &events {
            visits.entry(event["session_id"].as_str().unwrap()).or_default().push(event["type"].as_str().unwrap());
        }
        let with = |kind: &str| visits.values().filter(|types| types.contains(&kind)).count();
        assert!(visits.values().all(|types| types.starts_with(&["land", "page_view"])));
        let rate = with("order") as f64 / visits.len() as f64;
        assert!((0.04..0.15).contains(&rate), "{rate}");
        assert!(with("search") > 10 && with("basket_update") > with("order") && with("product_view") > with("basket_update"));
        let sources: HashSet<_> = events.iter().filter_map(|event| event["params"]["source_url"].as_str()).collect();
        assert!(sources.len() > 6, "{sources:?}");
        let kinds = |name: &str| events.iter().map(|event| event["device"][name].as_str().unwrap()).collect::<HashSet<_>>().len();
        assert!(kinds("type") == 3 && kinds("browser") > 4 && kinds("system") > 4);
        let in_market =
            events.iter().filter(|event| event["store_id"].as_str().unwrap().ends_with(&event["country"].as_str().unwrap().to_lowercase()));
        assert!((80..100).contains(&(in_market.count() * 100 / events.len())));
    }
}
