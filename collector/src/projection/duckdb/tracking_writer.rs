//! Applies events, identity links, customers and products.
//!
//! Events are appended, and each visit with a new or erased event is derived again from all of its events. So the order of arrival does not
//! matter, except for a visit with very many events, whose figures are those of its first ones. Which person a visitor is, is joined when a
//! query asks: a new link changes no event and no visit.

use std::collections::HashMap;

use duckdb::{Connection, params};

use crate::projection::duckdb::append::{append, replace_temporary};
use crate::projection::duckdb::attribution::OutdatedOrders;
use crate::projection::duckdb::dialect::DuckDb;
use crate::projection::rows::event::{self, VisitKey};
use crate::projection::rows::{ColumnValue, MAX_DERIVED_EVENTS, SEPARATOR, tracked};
use crate::projection::source::{TrackedChanges, TrackedEvent};
use crate::projection::sql::Relations;

/// The tables of the projection.
pub(super) const SCHEMA: &str = include_str!("tracking_schema.sql");
/// Derives visits again.
pub(super) const DERIVE_VISITS: &str = include_str!("derive_visits.sql");

/// Copies rows with the numbers of their people.
pub(super) const NUMBER_PEOPLE: &str = include_str!("number_people.sql");

/// Deletes the numbers of people who are in no visit and no link any more: beside the number stands a digest of their visitor id or e-mail.
const REMOVE_NUMBERS: &str = "
    DELETE FROM person_numbers WHERE number NOT IN (SELECT number FROM (
        SELECT visitor_number AS number FROM visits UNION ALL SELECT email_number FROM visits
        UNION ALL SELECT visitor_number FROM links UNION ALL SELECT email_number FROM links) WHERE number IS NOT NULL)";

/// Tables of a connection, which hold the changes of one batch.
const TEMPORARY: &str = "
    CREATE TEMP TABLE arrived (place BIGINT, project BIGINT, session VARCHAR);
    CREATE TEMP TABLE touched (visit BIGINT, project BIGINT, session VARCHAR, events_before BIGINT);
    CREATE TEMP TABLE erased (seq BIGINT);
    CREATE TEMP TABLE new_link AS SELECT * EXCLUDE (visitor_number, email_number) FROM links LIMIT 0;
    CREATE TEMP TABLE linked (project BIGINT, visitor VARCHAR);
    CREATE TEMP TABLE new_person AS SELECT * REPLACE (CAST(NULL AS VARCHAR) AS tags) FROM people LIMIT 0;
    CREATE TEMP TABLE person_key (project BIGINT, email VARCHAR);
    CREATE TEMP TABLE new_product AS SELECT * FROM products LIMIT 0;";

/// The state of the writer.
pub(super) struct TrackingWriter {
    next_visit: i64,
}

impl TrackingWriter {
    pub(super) fn new(connection: &Connection) -> duckdb::Result<Self> {
        connection.execute_batch(TEMPORARY)?;
        let next_visit = 1 + number(connection, "SELECT coalesce(max(number), 0) FROM visits")?;
        Ok(Self { next_visit })
    }

    /// Applies a batch within a transaction.
    pub(super) fn apply(&mut self, connection: &Connection, changes: &TrackedChanges, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
        self.add_events(connection, changes)?;
        erase_events(connection, changes)?;
        if !changes.events.is_empty() || !changes.erased.is_empty() {
            derive_visits(connection, outdated)?;
        }
        apply_links(connection, changes, outdated)?;
        let trims = changes.trimmed > number(connection, "SELECT trimmed_until FROM projection")?;
        if trims {
            trim(connection, changes.trimmed, outdated)?;
        }
        if changes.is_reset || trims || !changes.erased.is_empty() {
            connection.execute_batch(REMOVE_NUMBERS)?;
        }
        apply_people(connection, changes)?;
        apply_products(connection, changes)
    }

    /// A failed transaction leaves gaps in the numbers of visits.
    fn add_events(&mut self, connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
        if changes.events.is_empty() {
            return Ok(());
        }
        let visits = self.touch_visits(connection, &changes.events)?;
        let row = |tracked| {
            let visit = event::visit_key(tracked).and_then(|key| visits.get(&key));
            let mut row = event::row(tracked);
            row.push(visit.map_or(ColumnValue::Null, |visit| ColumnValue::Integer(*visit)));
            row
        };
        append(connection, "events", changes.events.iter().map(row))?;
        close_final_visits(connection, changes)
    }

