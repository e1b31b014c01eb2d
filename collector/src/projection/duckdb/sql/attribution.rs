//! The first and the last touch of each order, over all devices of its person as known now.
//!
//! docs/attribution.md has the rules. A person is an e-mail, or a visitor without one; an order without an e-mail belongs to the visitor that
//! reported it.

use crate::projection::duckdb::sql::builder::SqlBuilder;

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

/// Returns the columns of a source as one struct.
pub(super) fn source(alias: &str) -> String {
    let members = SOURCE.map(|(column, name)| format!("'{name}': {alias}.{column}"));
    format!("{{{}}}", members.join(", "))
}

/// Returns the relation of orders with their attribution, with the alias `d`.
pub(super) fn orders(builder: &SqlBuilder<'_>) -> String {
    let project = builder.scope.project;
    let days = builder.query.attribution_days;
    let columns = ["first", "last"].map(|touch| {
        let columns = SOURCE.map(|(_, name)| match (touch, name) {
            // An order of a person with visits but without a touch in the window is direct.
            ("last", "channel" | "name") => {
                format!("CASE WHEN s.doc IS NOT NULL THEN coalesce(t.last.{name}, 'direct') END AS \"attribution.last.{name}\"")
            }
            ("last", _) => format!("t.last.{name} AS \"attribution.last.{name}\""),
            _ => format!("s.first.{name} AS \"attribution.first.{name}\""),
        });
        columns.join(", ")
    });
    format!(
        "(WITH placed AS (SELECT doc, project, coalesce(\"customer.email\", \"customer.id\") AS person,
              coalesce(\"order.placed_at\", \"order.created_at\") AS placed_at FROM orders WHERE project = {project} AND cart = FALSE),
          seen AS (SELECT number, person, started_at, {visit} AS source FROM people_visits v WHERE project = {project} AND person IS NOT NULL),
          touch AS (
              SELECT person, source_at AS time, source_seq AS seq, {visit} AS source FROM people_visits v
              WHERE project = {project} AND channel <> 'direct' AND person IS NOT NULL
              UNION ALL
              SELECT v.person, h.time, h.seq, {touch} FROM touches h JOIN people_visits v ON v.number = h.visit
              WHERE h.project = {project} AND v.person IS NOT NULL),
          s AS (SELECT o.doc, count(*) AS visits, min(v.started_at) AS first_at, arg_min(v.source, row(v.started_at, v.number)) AS first
              FROM placed o JOIN seen v ON v.person = o.person AND v.started_at <= o.placed_at GROUP BY o.doc),
          t AS (SELECT o.doc, arg_max(h.source, row(h.time, h.seq)) AS last FROM placed o JOIN touch h ON h.person = o.person
              AND h.time <= o.placed_at AND h.time >= o.placed_at - to_days({days}) GROUP BY o.doc)
          SELECT o.*, {first}, {last}, coalesce(s.visits, 0) AS \"attribution.visits_count\",
              (epoch_ms(coalesce(o.\"order.placed_at\", o.\"order.created_at\")) - epoch_ms(s.first_at)) // 86400000
                  AS \"attribution.days_to_order\"
          FROM orders o LEFT JOIN s ON s.doc = o.doc LEFT JOIN t ON t.doc = o.doc) d",
        visit = source("v"),
        touch = source("h"),
        first = columns[0],
        last = columns[1],
    )
}
