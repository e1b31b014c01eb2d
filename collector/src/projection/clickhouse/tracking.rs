//! Writes events, visits, identity links, customers and products of a batch.

use std::collections::BTreeMap;

use crate::metrics::catalog::RecordKind;
use crate::projection::clickhouse::batch::Batch;
use crate::projection::clickhouse::dialect::ClickHouse;
use crate::projection::clickhouse::snapshot::{Snapshot, integer, text};
use crate::projection::error::ProjectionError;
use crate::projection::rows::event::{self, VisitKey};
use crate::projection::rows::{self, ColumnValue, MAX_DERIVED_EVENTS, tracked};
use crate::projection::source::TrackedChanges;
use crate::projection::sql::{Dialect, Relations, table_name};

/// Derives visits again.
pub(super) const DERIVE_VISITS: &str = include_str!("derive_visits.sql");

const EVENT_COLUMNS: &str = "doc, seq, project, id, type, api, time, received_at, name, quantity, is_bot, host, path, title, page_type, product, \
     query, order_id, visitor, email, store, device_type, browser, system, country, channel, source, medium, campaign, term, content, click_id, \
     session, visit";
const LINK_COLUMNS: &str = "project, visitor, since, until, email";
const PERSON_COLUMNS: &str = "project, email, first_name, last_name, subscribed, tags, created_at";
const PRODUCT_COLUMNS: &str = "project, id, name, category";

/// A visit that changes: its number, and how many events it had.
struct Touched {
    number: i64,
    events_before: i64,
}

/// Writes the changes of a batch. `next_visit` is the number of the next new visit.
pub(super) fn apply(batch: &mut Batch<'_>, changes: &TrackedChanges, next_visit: &mut i64) -> Result<(), ProjectionError> {
    if !changes.events.is_empty() || !changes.erased.is_empty() {
        add_events(batch, changes, next_visit)?;
        erase_events(batch, changes)?;
        derive_visits(batch)?;
    }
    apply_links(batch, changes)?;
    if changes.trimmed > batch.before.position.trimmed {
        trim(batch, changes.trimmed)?;
    }
    apply_people(batch, changes)?;
    replace(batch, "products", "id", tracked::products(changes), PRODUCT_COLUMNS)
}

/// Returns a table as it was before the batch, or as it is with it.
fn table(snapshot: &Snapshot, name: &str) -> String {
    ClickHouse(snapshot).table(name, None)
}

fn add_events(batch: &mut Batch<'_>, changes: &TrackedChanges, next_visit: &mut i64) -> Result<(), ProjectionError> {
    let arrived = event::visit_keys(&changes.events);
    batch.stage("sessions", tracked::record_keys(arrived.iter().map(|(project, session)| (*project, session.as_str()))))?;
    // A visit whose session is known by its digest only is final.
    let find = format!(
        "SELECT v.project, v.session, v.number, v.events_count FROM {visits} v WHERE v.session IN (SELECT s.key FROM {arrived} s)
             AND tuple(v.project, v.session) IN (SELECT s.project, s.key FROM {arrived} s)
         UNION ALL
         SELECT v.project, s.key, v.number, toInt64({MAX_DERIVED_EVENTS}) FROM {visits} v
             JOIN (SELECT s.key AS key, {digest} AS of_session FROM {arrived} s) s ON s.of_session = v.digest
             WHERE v.digest IN (SELECT {digest} FROM {arrived} s)",
        visits = table(batch.before, "visits"),
        arrived = batch.staged("sessions"),
        digest = digest("s.project", "s.key"),
    );
    let mut visits: BTreeMap<VisitKey, Touched> = BTreeMap::new();
    for row in batch.client.query(&find, &[], "")? {
        let touched = Touched { number: integer(&row, 2), events_before: integer(&row, 3) };
        visits.insert((integer(&row, 0), text(&row, 1)), touched);
    }
    for key in arrived {
        visits.entry(key).or_insert_with(|| {
            *next_visit += 1;
            Touched { number: *next_visit - 1, events_before: 0 }
        });
    }
    let numbered = changes.events.iter().map(|tracked| {
        let visit = event::visit_key(tracked).and_then(|key| visits.get(&key)).map_or(0, |visit| visit.number);
        let end = [rows::text(tracked.session.as_deref()), ColumnValue::Integer(visit)];
        std::iter::once(ColumnValue::Integer(batch.number())).chain(event::row(tracked)).chain(end).collect()
    });
    let numbered: Vec<Vec<_>> = numbered.collect();
    batch.insert("events", EVENT_COLUMNS, &[&numbered])?;
    let (touched, closed): (Vec<_>, Vec<_>) = visits.values().partition(|visit| visit.events_before < MAX_DERIVED_EVENTS);
    let keys = |visits: &[&Touched]| visits.iter().map(|visit| number_key(visit.number)).collect();
    batch.stage("touched", keys(&touched))?;
    if closed.is_empty() {
        return Ok(());
    }
    batch.stage("closed", keys(&closed))?;
    let last = changes.events.last().map_or(0, |event| event.seq);
    let is_closed = format!("number IN (SELECT s.number FROM {} s)", batch.staged("closed"));
    rewrite_visits(batch, &is_closed, &format!("x.session, x.visitor, x.email, x.digest, {last}"))
}

