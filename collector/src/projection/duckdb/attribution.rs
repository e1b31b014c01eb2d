//! Keeps the attribution of orders and the visits with orders in tables, because they cost most of the time of a query.
//!
//! A batch deletes the rows that it can change, in its own transaction. The missing rows are computed from the missing orders and the visits of
//! their persons: when no changes arrive for a moment, or before, by a query that uses these tables. So many changes cost little, and what is
//! kept always agrees with the rest of the snapshot.

use duckdb::{Connection, params};

use crate::projection::duckdb::dialect::DuckDb;
use crate::projection::sql::Relations;

/// How many orders are computed at a time, which limits the memory.
const MAX_ORDERS: usize = 100_000;

/// Tables of the writing connection: what a batch changes, and the rows that depend on it. Orders placed before `since` do not.
pub(super) const TEMPORARY: &str = "
    CREATE TEMP TABLE changed_person (project BIGINT, person VARCHAR, since TIMESTAMP);
    CREATE TEMP TABLE changed_order (project BIGINT, order_id VARCHAR);
    CREATE TEMP TABLE outdated (doc BIGINT, visit BIGINT);";

/// Collects what a batch changes for orders.
pub(super) struct OutdatedOrders<'a> {
    connection: &'a Connection,
    has_rows: bool,
}

impl<'a> OutdatedOrders<'a> {
    pub(super) fn new(connection: &'a Connection) -> duckdb::Result<Self> {
        connection.execute_batch("DELETE FROM changed_person; DELETE FROM changed_order; DELETE FROM outdated")?;
        let has_rows = connection.query_row("SELECT count(*) > 0 FROM order_attribution", [], |row| row.get(0))?;
        Ok(Self { connection, has_rows })
    }

    /// Adds the orders that depend on visits `v`. Must be called before and after a change of visits: a visit can move to another person.
    pub(super) fn add_visits(&self, condition: &str) -> duckdb::Result<()> {
        self.execute(&format!(
            "INSERT INTO changed_person SELECT v.project, v.person, min(v.started_at) FROM {} v
             WHERE v.person IS NOT NULL AND {condition} GROUP BY v.project, v.person;
             INSERT INTO changed_order SELECT DISTINCT o.project, o.order_id FROM visit_orders o
             WHERE o.visit IN (SELECT v.number FROM visits v WHERE {condition})",
            Relations::new(&DuckDb::default(), None).people_visits()
        ))
    }

    /// Adds the orders of visitors in the table `linked` and of the e-mails that they are linked with, and those that they reported. Must be called
    /// before and after a change of links.
    pub(super) fn add_links(&self) -> duckdb::Result<()> {
        self.execute(
            "INSERT INTO changed_person
             SELECT project, person, CAST('-infinity' AS TIMESTAMP) FROM (
                 SELECT project, visitor AS person FROM linked
                 UNION SELECT l.project, l.email FROM links l JOIN linked c ON c.project = l.project AND c.visitor = l.visitor);
             INSERT INTO changed_order SELECT DISTINCT o.project, o.order_id FROM visit_orders o WHERE o.visit IN (
                 SELECT v.number FROM visits v WHERE v.visitor_number IN (
                     SELECT l.visitor_number FROM links l JOIN linked c ON c.project = l.project AND c.visitor = l.visitor))",
        )
    }

    /// Adds the orders whose documents are in the table `deleted`.
    pub(super) fn add_deleted(&self) -> duckdb::Result<()> {
        self.execute("INSERT INTO outdated SELECT k.doc, k.visit FROM order_attribution k WHERE k.doc IN (SELECT doc FROM deleted)")
    }

    /// Adds all orders.
    pub(super) fn add_all(&self) -> duckdb::Result<()> {
        self.execute("INSERT INTO outdated SELECT k.doc, k.visit FROM order_attribution k")
    }