    /// Fills `touched` with the visits of these events, and returns their numbers.
    fn touch_visits(&mut self, connection: &Connection, events: &[TrackedEvent]) -> duckdb::Result<HashMap<VisitKey, i64>> {
        let rows = (0..).zip(event::visit_keys(events)).map(|(place, (project, session))| {
            vec![ColumnValue::Integer(place), ColumnValue::Integer(project), ColumnValue::Text(session)]
        });
        replace_temporary(connection, "arrived", rows)?;
        let touch = format!(
            "INSERT INTO touched
             SELECT coalesce(v.number, {} + row_number() OVER (PARTITION BY v.number IS NULL ORDER BY a.place) - 1), a.project, a.session,
                 CASE WHEN v.number IS NOT NULL AND v.session IS NULL THEN {MAX_DERIVED_EVENTS} ELSE coalesce(v.events_count, 0) END
             FROM arrived a LEFT JOIN visits v ON v.session_digest = md5_number(a.project || ' ' || a.session)",
            self.next_visit
        );
        connection.execute(&touch, [])?;
        self.next_visit = self.next_visit.max(1 + number(connection, "SELECT coalesce(max(visit), 0) FROM touched")?);
        let mut statement = connection.prepare("SELECT project, session, visit FROM touched")?;
        let visit = |row: &duckdb::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
        statement.query_map([], visit)?.collect()
    }
}

/// Removes the visits from `touched` whose figures no longer change.
fn close_final_visits(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    let is_final = format!("events_before >= {MAX_DERIVED_EVENTS}");
    if number(connection, &format!("SELECT count(*) FROM touched WHERE {is_final}"))? == 0 {
        return Ok(());
    }
    let last = changes.events.last().map_or(0, |event| event.seq);
    connection.execute_batch(&format!(
        "UPDATE visits SET last_seq = {last} WHERE number IN (SELECT visit FROM touched WHERE {is_final});
         DELETE FROM touched WHERE {is_final}"
    ))
}

fn derive_visits(connection: &Connection, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
    let bound = |function: &str| number(connection, &format!("SELECT coalesce({function}(visit), 0) FROM touched"));
    let (lowest, highest) = (bound("min")?, bound("max")?);
    let is_touched = format!("v.number BETWEEN {lowest} AND {highest} AND v.number IN (SELECT visit FROM touched)");
    outdated.add_visits(&is_touched)?;
    connection.execute_batch(&DERIVE_VISITS.replace("LOWEST", &lowest.to_string()).replace("HIGHEST", &highest.to_string()))?;
    connection.execute_batch(&number_people("derived", "visits"))?;
    outdated.add_visits(&is_touched)?;
    connection.execute("DELETE FROM touched", []).map(|_| ())
}

/// Returns the statements that copy the rows of a table to another one, with the numbers of their people.
fn number_people(source: &str, target: &str) -> String {
    NUMBER_PEOPLE.replace("SOURCE", source).replace("TARGET", target)
}

fn number(connection: &Connection, sql: &str) -> duckdb::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

fn erase_events(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.erased.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "erased", changes.erased.iter().map(|seq| vec![ColumnValue::Integer(*seq)]))?;
    connection.execute_batch(
        "INSERT INTO touched SELECT v.number, v.project, v.session, 0 FROM visits v
             WHERE v.session IS NOT NULL AND v.number IN (SELECT visit FROM events WHERE seq IN (SELECT seq FROM erased))
             AND v.number NOT IN (SELECT visit FROM touched);
         UPDATE visits SET session_digest = NULL WHERE session IS NULL AND session_digest IS NOT NULL AND number IN (
             SELECT e.visit FROM events e LEFT JOIN erased x ON x.seq = e.seq
             WHERE e.visit IN (SELECT visit FROM events WHERE seq IN (SELECT seq FROM erased))
             GROUP BY e.visit HAVING bool_and(x.seq IS NOT NULL));
         DELETE FROM events WHERE seq IN (SELECT seq FROM erased);",
    )
}

/// Deletes expired events. The figures of their visits stay, without persons.
fn trim(connection: &Connection, until: i64, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
    outdated.add_visits(&format!("v.first_seq <= {until} AND v.session IS NOT NULL"))?;
    // Which orders are those of a visit depends on the persons, so it is settled while they are known.
    connection.execute_batch(&format!(
        "CREATE OR REPLACE TEMP TABLE expiring AS SELECT number FROM visits WHERE first_seq <= {until} AND session IS NOT NULL;
         CREATE OR REPLACE TEMP TABLE settled AS
             SELECT i.visit, i.project, i.id, i.time FROM {orders_in_visits} i WHERE i.visit IN (SELECT number FROM expiring);
         DELETE FROM visit_orders x WHERE x.visit IN (SELECT number FROM expiring)
             AND EXISTS (SELECT 1 FROM orders o WHERE o.project = x.project AND o.order__id = x.order_id AND NOT o.cart)
             AND NOT EXISTS (SELECT 1 FROM settled i WHERE i.visit = x.visit AND i.project = x.project AND i.id = x.order_id);
         INSERT INTO visit_orders SELECT i.visit, i.project, i.id, i.time, 0 FROM settled i
             WHERE NOT EXISTS (SELECT 1 FROM visit_orders x WHERE x.visit = i.visit AND x.project = i.project AND x.order_id = i.id);
         DROP TABLE settled; DROP TABLE expiring",
        orders_in_visits = Relations::new(&DuckDb::default(), None).orders_in_visits()
    ))?;
    connection.execute(
        "UPDATE visits SET session = NULL, session_digest = CASE WHEN last_seq > $1 THEN session_digest END, visitor = NULL, email = NULL,
             visitor_number = NULL, email_number = NULL
         WHERE first_seq <= $1 AND session_digest IS NOT NULL",
        params![until],
    )?;
    connection.execute("DELETE FROM events WHERE seq <= ?", params![until]).map(|_| ())
}

