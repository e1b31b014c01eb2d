//! Applies events, identity links, customers and products.
//!
//! Events are appended, and each visit with a new or erased event is derived again from all of its events. So the order of arrival does not
//! matter, except for a visit with very many events, whose figures are those of its first ones. Which person a visitor is, is joined when a
//! query asks: a new link changes no event and no visit.

use std::collections::HashMap;

use duckdb::{Connection, params};

use crate::projection::duckdb::append::{SEPARATOR, append, replace_temporary};
use crate::projection::duckdb::attribution::OutdatedOrders;
use crate::projection::duckdb::dialect::DuckDb;
use crate::projection::rows::event::{self, VisitKey};
use crate::projection::rows::{ColumnValue, MAX_DERIVED_EVENTS, tracked};
use crate::projection::source::{TrackedChanges, TrackedEvent};
use crate::projection::sql::Relations;

/// The tables of the projection.
pub(super) const SCHEMA: &str = include_str!("tracking_schema.sql");
/// Derives visits again.
pub(super) const DERIVE_VISITS: &str = include_str!("derive_visits.sql");

/// Tables of a connection, which hold the changes of one batch.
const TEMPORARY: &str = "
    CREATE TEMP TABLE arrived (place BIGINT, project BIGINT, session VARCHAR);
    CREATE TEMP TABLE touched (visit BIGINT, project BIGINT, session VARCHAR, events_before BIGINT);
    CREATE TEMP TABLE erased (seq BIGINT);
    CREATE TEMP TABLE new_link AS SELECT * FROM links LIMIT 0;
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
        if changes.trimmed > number(connection, "SELECT trimmed_until FROM projection")? {
            trim(connection, changes.trimmed, outdated)?;
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
        append(connection, "events", &changes.events.iter().map(row).collect::<Vec<_>>())?;
        connection.execute("DELETE FROM touched WHERE events_before >= ?", params![MAX_DERIVED_EVENTS]).map(|_| ())
    }

    /// Fills `touched` with the visits of these events, and returns their numbers.
    fn touch_visits(&mut self, connection: &Connection, events: &[TrackedEvent]) -> duckdb::Result<HashMap<VisitKey, i64>> {
        let rows = (0..).zip(event::visit_keys(events)).map(|(place, (project, session))| {
            vec![ColumnValue::Integer(place), ColumnValue::Integer(project), ColumnValue::Text(session)]
        });
        replace_temporary(connection, "arrived", &rows.collect::<Vec<_>>())?;
        let touch = format!(
            "INSERT INTO touched
             SELECT coalesce(v.number, {} + row_number() OVER (PARTITION BY v.number IS NULL ORDER BY a.place) - 1), a.project, a.session,
                 coalesce(v.events_count, 0)
             FROM arrived a LEFT JOIN visits v ON v.project = a.project AND v.session = a.session",
            self.next_visit
        );
        connection.execute(&touch, [])?;
        self.next_visit = self.next_visit.max(1 + number(connection, "SELECT coalesce(max(visit), 0) FROM touched")?);
        let mut statement = connection.prepare("SELECT project, session, visit FROM touched")?;
        let visit = |row: &duckdb::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
        statement.query_map([], visit)?.collect()
    }
}

fn derive_visits(connection: &Connection, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
    let bound = |function: &str| number(connection, &format!("SELECT coalesce({function}(visit), 0) FROM touched"));
    let (lowest, highest) = (bound("min")?, bound("max")?);
    let is_touched = format!("v.number BETWEEN {lowest} AND {highest} AND v.number IN (SELECT visit FROM touched)");
    outdated.add_visits(&is_touched)?;
    connection.execute_batch(&DERIVE_VISITS.replace("LOWEST", &lowest.to_string()).replace("HIGHEST", &highest.to_string()))?;
    outdated.add_visits(&is_touched)?;
    connection.execute("DELETE FROM touched", []).map(|_| ())
}

fn number(connection: &Connection, sql: &str) -> duckdb::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

fn erase_events(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.erased.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = changes.erased.iter().map(|seq| vec![ColumnValue::Integer(*seq)]).collect();
    replace_temporary(connection, "erased", &rows)?;
    connection.execute_batch(
        "INSERT INTO touched SELECT v.number, v.project, v.session, 0 FROM visits v
             WHERE v.session IS NOT NULL AND v.number IN (SELECT visit FROM events WHERE seq IN (SELECT seq FROM erased))
             AND v.number NOT IN (SELECT visit FROM touched);
         DELETE FROM events WHERE seq IN (SELECT seq FROM erased);",
    )
}

/// Deletes expired events. The figures of their visits stay, without persons.
fn trim(connection: &Connection, until: i64, outdated: &OutdatedOrders<'_>) -> duckdb::Result<()> {
    outdated.add_visits(&format!("v.first_seq <= {until} AND v.session IS NOT NULL"))?;
    // The orders of a person are found by the person, so they are stored while the person is known.
    let orders_in_visits = Relations::new(&DuckDb, None).orders_in_visits();
    let store_orders = format!(
        "INSERT INTO visit_orders SELECT visit, project, id, placed_at, 0 FROM {orders_in_visits} i
         WHERE visit IN (SELECT number FROM visits WHERE first_seq <= ? AND session IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM visit_orders x WHERE x.project = i.project AND x.order_id = i.id)"
    );
    connection.execute(&store_orders, params![until])?;
    connection.execute(
        "UPDATE visits SET session = NULL, visitor = NULL, email = NULL WHERE first_seq <= ? AND session IS NOT NULL",
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
    replace_temporary(connection, "linked", &tracked::keys(linked))?;
    replace_temporary(connection, "new_link", &tracked::links(changes))?;
    outdated.add_links()?;
    connection.execute_batch(
        "DELETE FROM links l USING linked c WHERE l.project = c.project AND l.visitor = c.visitor;
         INSERT INTO links SELECT * FROM new_link",
    )?;
    outdated.add_links()
}

fn apply_people(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.is_reset {
        let keys = changes.customer_keys.iter().map(|(project, email)| (*project, email.as_str()));
        replace_temporary(connection, "person_key", &tracked::keys(keys))?;
        connection.execute_batch(
            "DELETE FROM people p WHERE NOT EXISTS (SELECT 1 FROM person_key k WHERE k.project = p.project AND k.email = p.email)",
        )?;
    }
    if changes.customers.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "new_person", &tracked::people(changes))?;
    connection.execute_batch(&format!(
        "DELETE FROM people p USING new_person n WHERE p.project = n.project AND p.email = n.email;
         INSERT INTO people SELECT * REPLACE (string_split(tags, '{SEPARATOR}') AS tags) FROM new_person"
    ))
}

fn apply_products(connection: &Connection, changes: &TrackedChanges) -> duckdb::Result<()> {
    if changes.products.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "new_product", &tracked::products(changes))?;
    connection.execute_batch(
        "DELETE FROM products p USING new_product n WHERE p.project = n.project AND p.id = n.id;
         INSERT INTO products SELECT * FROM new_product",
    )
}