/// Returns the key of a list of numbers.
fn number_key(number: i64) -> Vec<ColumnValue> {
    vec![ColumnValue::Integer(0), ColumnValue::Text(number.to_string()), ColumnValue::Integer(number)]
}

/// Returns the digest of a session.
fn digest(project: &str, session: &str) -> String {
    format!("hex(sipHash128(toString({project}), assumeNotNull({session})))")
}

/// Replaces the visits that meet a condition by ones with these values of session, visitor, e-mail, digest and number of the last event, as
/// expressions of the visit `x`.
fn rewrite_visits(batch: &mut Batch<'_>, condition: &str, values: &str) -> Result<(), ProjectionError> {
    let (visits, first) = (table(&batch.after, "visits"), batch.block());
    batch.client.execute(&format!(
        "INSERT INTO visits SELECT {first} + row_number() OVER (ORDER BY x.number), x.number, x.project, {values},
             * EXCEPT (doc, number, project, session, visitor, email, digest, last_seq)
         FROM (SELECT * FROM {visits} v WHERE {condition}) x"
    ))?;
    batch.delete(&visits, &format!("d.doc <= {first} AND {condition}"))
}

fn erase_events(batch: &mut Batch<'_>, changes: &TrackedChanges) -> Result<(), ProjectionError> {
    if changes.erased.is_empty() {
        return Ok(());
    }
    batch.stage("erased", changes.erased.iter().map(|seq| number_key(*seq)).collect())?;
    let is_erased = format!("seq IN (SELECT number FROM {} s)", batch.staged("erased"));
    batch.client.execute(&format!(
        "INSERT INTO changed (at, list, project, key, number)
         SELECT DISTINCT {}, 'touched', 0, toString(v.number), v.number FROM {} v
         WHERE v.session IS NOT NULL AND v.number IN (SELECT e.visit FROM {} e WHERE e.{is_erased})",
        batch.at(),
        table(batch.before, "visits"),
        table(&batch.after, "events"),
    ))?;
    let all_erased = format!(
        "session IS NULL AND digest IS NOT NULL AND number IN (
             SELECT e.visit FROM {events} e WHERE e.visit IN (SELECT e.visit FROM {events} e WHERE e.{is_erased})
             GROUP BY e.visit HAVING min(e.{is_erased}))",
        events = table(&batch.after, "events"),
    );
    rewrite_visits(batch, &all_erased, "x.session, x.visitor, x.email, NULL, x.last_seq")?;
    batch.delete(&table(&batch.after, "events"), &format!("d.{is_erased}"))
}

fn derive_visits(batch: &mut Batch<'_>) -> Result<(), ProjectionError> {
    let touched = batch.staged("touched");
    for (name, column) in [("visits", "number"), ("touches", "visit"), ("visit_orders", "visit")] {
        // Of this batch too: an earlier step may have rewritten the visit.
        batch.delete(&table(&batch.after, name), &format!("d.{column} IN (SELECT t.number FROM {touched} t)"))?;
    }
    let statements = DERIVE_VISITS.replace("TOUCHED", &touched);
    let statements = statements.replace("EVENTS", &table(&batch.after, "events")).replace("VISITS", &table(&batch.after, "visits"));
    for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        let first = batch.block().to_string();
        batch.client.execute(&statement.replace("FIRST", &first))?;
    }
    Ok(())
}