fn apply_links(connection: &Connection, changes: &TrackedChanges, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
    if changes.is_reset {
        outdated.add_all()?;
        connection.execute_batch("DELETE FROM links")?;
    } else if changes.linked.is_empty() {
        return Ok(());
    }
    let linked = changes.linked.iter().map(|(project, visitor)| (*project, visitor.as_str()));
    replace_temporary(connection, "linked", tracked::keys(linked))?;
    replace_temporary(connection, "new_link", tracked::links(changes))?;
    outdated.add_links()?;
    connection.execute_batch("DELETE FROM links l USING linked c WHERE l.project = c.project AND l.visitor = c.visitor")?;
    connection.execute_batch(&number_people("new_link", "links"))?;
    outdated.add_links()
}

fn apply_people(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.is_reset {
        let keys = changes.customer_keys.iter().map(|(project, email)| (*project, email.as_str()));
        replace_temporary(connection, "person_key", tracked::keys(keys))?;
        connection.execute_batch(
            "DELETE FROM people p WHERE NOT EXISTS (SELECT 1 FROM person_key k WHERE k.project = p.project AND k.email = p.email)",
        )?;
    }
    if changes.customers.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "new_person", tracked::people(changes))?;
    connection.execute_batch(&format!(
        "DELETE FROM people p USING new_person n WHERE p.project = n.project AND p.email = n.email;
         INSERT INTO people SELECT * REPLACE (string_split(tags, '{SEPARATOR}') AS tags) FROM new_person"
    ))
}

fn apply_products(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.products.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "new_product", tracked::products(changes))?;
    connection.execute_batch(
        "DELETE FROM products p USING new_product n WHERE p.project = n.project AND p.id = n.id;
         INSERT INTO products SELECT * FROM new_product",
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use crate::cancellation::Cancellation;
    use crate::metrics::rows::Cell;
    use crate::projection::AnalyticsEngine;
    use crate::projection::duckdb::DuckDbEngine;
    use crate::projection::source::{IdentityLink, Position, TrackedChanges, TrackedEvent};
    use crate::projection::sql::Statement;
    use crate::sources::Client;

    fn event(seq: i64, visitor: &str, email: Option<&str>) -> TrackedEvent {
        TrackedEvent {
            seq,
            project: 1,
            id: Uuid::nil(),
            event_type: "page_view".into(),
            api: "tillroll".into(),
            time: seq,
            received_at: seq,
            visitor: Some(visitor.into()),
            email: email.map(Into::into),
            session: Some(format!("session {visitor} {seq}")),
            store: None,
            url: "https://shop.example/".into(),
            referrer: String::new(),
            title: String::new(),
            params: "{}".into(),
            is_bot: false,
            client: Client::default(),
        }
    }

    fn link(visitor: &str, email: &str) -> IdentityLink {
        IdentityLink { project: 1, visitor: visitor.into(), since: 0, until: i64::MAX / 1_000, email: email.into() }
    }

    /// Returns how many people have a number.
    fn numbered(engine: &DuckDbEngine) -> Cell {
        let statement = Statement { text: "SELECT count(*) FROM person_numbers".into(), values: Vec::new() };
        engine.run(&[statement], &Cancellation::default()).unwrap().remove(0).remove(0).remove(0)
    }

    #[test]
    fn erased_and_expired_people_have_no_number_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let engine = DuckDbEngine::open(folder.path(), Position::default()).unwrap();
        let apply =
            |changes: &TrackedChanges| engine.apply(&[], changes, Position { trimmed: changes.trimmed, ..Position::default() }).unwrap();
        apply(&TrackedChanges {
            events: vec![event(1, "v1", None), event(2, "v2", Some("b@example.com")), event(3, "v1", None), event(4, "v3", None)],
            linked: vec![(1, "v1".to_owned())],
            links: vec![link("v1", "a@example.com")],
            ..TrackedChanges::default()
        });
        assert_eq!(numbered(&engine), Cell::Integer(5));
        apply(&TrackedChanges { erased: vec![2], ..TrackedChanges::default() });
        assert_eq!(numbered(&engine), Cell::Integer(3), "an event is erased");
        apply(&TrackedChanges { is_reset: true, ..TrackedChanges::default() });
        assert_eq!(numbered(&engine), Cell::Integer(2), "a person without events is erased");
        apply(&TrackedChanges { trimmed: 3, ..TrackedChanges::default() });
        assert_eq!(numbered(&engine), Cell::Integer(1), "events have expired");
    }
}
