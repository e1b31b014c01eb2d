//! The first and the last touch of each order, over all devices of its person as known now.
//!
//! docs/attribution.md has the rules. A person is an e-mail, or a visitor without one; an order without an e-mail belongs to the visitor that
//! reported it.

use crate::projection::sql::builder::SqlBuilder;
use crate::projection::sql::dialect::Dialect;
use crate::time::DAY_MS;

/// The columns of a source in the tables, and in the catalog.
pub(super) const SOURCE: [(&str, &str); 7] = [
    ("channel", "channel"),
    ("source", "name"),
    ("medium", "medium"),
    ("campaign", "campaign"),
    ("term", "term"),
    ("content", "content"),
    ("click_id", "click_id"),
];

/// Returns the columns of a source as one value.
pub(super) fn source(dialect: &dyn Dialect, alias: &str) -> String {
    dialect.record(&SOURCE.map(|(column, name)| (name, format!("{alias}.{column}"))))
}

/// Returns a relation of orders with their attribution, without an alias.
pub(super) fn with_attribution(builder: &SqlBuilder<'_>, orders: &str) -> String {
    let (dialect, relations) = (builder.dialect, builder.relations());
    let columns = ["first", "last"].map(|touch| {
        let columns = SOURCE.map(|(_, name)| match (touch, name) {
            // An order of a person with visits but without a touch in the window is direct.
            ("last", "channel" | "name") => {
                format!("CASE WHEN s.of_order IS NOT NULL THEN coalesce(t.last_touch.{name}, 'direct') END AS attribution__last__{name}")
            }
            ("last", _) => format!("t.last_touch.{name} AS attribution__last__{name}"),
            _ => format!("s.first_visit.{name} AS attribution__first__{name}"),
        });
        columns.join(", ")
    });
    let until_order = format!("{} - {}", dialect.millis("coalesce(o.order__placed_at, o.order__created_at)"), dialect.millis("s.first_at"));
    format!(
        "(WITH placed AS (SELECT o.doc AS doc, coalesce(o.customer__email, o.customer__id) AS person,
              coalesce(o.order__placed_at, o.order__created_at) AS placed_at FROM {table} o WHERE o.project = {project} AND o.cart = FALSE),
          seen AS (SELECT v.number AS number, v.person AS person, v.started_at AS started_at, {visit} AS source
              FROM {people_visits} v WHERE v.project = {project} AND v.person IS NOT NULL),
          touch AS (
              SELECT v.person AS person, v.source_at AS time, v.source_seq AS seq, {visit} AS source FROM {people_visits} v
              WHERE v.project = {project} AND v.channel <> 'direct' AND v.person IS NOT NULL
              UNION ALL
              SELECT v.person AS person, h.time AS time, h.seq AS seq, {touch} AS source
              FROM {touches} h JOIN {people_visits} v ON v.number = h.visit
              WHERE h.project = {project} AND v.person IS NOT NULL),
          s AS (SELECT o.doc AS of_order, count(*) AS visits, min(v.started_at) AS first_at, {first_visit} AS first_visit
              FROM placed o JOIN seen v ON v.person = o.person WHERE v.started_at <= o.placed_at GROUP BY o.doc),
          t AS (SELECT o.doc AS of_order, {last_touch} AS last_touch FROM placed o JOIN touch h ON h.person = o.person
              WHERE h.time <= o.placed_at AND h.time >= o.placed_at - {window} GROUP BY o.doc)
          SELECT o.*, {first}, {last}, coalesce(s.visits, 0) AS attribution__visits_count,
              {days} AS attribution__days_to_order
          FROM {orders} o LEFT JOIN s ON s.of_order = o.doc LEFT JOIN t ON t.of_order = o.doc)",
        table = builder.table(None),
        project = builder.scope.project,
        people_visits = relations.people_visits(),
        touches = relations.table("touches"),
        visit = source(dialect, "v"),
        touch = source(dialect, "h"),
        first_visit = dialect.first_by("v.source", &["v.started_at", "v.number"]),
        last_touch = dialect.last_by("h.source", &["h.time", "h.seq"]),
        window = dialect.duration(i64::from(builder.query.attribution_days) * DAY_MS),
        first = columns[0],
        last = columns[1],
        days = dialect.quotient(&until_order, &DAY_MS.to_string()),
    )
}