/// Deletes expired events. The figures of their visits stay, without persons.
fn trim(batch: &mut Batch<'_>, until: i64) -> Result<(), ProjectionError> {
    let after = batch.after.clone();
    let dialect = ClickHouse(&after);
    let (visits, orders) = (dialect.table("visits", None), Relations::new(&dialect, None).orders_in_visits());
    let visit_orders = dialect.table("visit_orders", None);
    let is_expired = format!("first_seq <= {until} AND session IS NOT NULL");
    let of_expired = format!("IN (SELECT v.number FROM {visits} v WHERE {is_expired})");
    // Which orders are those of a visit depends on the persons, so it is settled while they are known.
    let is_settled = format!("(SELECT i.visit, i.project, i.id FROM {orders} i WHERE i.visit {of_expired})");
    let placed = dialect.table(&table_name(RecordKind::Orders, None), None);
    let is_placed = format!("tuple(d.project, d.order_id) IN (SELECT o.project, o.order__id FROM {placed} o WHERE o.cart = FALSE)");
    batch.delete(
        &visit_orders,
        &format!("d.visit {of_expired} AND {is_placed} AND tuple(d.visit, d.project, d.order_id) NOT IN {is_settled}"),
    )?;
    let find = format!(
        "SELECT i.visit, i.project, i.id, i.time FROM {orders} i WHERE i.visit {of_expired}
         AND tuple(i.visit, i.project, i.id) NOT IN (SELECT x.visit, x.project, x.order_id FROM {visit_orders} x) ORDER BY i.visit, i.id"
    );
    let orders = batch.client.query(&find, &[], "")?;
    let orders = orders.iter().map(|row| {
        let number = |at| ColumnValue::Integer(integer(row, at));
        vec![number(0), number(1), ColumnValue::Text(text(row, 2)), number(3), ColumnValue::Integer(0)]
    });
    let orders: Vec<_> = orders.collect();
    batch.insert_numbered("visit_orders", "visit, project, order_id, time, seq", orders)?;
    let changes = format!("first_seq <= {until} AND (session IS NOT NULL OR digest IS NOT NULL AND last_seq <= {until})");
    let digest = format!("CASE WHEN x.last_seq > {until} THEN {} END", digest("x.project", "x.session"));
    rewrite_visits(batch, &changes, &format!("NULL, NULL, NULL, {digest}, x.last_seq"))
}

fn apply_links(batch: &mut Batch<'_>, changes: &TrackedChanges) -> Result<(), ProjectionError> {
    let links = table(batch.before, "links");
    if changes.is_reset {
        batch.delete(&links, "1")?;
    } else if changes.linked.is_empty() {
        return Ok(());
    } else {
        batch.stage("links", tracked::keys(changes.linked.iter().map(|(project, visitor)| (*project, visitor.as_str()))))?;
        batch.delete(&links, &is_staged(batch, "links", "visitor"))?;
    }
    batch.insert_numbered("links", LINK_COLUMNS, with_keys(tracked::links(changes)))
}

fn apply_people(batch: &mut Batch<'_>, changes: &TrackedChanges) -> Result<(), ProjectionError> {
    if changes.is_reset {
        batch.stage("kept", tracked::keys(changes.customer_keys.iter().map(|(project, email)| (*project, email.as_str()))))?;
        batch.delete(&table(batch.before, "people"), &format!("NOT ({})", is_staged(batch, "kept", "email")))?;
    }
    replace(batch, "people", "email", tracked::people(changes), PERSON_COLUMNS)
}

/// Replaces rows, each with its project and its key in front.
fn replace(batch: &mut Batch<'_>, name: &str, key: &str, rows: Vec<Vec<ColumnValue>>, columns: &str) -> Result<(), ProjectionError> {
    let rows = with_keys(rows);
    if rows.is_empty() {
        return Ok(());
    }
    batch.stage(name, rows.iter().map(|row| row.iter().take(2).cloned().collect()).collect())?;
    batch.delete(&table(batch.before, name), &is_staged(batch, name, key))?;
    batch.insert_numbered(name, columns, rows)
}

/// Leaves out rows without a key, which no other row can name.
fn with_keys(rows: Vec<Vec<ColumnValue>>) -> Vec<Vec<ColumnValue>> {
    rows.into_iter().filter(|row| row.get(1) != Some(&ColumnValue::Null)).collect()
}

/// Returns the condition that a row's key is in a list.
pub(super) fn is_staged(batch: &Batch<'_>, list: &str, key: &str) -> String {
    format!("tuple(d.project, d.{key}) IN (SELECT s.project, s.key FROM {} s)", batch.staged(list))
}
