//! Applies events, identity links, customers and products.
//!
//! Events are appended, and each visit with a new or erased event is derived again from all of its events. So the order of arrival does not
//! matter, except for a visit with very many events, whose figures are those of its first ones. Which person a visitor is, is joined when a
//! query asks: a new link changes no event and no visit.

use duckdb::types::Value as Sql;
use duckdb::{Connection, params};
use serde_json::{Map, Value};

use crate::projection::duckdb::append::replace_temporary;
use crate::projection::duckdb::event_row::{self, text, timestamp};
use crate::projection::source::TrackedChanges;

/// The tables of the projection.
pub(super) const SCHEMA: &str = include_str!("tracking_schema.sql");
/// Views of the tables, and of those of orders.
pub(super) const ORDER_VIEWS: &str = include_str!("order_views.sql");
/// Derives visits again.
pub(super) const DERIVE_VISITS: &str = include_str!("derive_visits.sql");

/// Tables of a connection, which hold the changes of one batch.
const TEMPORARY: &str = "
    CREATE TEMP TABLE arrived AS SELECT * REPLACE (CAST(NULL AS VARCHAR) AS id, CAST(NULL AS VARCHAR) AS visit) FROM events LIMIT 0;
    CREATE TEMP TABLE touched (visit BIGINT, project BIGINT, session VARCHAR, events_before BIGINT);
    CREATE TEMP TABLE erased (seq BIGINT);
    CREATE TEMP TABLE new_link AS SELECT * FROM links LIMIT 0;
    CREATE TEMP TABLE linked (project BIGINT, visitor VARCHAR);
    CREATE TEMP TABLE new_person AS SELECT * REPLACE (CAST(NULL AS VARCHAR) AS tags) FROM people LIMIT 0;
    CREATE TEMP TABLE person_key (project BIGINT, email VARCHAR);
    CREATE TEMP TABLE new_product AS SELECT * FROM products LIMIT 0;";

/// A visit with so many events is not derived again for further ones: no person makes as many, and the cost of a derivation grows with them.
const MAX_DERIVED_EVENTS: i64 = 10_000;

/// Separates tags within a text.
const SEPARATOR: char = '\u{1f}';

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
    pub(super) fn apply(&mut self, connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
        self.add_events(connection, tracked)?;
        erase_events(connection, tracked)?;
        if !tracked.events.is_empty() || !tracked.erased.is_empty() {
            derive_visits(connection)?;
        }
        apply_links(connection, tracked)?;
        if tracked.trimmed > number(connection, "SELECT trimmed_until FROM projection")? {
            trim(connection, tracked.trimmed)?;
        }
        apply_people(connection, tracked)?;
        apply_products(connection, tracked)
    }

    /// A failed transaction leaves gaps in the numbers of visits.
    fn add_events(&mut self, connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
        if tracked.events.is_empty() {
            return Ok(());
        }
        replace_temporary(connection, "arrived", tracked.events.iter().map(event_row::row))?;
        let touch = format!(
            "INSERT INTO touched SELECT coalesce(v.number, {} + row_number() OVER ()), a.project, a.session, coalesce(v.events_count, 0)
             FROM (SELECT DISTINCT project, visit AS session FROM arrived WHERE visit IS NOT NULL AND NOT is_bot) a
             LEFT JOIN visits v ON v.project = a.project AND v.session = a.session",
            self.next_visit
        );
        self.next_visit += i64::try_from(connection.execute(&touch, [])?).unwrap_or_default() + 1;
        connection.execute_batch(&format!(
            "INSERT INTO events SELECT a.* REPLACE (CAST(a.id AS UUID) AS id, CASE WHEN NOT a.is_bot THEN t.visit END AS visit) FROM arrived a
             LEFT JOIN touched t ON t.project = a.project AND t.session = a.visit;
             DELETE FROM touched WHERE events_before >= {MAX_DERIVED_EVENTS}",
        ))
    }
}

fn derive_visits(connection: &Connection) -> duckdb::Result<()> {
    let bound = |function: &str| number(connection, &format!("SELECT coalesce({function}(visit), 0) FROM touched"));
    let (lowest, highest) = (bound("min")?, bound("max")?);
    connection.execute_batch(&DERIVE_VISITS.replace("LOWEST", &lowest.to_string()).replace("HIGHEST", &highest.to_string()))
}

fn number(connection: &Connection, sql: &str) -> duckdb::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

