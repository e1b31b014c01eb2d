//! Relations that are computed from tables: visits with their persons, orders by visit, revenue by visit, and first visits.
//!
//! What is computed about orders is the most expensive part of a query. An engine can keep it in tables, see
//! [`Dialect::keeps_attribution`]; then it is computed from the tables of a few orders and the visits of their persons.

use crate::metrics::catalog::RecordKind;
use crate::projection::sql::dialect::{Dialect, Linked};
use crate::projection::sql::names::table_name;
use crate::time::SECOND_MS;

/// How long after a visit's last event an order of its person belongs to it, in milliseconds.
const MAX_ORDER_DELAY_MS: i64 = 30 * 60 * SECOND_MS;

/// The relations of one project, or of all. Each is a text without an alias.
pub(in crate::projection) struct Relations<'a> {
    pub(super) dialect: &'a dyn Dialect,
    project: Option<i64>,
    limits: Option<Limits>,
    /// The list of markets whose orders count, or all.
    markets: Option<String>,
}

/// Tables to which the orders and the visits are limited.
#[derive(Clone, Copy)]
struct Limits {
    orders: &'static str,
    people_visits: &'static str,
}

impl<'a> Relations<'a> {
    pub(in crate::projection) fn new(dialect: &'a dyn Dialect, project: Option<i64>) -> Self {
        Self { dialect, project, limits: None, markets: None }
    }

    /// Limits the orders to those of a table, and the visits to those of a table that has all visits of the orders' persons.
    #[cfg(feature = "duckdb")]
    pub(in crate::projection) fn limited_to(self, orders: &'static str, people_visits: &'static str) -> Self {
        Self { limits: Some(Limits { orders, people_visits }), ..self }
    }

    /// Limits the orders of visits to those of a list of markets.
    pub(super) fn of_markets(self, markets: String) -> Self {
        Self { markets: Some(markets), ..self }
    }

    /// Returns the condition on orders `o` which these relations count.
    fn order_condition(&self) -> String {
        self.markets.as_ref().map_or_else(String::new, |markets| format!(" AND o.market__id IN ({markets})"))
    }

    /// Whether the engine keeps what is asked for.
    pub(super) fn is_kept(&self) -> bool {
        self.limits.is_none() && self.dialect.keeps_attribution()
    }

    /// Returns orders and carts.
    pub(super) fn orders(&self) -> String {
        self.limits.map_or_else(|| self.table(&table_name(RecordKind::Orders, None)), |limits| limits.orders.into())
    }

    /// Returns a table.
    pub(super) fn table(&self, name: &str) -> String {
        self.dialect.table(name, self.project)
    }

    /// Returns visits with the person as known now: the e-mail, else the visitor.
    pub(in crate::projection) fn people_visits(&self) -> String {
        self.limits.map_or_else(|| self.with_people(&self.table("visits")), |limits| limits.people_visits.into())
    }

