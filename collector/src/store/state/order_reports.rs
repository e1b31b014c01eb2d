//! What pages reported about orders, and how it completes an order.
//!
//! Any page can report any order, so all that counts is what the order's reporter sent. The reporter is the customer of the order if a sender
//! with a secret named one, else the first to report it. Of the reporter's reports the first one counts, and later ones add what is missing.
//! Nothing of them replaces what a sender with a secret sent.

use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};

use super::lww::LwwField;
use super::order::{Order, Reporter};
use super::person::Person;
use super::updater::{Stale, StateUpdater};
use crate::store::trust::PAGE_RANK;

/// The most reports of an order that are kept: the first ones to arrive, and those that count.
const MAX_REPORTS: usize = 32;

/// The most orders and reports of a person that are read, the newest ones.
const MAX_OF_PERSON: i64 = 1_000;

/// The query for the ids of the newest orders that the person ?3 of the project ?2 reported.
pub(super) const REPORTED_BY: &str = "SELECT id FROM (SELECT id FROM customer_order INDEXED BY customer_order_by_reporter
         WHERE project = ?2 AND reporter = ?3 ORDER BY reported_at DESC LIMIT 1000)
     UNION SELECT order_id FROM (SELECT order_id FROM order_report INDEXED BY order_report_by_person
         WHERE project = ?2 AND person = ?3 ORDER BY time DESC LIMIT 1000)";

/// The query for the ids of the newest orders that this person returned.
pub(super) const RETURNED_BY: &str = "SELECT order_id FROM (SELECT order_id FROM order_return INDEXED BY order_return_by_reporter
         WHERE project = ?2 AND reporter = ?3 ORDER BY time DESC LIMIT 1000)";

/// Where a new report is stored.
pub(super) enum Place {
    Free,
    /// In place of this one.
    InsteadOf {
        seq: i64,
        time: u64,
        person: Person,
    },
}

/// A report: an `order` or `order_cancel` event of a page.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// The number of the event in the log.
    pub(super) seq: i64,
    pub(super) event_id: [u8; 16],
    pub(super) time: u64,
    pub(super) person: Person,
    pub(super) is_cancel: bool,
    /// The reported fields, by the names of an order's fields.
    pub(super) fields: Map<String, Value>,
}

impl StateUpdater<'_> {
    /// Returns the place of a new report, or None if the order has the most reports already and `new` replaces none. `order` is the row of
    /// the order.
    ///
    /// One that counts takes the place of the newest one that does not: what strangers send keeps nothing of the order's reporter out.
    pub(super) fn place_of_report(&self, project: i64, id: &str, order: &Order, new: &Report) -> rusqlite::Result<Option<Place>> {
        let mut reports = of_order(self.connection, project, id, NO_FIELDS)?;
        if reports.len() < MAX_REPORTS {
            return Ok(Some(Place::Free));
        }
        let people: Vec<_> = reports.iter().map(|report| (report.seq, report.time, report.person.clone())).collect();
        reports.push(Report { fields: Map::new(), ..new.clone() });
        let (_, counting) = counting(self.connection, project, order, reports)?;
        let counting: Vec<i64> = counting.iter().map(|report| report.seq).collect();
        let replaced = people.into_iter().rfind(|(seq, ..)| !counting.contains(seq)).filter(|_| counting.contains(&new.seq));
        Ok(replaced.map(|(seq, time, person)| Place::InsteadOf { seq, time, person }))
    }

    /// Stores a report in its place.
    pub(super) fn insert_order_report(&mut self, project: i64, order: &str, report: &Report, place: Place) -> rusqlite::Result<()> {
        if let Place::InsteadOf { seq, time, person } = place {
            delete(self.connection, project, order, seq)?;
            self.mark_stale_at(project, Some(person), time, Stale::CARTS)?;
        }
        let insert = "INSERT INTO order_report (project, order_id, seq, event_id, time, person, is_cancel, fields)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let fields = Value::from(report.fields.clone()).to_string();
        let Report { seq, event_id, time, person, is_cancel, .. } = report;
        let row = params![project, order, seq, event_id, time.cast_signed(), person.to_text(), is_cancel, fields];
        self.connection.prepare_cached(insert)?.execute(row)?;
        Ok(())
    }
}

/// The expression for all fields of a report.
pub(super) const ALL_FIELDS: &str = "fields";

/// The expression for a report of which only the time and the person count: its fields may be long.
pub(super) const NO_FIELDS: &str = "'{}'";

/// Returns an order completed by these fields of its reports.
pub(super) fn complete(connection: &Connection, project: i64, id: &str, mut order: Order, fields: &'static str) -> rusqlite::Result<Order> {
    let (reporter, mut reports) = counting(connection, project, &order, of_order(connection, project, id, fields)?)?;
    order.reporter = reporter;
    reports.sort_by_key(|report| (report.is_cancel, report.time, report.event_id));
    // A market is given by the first report: later ones cannot move the order.
    for report in reports.iter_mut().skip(1) {
        report.fields.remove("store");
    }
    if order.report.is_none() {
        order.report = reports.first().map(|report| (report.time, report.person.to_text()));
    }
    for report in reports {
        if report.is_cancel {
            order.cancel(PAGE_RANK, report.time);
        }
        for (name, value) in report.fields {
            if order.fields.get(&name).is_none() {
                order.fields.0.insert(name, LwwField(PAGE_RANK, report.time, value));
            }
        }
    }
    Ok(order)
}

