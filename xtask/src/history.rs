//! A year of a shop's past, for `cargo xtask demo --history`: orders, carts and returns of customers in four markets, brought in by the
//! collector's own import.
//!
//! Everything follows from a record's day and its place in the day, so two runs make the same records, and a run on a later day makes the
//! same past and more of it. What was brought is noted, and a later start brings only what is new.

mod buyers;
mod calendar;
mod dice;
mod goods;
mod records;
mod sender;

use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::{clock, files};
use calendar::Day;
pub(crate) use sender::Sender;

/// How many days the history covers; the last one is yesterday.
const DAYS: i64 = 365;
/// For how long a record may still change: orders are sent, and goods come back.
const UNSETTLED: i64 = 30;
/// The records of one request.
const PORTION: usize = 1_000;
/// Noted with what was brought; raise it when what is made changes.
const VERSION: &str = "1";
/// Where that is noted, in the data folder.
pub(crate) const NOTE: &str = "demo-history";

/// Brings what is missing of the year before today, and says how many records that were.
pub(crate) fn bring(sender: &Sender, data: &Path) -> Result<usize, Error> {
    let today = clock::day()?;
    let note = data.join(NOTE);
    let kept = std::fs::read_to_string(&note).unwrap_or_default();
    let done = kept.trim().strip_prefix(VERSION).and_then(|day| day.trim().parse::<Day>().ok());
    let first = done.map_or(today - DAYS, |done| (done - UNSETTLED).max(today - DAYS));
    if done == Some(today) {
        return Ok(0);
    }
    let all = year(first, today);
    let total = all.iter().map(|(_, records)| records.len()).sum();
    let mut sent = 0;
    for (resource, records) in &all {
        for portion in records.chunks(PORTION) {
            sender.import(resource, portion)?;
            sent += portion.len();
            sender::show(sent, total);
        }
    }
    files::write(&note, format!("{VERSION} {today}\n").as_bytes())?;
    Ok(total)
}

/// The first and the last moment that the history can have.
pub(crate) fn since() -> Result<String, Error> {
    Ok(calendar::text(clock::day()? - DAYS - 1, 0))
}

/// See [`since`].
pub(crate) fn until() -> Result<String, Error> {
    Ok(calendar::text(clock::day()?, 0))
}

/// The records of the days from `first` to the day before `today`, as they are known today, by resource.
fn year(first: Day, today: Day) -> [(&'static str, Vec<Value>); 3] {
    let (mut orders, mut carts, mut returns) = (Vec::new(), Vec::new(), Vec::new());
    for day in first..today {
        for place in 0..calendar::orders_on(day) {
            let (order, returned) = records::order(day, place, today);
            orders.push(order);
            returns.extend(returned);
        }
        carts.extend((0..calendar::carts_on(day)).map(|place| records::cart(day, place)));
    }
    [("orders", orders), ("carts", carts), ("returns", returns)]
}

#[cfg(test)]
mod tests {
    use super::{DAYS, year};

    const TODAY: i64 = 20_000;

    #[test]
    fn the_past_is_the_same_whoever_looks_and_settled_after_a_month() {
        let [orders, carts, returns] = year(TODAY - DAYS, TODAY);
        assert_eq!(year(TODAY - DAYS, TODAY), [orders.clone(), carts.clone(), returns]);
        let [later, later_carts, _] = year(TODAY - DAYS, TODAY + 1);
        let settled = |order: &&serde_json::Value| order["placed_at"].as_str() < Some("2024-09-01");
        assert!(later.1.iter().filter(settled).eq(orders.1.iter().filter(settled)));
        assert_eq!(carts.1[..], later_carts.1[..carts.1.len()]);
    }

    #[test]
    fn a_year_is_plausible() {
        let [(_, orders), (_, carts), (_, returns)] = year(TODAY - DAYS, TODAY);
        let share = |part: usize| part as f64 / orders.len() as f64;
        assert!((6_000..12_000).contains(&orders.len()), "{} orders", orders.len());
        assert!((0.8..1.6).contains(&share(carts.len())), "{} carts", carts.len());
        assert!((0.04..0.12).contains(&share(returns.len())), "{} returns", returns.len());
        let mut emails: Vec<_> = orders.iter().filter_map(|order| order["customer"]["email"].as_str()).collect();
        emails.sort_unstable();
        emails.dedup();
        assert!((0.4..0.8).contains(&share(emails.len())), "{} customers", emails.len());
        let mut ids: Vec<_> = orders.iter().chain(&carts).chain(&returns).map(|record| record["id"].as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id is given twice");
    }
}
