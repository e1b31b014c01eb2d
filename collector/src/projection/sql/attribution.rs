//! The first and the last touch of each order, over all devices of its person as known now.
//!
//! docs/attribution.md has the rules. A person is an e-mail, or a visitor without one; an order without an e-mail belongs to the visitor that
//! reported it.

use crate::projection::sql::builder::SqlBuilder;
use crate::projection::sql::dialect::Dialect;
use crate::projection::sql::relations::Relations;
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
    let dialect = builder.dialect;
    let columns = ["first", "last"].map(|touch| {
        let columns = SOURCE.map(|(_, name)| format!("a.{touch}_{name} AS attribution__{touch}__{name}"));
        columns.join(", ")
    });
    let until_order = format!("{} - {}", dialect.millis("coalesce(o.order__placed_at, o.order__created_at)"), dialect.millis("a.first_at"));
    format!(
        "(SELECT o.*, {columns}, coalesce(a.visits, 0) AS attribution__visits_count, {days} AS attribution__days_to_order
          FROM {orders} o LEFT JOIN {attribution} a ON a.doc = o.doc)",
        columns = columns.join(", "),
        days = dialect.quotient(&until_order, &DAY_MS.to_string()),
        attribution = builder.relations().attribution(builder.query.attribution_days),
    )
}

impl Relations<'_> {
    /// Returns the attribution of the placed orders: `doc`, the number of visits until the order, the start of the first one, and the first and
    /// the last touch, as columns `first_…` and `last_…`. `days` is the window of the last touch.
    pub(in crate::projection) fn attribution(&self, days: u32) -> String {
        if self.is_kept() { "order_attribution".into() } else { self.computed_attribution(days) }
    }

    fn computed_attribution(&self, days: u32) -> String {
        let dialect = self.dialect;
        let first = SOURCE.map(|(_, name)| {
            // The source of a visit can arrive after the order.
            let later = if matches!(name, "channel" | "name") { "'direct'" } else { "NULL" };
            format!("CASE WHEN s.is_later = 1 THEN {later} ELSE s.first_visit.{name} END AS first_{name}")
        });
        let last = SOURCE.map(|(_, name)| match name {
            // An order of a person with visits but without a touch in the window is direct.
            "channel" | "name" => {
                format!("CASE WHEN s.of_order IS NOT NULL THEN coalesce(t.last_touch.{name}, 'direct') END AS last_{name}")
            }
            _ => format!("t.last_touch.{name} AS last_{name}"),
        });
        format!(
            "(WITH placed AS (SELECT o.doc AS doc, o.project AS project, coalesce(o.customer__email, o.customer__id) AS person,
                  coalesce(o.order__placed_at, o.order__created_at) AS placed_at FROM {orders} o WHERE o.cart = FALSE),
              seen AS (SELECT v.number AS number, v.project AS project, v.person AS person, v.started_at AS started_at, v.source_at AS source_at,
                  {visit} AS source FROM {people_visits} v WHERE v.person IS NOT NULL),
              touch AS (
                  SELECT v.project AS project, v.person AS person, v.source_at AS time, v.source_seq AS seq, {visit} AS source
                  FROM {people_visits} v WHERE v.channel <> 'direct' AND v.person IS NOT NULL
                  UNION ALL
                  SELECT v.project AS project, v.person AS person, h.time AS time, h.seq AS seq, {touch} AS source
                  FROM {touches} h JOIN {people_visits} v ON v.number = h.visit WHERE v.person IS NOT NULL),
              s AS (SELECT o.doc AS of_order, count(*) AS visits, min(v.started_at) AS first_at, {first_visit} AS first_visit,
                  {is_later} AS is_later
                  FROM placed o JOIN seen v ON v.project = o.project AND v.person = o.person WHERE v.started_at <= o.placed_at GROUP BY o.doc),
              t AS (SELECT o.doc AS of_order, {last_touch} AS last_touch
                  FROM placed o JOIN touch h ON h.project = o.project AND h.person = o.person
                  WHERE h.time <= o.placed_at AND h.time >= o.placed_at - {window} GROUP BY o.doc)
              SELECT p.doc AS doc, s.visits AS visits, s.first_at AS first_at, {first}, {last}
              FROM placed p LEFT JOIN s ON s.of_order = p.doc LEFT JOIN t ON t.of_order = p.doc)",
            orders = self.orders(),
            people_visits = self.people_visits(),
            touches = self.table("touches"),
            visit = source(dialect, "v"),
            touch = source(dialect, "h"),
            first_visit = dialect.first_by("v.source", &["v.started_at", "v.number"]),
            is_later = dialect.first_by("CASE WHEN v.source_at > o.placed_at THEN 1 ELSE 0 END", &["v.started_at", "v.number"]),
            first = first.join(", "),
            last_touch = dialect.last_by("h.source", &["h.time", "h.seq"]),
            window = dialect.duration(i64::from(days) * DAY_MS),
            last = last.join(", "),
        )
    }
}