    /// Deletes the rows of the added orders. From the document `first_doc` on, orders are new.
    pub(super) fn delete(self, first_doc: i64) -> duckdb::Result<()> {
        self.execute(
            "INSERT INTO outdated SELECT k.doc, k.visit FROM order_attribution k
                 JOIN changed_person c ON c.project = k.project AND c.person = k.person AND k.placed_at >= c.since;
             INSERT INTO outdated SELECT k.doc, k.visit FROM order_attribution k
                 JOIN changed_order c ON c.project = k.project AND c.order_id = k.order_id;
             DELETE FROM ordered_visits WHERE number IN (SELECT visit FROM outdated);
             DELETE FROM order_attribution WHERE doc IN (SELECT doc FROM outdated)",
        )?;
        let is_outdated = "EXISTS (SELECT 1 FROM outdated) OR EXISTS (SELECT 1 FROM orders WHERE doc >= ? AND NOT cart)";
        let mark = format!("UPDATE projection SET attributed_days = NULL WHERE attributed_days IS NOT NULL AND ({is_outdated})");
        self.connection.execute(&mark, params![first_doc]).map(|_| ())
    }

    fn execute(&self, statements: &str) -> duckdb::Result<()> {
        if self.has_rows { self.connection.execute_batch(statements) } else { Ok(()) }
    }
}

/// Returns whether no row is missing for this window.
pub(super) fn is_complete(connection: &Connection, days: u32) -> duckdb::Result<bool> {
    connection.query_row("SELECT attributed_days IS NOT DISTINCT FROM ? FROM projection", params![days], |row| row.get(0))
}

/// Computes missing rows of at most [`MAX_ORDERS`] orders, and all again if the window was another one. Returns whether none is missing any more.
pub(super) fn add_missing(connection: &Connection, days: u32) -> duckdb::Result<bool> {
    if is_complete(connection, days)? {
        return Ok(true);
    }
    let transaction = connection.unchecked_transaction()?;
    if transaction.execute("DELETE FROM order_attribution WHERE days <> ?", params![days])? > 0 {
        transaction.execute_batch("DELETE FROM ordered_visits")?;
    }
    let find = format!(
        "CREATE OR REPLACE TEMP TABLE missing_order AS
         SELECT o.doc, o.project, o.cart, o.order__id, o.order__placed_at, o.order__created_at, o.order__currency_code,
             o.order__total_amount_with_taxes, o.customer__email, o.customer__id
         FROM orders o WHERE o.cart = FALSE AND o.doc NOT IN (SELECT doc FROM order_attribution) LIMIT {MAX_ORDERS}"
    );
    transaction.execute_batch(&find)?;
    let found: usize = transaction.query_row("SELECT count(*) FROM missing_order", [], |row| row.get(0))?;
    if found > 0 {
        compute(&transaction, days)?;
    }
    let is_last = found < MAX_ORDERS;
    if is_last {
        transaction.execute("UPDATE projection SET attributed_days = ?", params![days])?;
    }
    transaction.commit()?;
    Ok(is_last)
}