    /// Returns these visits with their persons.
    pub(super) fn with_people(&self, visits: &str) -> String {
        let (link_numbers, person_number) = match self.dialect.numbers_people() {
            true => (
                ", visitor_number AS link_visitor_number, email_number AS link_email_number",
                ", coalesce(v.email_number, l.link_email_number, v.visitor_number) AS person_number",
            ),
            false => ("", ""),
        };
        let (join, email) = self.dialect.join_links(&self.links(link_numbers), Linked::Visits);
        format!(
            "(SELECT v.*, coalesce(v.email, {email}) AS known_email, coalesce(v.email, {email}, v.visitor) AS person{person_number}
              FROM {visits} v{join})"
        )
    }

    /// Returns the links, with these columns too.
    fn links(&self, more: &str) -> String {
        format!(
            "(SELECT project AS link_project, visitor AS link_visitor, since, until, email AS link_email{more} FROM {} x)",
            self.table("links")
        )
    }

    /// Returns the events without a visit whose visitor has an e-mail: `of_event`, the number of the event, and `link_email`. Nearly all events of
    /// pages have a visit, so the relation is small, and only it is compared with the links.
    pub(super) fn people_of_events(&self) -> String {
        let (join, email) = self.dialect.join_links(&self.links(""), Linked::Events);
        format!(
            "(SELECT n.seq AS of_event, n.link_email AS link_email FROM (
                 SELECT v.seq AS seq, {email} AS link_email FROM (
                     SELECT * FROM {} y WHERE (y.visit IS NULL OR y.visit = 0) AND y.email IS NULL AND y.visitor IS NOT NULL) v{join}) n
              WHERE n.link_email IS NOT NULL)",
            self.table("events")
        )
    }

    /// Returns the orders by visit: the visit in which a page [reported](Self::reporting_visits) the order, else the latest one of the order's
    /// person that had begun by then and ended at most 30 minutes before.
    pub(in crate::projection) fn orders_in_visits(&self) -> String {
        format!(
            "(WITH placed AS (SELECT o.project AS project, o.doc AS doc, o.order__id AS id, o.order__placed_at AS placed_at,
                  coalesce(o.order__placed_at, o.order__created_at) AS time, o.order__currency_code AS currency,
                  o.order__total_amount_with_taxes AS amount, o.customer__email AS email, o.customer__id AS visitor
                  FROM {orders} o WHERE o.cart = FALSE{of_markets}),
              reported AS {materialized}({reported})
              SELECT r.visit AS visit, o.doc AS doc, o.project AS project, o.id AS id, o.placed_at AS placed_at, o.time AS time,
                  o.currency AS currency, o.amount AS amount
              FROM placed o JOIN reported r ON r.doc = o.doc
              UNION ALL
              SELECT {latest} AS visit, o.doc AS doc, o.project AS project, o.id AS id, o.placed_at AS placed_at, o.time AS time,
                  o.currency AS currency, o.amount AS amount
              FROM placed o JOIN {people_visits} v ON v.project = o.project AND v.known_email = o.email
              WHERE v.started_at <= o.time AND o.time <= v.ended_at + {delay}
                  AND NOT {is_reported}
              GROUP BY o.doc, o.project, o.id, o.placed_at, o.time, o.currency, o.amount)",
            orders = self.orders(),
            of_markets = self.order_condition(),
            materialized = self.dialect.materialized(),
            reported = self.reporting_visits(),
            latest = self.dialect.last_by("v.number", &["v.started_at", "v.number"]),
            people_visits = self.people_visits(),
            delay = self.dialect.duration(MAX_ORDER_DELAY_MS),
            is_reported = self.dialect.exists(&[("o.doc".into(), "r.doc".into())], "reported r", "TRUE"),
        )
    }

    /// Returns the statement that selects `doc` and `visit` of each order of `placed` that a page reported: the first visit of the order's person
    /// that reported it, else the first one without an e-mail. Any page can report any order, so those of people with another e-mail do not count.
    /// An order without an e-mail has a visitor instead: the first visit of that visitor, else the first one.
    ///
    /// What an expired visit has kept was settled when it expired. An order that was placed later was reported before it existed.
    fn reporting_visits(&self) -> String {
        let visit_orders = self.table("visit_orders");
        let is_limited =
            self.limits.map_or_else(String::new, |limits| format!(" WHERE x.order_id IN (SELECT o.order__id FROM {} o)", limits.orders));
        let reporting =
            format!("(SELECT * FROM {} y WHERE y.number IN (SELECT x.visit FROM {visit_orders} x{is_limited}))", self.table("visits"));
        format!(
            "SELECT p.doc AS doc, {first} AS visit FROM (
                 SELECT o.doc AS doc, x.visit AS visit, x.time AS time, x.seq AS seq,
                     CASE WHEN o.email IS NULL THEN CASE WHEN v.session IS NULL OR v.visitor = o.visitor THEN 0 ELSE 1 END
                         WHEN v.known_email = o.email THEN 0
                         WHEN v.session IS NULL AND o.time > v.ended_at + {delay} THEN 2
                         WHEN v.session IS NULL THEN 0 WHEN v.known_email IS NULL THEN 1 ELSE 2 END AS choice
                 FROM placed o JOIN {visit_orders} x ON x.project = o.project AND x.order_id = o.id
                     JOIN {reporting_visits} v ON v.number = x.visit) p
             WHERE p.choice < 2 GROUP BY p.doc",
            first = self.dialect.first_by("p.visit", &["p.choice", "p.time", "p.seq", "p.visit"]),
            delay = self.dialect.duration(MAX_ORDER_DELAY_MS),
            reporting_visits = self.with_people(&reporting),
        )
    }

    /// Returns visits with `orders`, `currency` and `revenue`, which are NULL for a visit without an order; all visits, or those with orders.
    pub(super) fn visits_with_orders(&self, has_ordered_only: bool) -> String {
        let (orders, number) = match (self.is_kept(), &self.markets) {
            (true, None) if has_ordered_only => return "ordered_visits".into(),
            (true, None) => ("ordered_visits".into(), "number"),
            (true, Some(_)) => (self.revenue_of(&self.kept_orders("TRUE")), "visit"),
            (false, _) => (self.revenue_of(&self.orders_in_visits()), "visit"),
        };
        let join = if has_ordered_only { "JOIN" } else { "LEFT JOIN" };
        format!(
            "(SELECT v.*, r.orders AS orders, r.currency AS currency, r.revenue AS revenue FROM {} v {join} {orders} r ON r.{number} = v.number)",
            self.table("visits")
        )
    }

    /// Returns what an engine has kept of [`orders_in_visits`](Self::orders_in_visits), `k`, on a condition.
    pub(in crate::projection) fn kept_orders(&self, condition: &str) -> String {
        format!(
            "(SELECT k.visit AS visit, o.order__id AS id, o.order__placed_at AS placed_at, o.order__currency_code AS currency,
                  o.order__total_amount_with_taxes AS amount
              FROM order_attribution k JOIN {orders} o ON o.doc = k.doc WHERE k.visit IS NOT NULL AND {condition}{of_markets})",
            orders = self.table(&table_name(RecordKind::Orders, None)),
            of_markets = self.order_condition(),
        )
    }

    /// Returns the sums of [`orders_in_visits`](Self::orders_in_visits): `visit`, `orders`, `currency` and `revenue`, by the rule of [`Currency`].
    pub(in crate::projection) fn revenue_of(&self, orders_in_visits: &str) -> String {
        let [is_missing, placed_at] = nulls_last(self.dialect, "o.placed_at");
        let currency = Currency { of_order: "coalesce(o.currency, '')", amount: "o.amount" };
        format!(
            "(WITH o AS {materialized}(SELECT * FROM {orders_in_visits} x),
              f AS (SELECT o.visit AS visit, {currency} AS currency, {is_only} AS is_only, count(*) AS orders FROM o GROUP BY o.visit)
              SELECT f.visit AS visit, f.orders AS orders, nullif(f.currency, '') AS currency,
                  {revenue} AS revenue
              FROM f JOIN o ON o.visit = f.visit GROUP BY f.visit, f.orders, f.currency)",
            materialized = self.dialect.materialized(),
            is_only = currency.is_only(),
            revenue = total_amount(self.dialect, &currency.added()),
            currency = currency.of_group(self.dialect, &[&is_missing, &placed_at, "o.id"]),
        )
    }

    /// Returns the start of each person's first visit.
    pub(super) fn first_visits(&self) -> String {
        format!(
            "(SELECT v.project AS project, v.person AS person, min(v.started_at) AS first_at FROM {} v
              WHERE v.person IS NOT NULL GROUP BY v.project, v.person)",
            self.people_visits()
        )
    }
}