fn erase_events(connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
    if tracked.erased.is_empty() {
        return Ok(());
    }
    replace_temporary(connection, "erased", tracked.erased.iter().map(|seq| vec![Sql::BigInt(*seq)]))?;
    connection.execute_batch(
        "INSERT INTO touched SELECT v.number, v.project, v.session, 0 FROM visits v
             WHERE v.session IS NOT NULL AND v.number IN (SELECT visit FROM events WHERE seq IN (SELECT seq FROM erased))
             AND v.number NOT IN (SELECT visit FROM touched);
         DELETE FROM events WHERE seq IN (SELECT seq FROM erased);",
    )
}

/// Deletes expired events. The figures of their visits stay, without persons.
fn trim(connection: &Connection, until: i64) -> duckdb::Result<()> {
    // The orders of a person are found by the person, so they are stored while the person is known.
    connection.execute(
        "INSERT INTO visit_orders SELECT visit, project, id, placed_at, 0 FROM orders_in_visits i
         WHERE visit IN (SELECT number FROM visits WHERE first_seq <= ? AND session IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM visit_orders x WHERE x.project = i.project AND x.order_id = i.id)",
        params![until],
    )?;
    connection.execute(
        "UPDATE visits SET session = NULL, visitor = NULL, email = NULL WHERE first_seq <= ? AND session IS NOT NULL",
        params![until],
    )?;
    connection.execute("DELETE FROM events WHERE seq <= ?", params![until]).map(|_| ())
}

fn apply_links(connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
    if tracked.is_reset {
        connection.execute_batch("DELETE FROM links")?;
    } else if tracked.linked.is_empty() {
        return Ok(());
    }
    replace_temporary(
        connection,
        "linked",
        tracked.linked.iter().map(|(project, visitor)| vec![Sql::BigInt(*project), text(Some(visitor))]),
    )?;
    let rows = tracked.links.iter().map(|link| {
        vec![Sql::BigInt(link.project), text(Some(&link.visitor)), timestamp(link.since), timestamp(link.until), text(Some(&link.email))]
    });
    replace_temporary(connection, "new_link", rows)?;
    connection.execute_batch(
        "DELETE FROM links l USING linked c WHERE l.project = c.project AND l.visitor = c.visitor;
         INSERT INTO links SELECT * FROM new_link",
    )
}

fn apply_people(connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
    if tracked.is_reset {
        let keys = tracked.customer_keys.iter().map(|(project, email)| vec![Sql::BigInt(*project), text(Some(email))]);
        replace_temporary(connection, "person_key", keys)?;
        connection.execute_batch(
            "DELETE FROM people p WHERE NOT EXISTS (SELECT 1 FROM person_key k WHERE k.project = p.project AND k.email = p.email)",
        )?;
    }
    if tracked.customers.is_empty() {
        return Ok(());
    }
    let rows = tracked.customers.iter().map(|(project, email, fields)| {
        let tags: Vec<_> = fields.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let created_at = fields.get("createdAt").and_then(Value::as_i64).map_or(Sql::Null, timestamp);
        let subscribed = fields.get("subscribed").and_then(Value::as_bool).map_or(Sql::Null, Sql::Boolean);
        let tags = text(Some(&tags.join(&SEPARATOR.to_string())));
        vec![Sql::BigInt(*project), text(Some(email)), field(fields, "firstName"), field(fields, "lastName"), subscribed, tags, created_at]
    });
    replace_temporary(connection, "new_person", rows)?;
    connection.execute_batch(&format!(
        "DELETE FROM people p USING new_person n WHERE p.project = n.project AND p.email = n.email;
         INSERT INTO people SELECT * REPLACE (string_split(tags, '{SEPARATOR}') AS tags) FROM new_person"
    ))
}

fn apply_products(connection: &Connection, tracked: &TrackedChanges) -> duckdb::Result<()> {
    if tracked.products.is_empty() {
        return Ok(());
    }
    let rows = tracked.products.iter().map(|(project, id, fields)| {
        let categories = fields.get("categories").and_then(Value::as_array);
        let category = categories.and_then(|list| list.first()).and_then(Value::as_str);
        vec![Sql::BigInt(*project), text(Some(id)), field(fields, "name"), text(category)]
    });
    replace_temporary(connection, "new_product", rows)?;
    connection.execute_batch(
        "DELETE FROM products p USING new_product n WHERE p.project = n.project AND p.id = n.id;
         INSERT INTO products SELECT * FROM new_product",
    )
}

fn field(fields: &Map<String, Value>, name: &str) -> Sql {
    text(fields.get(name).and_then(Value::as_str))
}