/// Adds the rows of the orders in `missing_order`.
fn compute(connection: &Connection, days: u32) -> duckdb::Result<()> {
    let dialect = DuckDb::default();
    let all = Relations::new(&dialect, None);
    let people_visits = all.people_visits();
    let missing = Relations::new(&dialect, None).limited_to("missing_order", "person_visit");
    let (attribution, orders_in_visits) = (missing.attribution(days), missing.orders_in_visits());
    let revenue = all.revenue_of(&all.kept_orders("k.visit NOT IN (SELECT number FROM ordered_visits)"));
    connection.execute_batch(&format!(
        "CREATE OR REPLACE TEMP TABLE person_visit AS
             SELECT v.number, v.project, v.person, v.known_email, v.started_at, v.ended_at, v.source_seq, v.source_at, v.channel, v.source,
                 v.medium, v.campaign, v.term, v.content, v.click_id
             FROM {people_visits} v
             WHERE EXISTS (SELECT 1 FROM missing_order o WHERE o.project = v.project AND coalesce(o.customer__email, o.customer__id) = v.person);
         INSERT INTO order_attribution BY NAME
             SELECT o.doc, o.project, coalesce(o.customer__email, o.customer__id) AS person,
                 coalesce(o.order__placed_at, o.order__created_at) AS placed_at, o.order__id AS order_id, i.visit, {days} AS days,
                 a.* EXCLUDE (doc)
             FROM missing_order o LEFT JOIN {attribution} a ON a.doc = o.doc LEFT JOIN {orders_in_visits} i ON i.doc = o.doc;
         DELETE FROM ordered_visits WHERE number IN (
             SELECT k.visit FROM order_attribution k WHERE k.doc IN (SELECT doc FROM missing_order));
         INSERT INTO ordered_visits BY NAME
             SELECT v.*, r.orders, r.currency, r.revenue FROM {revenue} r JOIN visits v ON v.number = r.visit;
         DROP TABLE person_visit; DROP TABLE missing_order"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use crate::cancellation::Cancellation;
    use crate::metrics::catalog::{RecordKind, Resource};
    use crate::metrics::parse::{self, Context, QueryType};
    use crate::metrics::rows::{Cell, Scope};
    use crate::projection::AnalyticsEngine;
    use crate::projection::document::{Document, JsonText};
    use crate::projection::duckdb::DuckDbEngine;
    use crate::projection::source::{IdentityLink, Position, TrackedChanges, TrackedEvent};
    use crate::sources::Client;

    /// 1 January 2022, 10:00 UTC.
    const TEN_OCLOCK_MS: i64 = 1_641_031_200_000;

    fn order() -> Document {
        let json = json!({"id": "7", "status": "placed", "placed_at": "2022-01-01T10:00:00Z", "customer": {"email": "jo@example.com"}});
        let json = Some(JsonText::Plain(json.to_string()));
        Document { project: 1, record_kind: RecordKind::Orders, key: "7".into(), change: 1, json }
    }

    fn report() -> TrackedEvent {
        TrackedEvent {
            seq: 1,
            project: 1,
            id: Uuid::nil(),
            event_type: "order".into(),
            api: "tillroll".into(),
            time: TEN_OCLOCK_MS,
            received_at: TEN_OCLOCK_MS,
            visitor: Some("v1".into()),
            email: None,
            session: Some("s1".into()),
            store: None,
            url: String::new(),
            referrer: String::new(),
            title: String::new(),
            params: json!({"order_id": "7"}).to_string(),
            is_bot: false,
            client: Client::default(),
        }
    }

    /// Returns the sum of the orders of all visits.
    fn orders_of_visits(engine: &DuckDbEngine) -> Option<Cell> {
        let body = json!({"stats": {"field": "visit.orders_count", "operator": "sum"}});
        let context = Context {
            organization: "t",
            now: TEN_OCLOCK_MS,
            attribution_days: parse::ATTRIBUTION_DAYS,
            max_range_days: parse::MAX_RANGE_DAYS,
        };
        let query = parse::parse(Resource::find("visits")?, QueryType::Stats, &body, context).ok()?;
        let scope = Scope { project: 1, organization: "t".into(), markets: Vec::new() };
        let tables = engine.query(&query, &scope, Position::default(), &Cancellation::default()).ok()?;
        tables.first()?.first()?.get(5).cloned()
    }

    #[test]
    fn link_of_a_visitor_changes_the_visits_of_the_orders_that_it_reported() {
        let folder = tempfile::tempdir().unwrap();
        let engine = DuckDbEngine::open(folder.path(), Position::default()).unwrap();
        let link = |email: &str| TrackedChanges {
            linked: vec![(1, "v1".to_owned())],
            links: vec![IdentityLink { project: 1, visitor: "v1".into(), since: 0, until: i64::MAX / 1_000, email: email.into() }],
            ..TrackedChanges::default()
        };
        let reported = TrackedChanges { events: vec![report()], ..TrackedChanges::default() };
        engine.apply(&[order()], &reported, Position::default()).unwrap();
        assert_eq!(orders_of_visits(&engine), Some(Cell::Integer(1)), "a visit without an e-mail");
        for (email, orders) in [("other@example.com", 0), ("jo@example.com", 1)] {
            engine.apply(&[], &link(email), Position::default()).unwrap();
            assert_eq!(orders_of_visits(&engine), Some(Cell::Integer(orders)), "{email}");
        }
    }
}