/// The currency of the orders of a visit or a customer: the only one, or else that of the first order, which may be none. Amounts without a
/// currency are added to those of the only one, and amounts in another currency are not added.
///
/// It is computed in two steps: `currency` and `is_only` of each group `f`, and then the sum of what is [added](Self::added).
#[derive(Clone, Copy)]
pub(super) struct Currency {
    /// The currency of an order, which is not NULL.
    pub(super) of_order: &'static str,
    /// The amount of an order.
    pub(super) amount: &'static str,
}

impl Currency {
    /// Returns whether the orders of a group have exactly one currency; NULL if they have none.
    pub(super) fn is_only(self) -> String {
        let currency = format!("nullif({}, '')", self.of_order);
        format!("min({currency}) = max({currency})")
    }

    /// Returns the currency of a group, an empty text if it has none. The keys order its orders.
    pub(super) fn of_group(self, dialect: &dyn Dialect, keys: &[&str]) -> String {
        let (is_only, of_order) = (self.is_only(), self.of_order);
        format!("CASE WHEN {is_only} THEN max({of_order}) ELSE {} END", dialect.first_by(of_order, keys))
    }

    /// Returns the amount of an order if it is added to the others of its group `f`, and else NULL.
    pub(super) fn added(self) -> String {
        let Self { of_order, amount } = self;
        format!("CASE WHEN f.is_only OR {of_order} = f.currency THEN {amount} END")
    }
}

/// Returns the sum of amounts of one visit or customer, at most the greatest amount: any page can report orders of that amount, and the sum must
/// remain a number that fits its column.
pub(super) fn total_amount(dialect: &dyn Dialect, amount: &str) -> String {
    let (sum, greatest) = (dialect.sum(amount), i64::MAX);
    format!("CAST(CASE WHEN {sum} > {greatest} THEN {greatest} WHEN {sum} < -{greatest} THEN -{greatest} ELSE {sum} END AS BIGINT)")
}

/// Returns keys by which times are compared, with missing ones after all others.
pub(super) fn nulls_last(dialect: &dyn Dialect, time: &str) -> [String; 2] {
    [format!("{time} IS NULL"), format!("coalesce({}, 0)", dialect.millis(time))]
}