/// Returns those of an order's reports that count, and their person if no sender with a secret reported the order. `order` is the row of the
/// order, and `reports` are in the order of arrival.
fn counting(
    connection: &Connection,
    project: i64,
    order: &Order,
    reports: Vec<Report>,
) -> rusqlite::Result<(Option<Reporter>, Vec<Report>)> {
    let is_signed = order.is_signed();
    let mut resolved = Vec::new();
    for report in reports.into_iter().filter(|report| !is_signed || !report.is_cancel) {
        let person = report.person.clone().resolve(connection, project, report.time)?;
        resolved.push((person, report));
    }
    if let Some(customer) = order.customer(connection, project)? {
        // The visitor that the owner named is the customer, also if it is another person later.
        let named = order.report.as_ref().map(|(_, person)| person.as_str());
        resolved.retain(|(person, report)| *person == customer || named == Some(&*report.person.to_text()));
        return Ok((None, resolved.into_iter().map(|(_, report)| report).collect()));
    }
    let reporter = reporter(&resolved);
    resolved.retain(|(person, report)| reporter.as_ref().is_some_and(|reporter| reporter.is(&report.person, person)));
    Ok((reporter.filter(|_| !is_signed), resolved.into_iter().map(|(_, report)| report).collect()))
}

/// Returns the person whose reports count. `reports` are in the order of arrival, each with the e-mail of its person then.
fn reporter(reports: &[(Person, Report)]) -> Option<Reporter> {
    // Nothing depends on the order of arrival if one person sent all reports.
    let by_time = |(_, report): &&(Person, Report)| (report.time, report.event_id);
    let first = reports.iter().find(|(_, report)| !report.is_cancel).or(reports.iter().min_by_key(by_time));
    let (_, Report { person, .. }) = first?;
    let (known_as, _) = reports.iter().filter(|(_, report)| report.person == *person).min_by_key(by_time)?;
    Some(Reporter { person: person.clone(), known_as: known_as.clone() })
}

/// Returns the reports of an order, in the order of arrival.
fn of_order(connection: &Connection, project: i64, order: &str, fields: &'static str) -> rusqlite::Result<Vec<Report>> {
    let query = format!(
        "SELECT seq, event_id, time, person, is_cancel, {fields} FROM order_report WHERE project = ?1 AND order_id = ?2 ORDER BY seq"
    );
    let report = |row: &Row<'_>| {
        let report = |person| -> rusqlite::Result<Report> {
            let fields = serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default();
            let time = row.get::<_, i64>(2)?.cast_unsigned();
            Ok(Report { seq: row.get(0)?, event_id: row.get(1)?, time, person, is_cancel: row.get(4)?, fields })
        };
        Person::from_text(row.get_ref(3)?.as_str()?).map(report).transpose()
    };
    let mut statement = connection.prepare_cached(&query)?;
    let reports = statement.query_map(params![project, order], report)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(reports.into_iter().flatten().collect())
}

/// Returns the times of the newest `order` events of a person, in milliseconds since 1970.
pub(super) fn times_of(connection: &Connection, project: i64, person: &Person) -> rusqlite::Result<Vec<u64>> {
    let queries = [
        "SELECT reported_at FROM customer_order INDEXED BY customer_order_by_reporter WHERE project = ?1 AND reporter = ?2
         ORDER BY reported_at DESC LIMIT ?3",
        "SELECT time FROM order_report INDEXED BY order_report_by_person WHERE project = ?1 AND person = ?2 AND is_cancel = 0
         ORDER BY time DESC LIMIT ?3",
    ];
    let (mut times, person) = (Vec::new(), person.to_text());
    for query in queries {
        let mut statement = connection.prepare_cached(query)?;
        for time in statement.query_map(params![project, person, MAX_OF_PERSON], |row| row.get::<_, i64>(0))? {
            times.push(time?.cast_unsigned());
        }
    }
    Ok(times)
}

/// Returns the visitor that reported an order of this customer, if only visitors without an e-mail did: the first one.
pub(super) fn visitor_of(connection: &Connection, project: i64, order: &str, customer: &Person) -> rusqlite::Result<Option<String>> {
    let mut first = None;
    for report in of_order(connection, project, order, NO_FIELDS)?.into_iter().filter(|report| !report.is_cancel) {
        match report.person.resolve(connection, project, report.time)? {
            person if person == *customer => return Ok(None),
            Person::Visitor(visitor) => first = first.or(Some(visitor)),
            Person::Email(_) => {}
        }
    }
    Ok(first)
}

/// Returns the number, the time and the person of each report of an order.
pub(super) fn people(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<Vec<(i64, u64, String)>> {
    let reports = of_order(connection, project, order, NO_FIELDS)?.into_iter();
    Ok(reports.map(|report| (report.seq, report.time, report.person.to_text())).collect())
}

/// Deletes a report of an order.
pub(super) fn delete(connection: &Connection, project: i64, order: &str, seq: i64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM order_report WHERE project = ?1 AND order_id = ?2 AND seq = ?3";
    connection.prepare_cached(delete)?.execute(params![project, order, seq]).map(|_| ())
}

/// Deletes all reports of an order.
pub(super) fn delete_all(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<()> {
    let delete = "DELETE FROM order_report WHERE project = ?1 AND order_id = ?2";
    connection.prepare_cached(delete)?.execute(params![project, order]).map(|_| ())
}
