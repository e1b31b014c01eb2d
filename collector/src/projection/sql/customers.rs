//! Customers: everyone with an e-mail, from customer records, orders, carts, returns and visits.

use crate::metrics::catalog::RecordKind;
use crate::projection::sql::attribution::{SOURCE, source};
use crate::projection::sql::builder::SqlBuilder;
use crate::projection::sql::names::table_name;
use crate::projection::sql::relations::{Currency, nulls_last, total_amount};
use crate::projection::sql::statement::Bound;
use crate::time::DAY_MS;

/// After this many days without an order a customer is lost.
const LOST_DAYS: i64 = 180;
/// After this many days without an order a customer is at risk.
const AT_RISK_DAYS: i64 = 60;

/// The currency of a customer's orders.
const CURRENCY: Currency = Currency { of_order: "o.currency", amount: "o.amount" };

/// What a query needs of the visits, which are by far the most rows.
#[derive(Clone, Copy)]
struct Scan {
    /// Whether the period is one of orders, so that customers without an order are not in the result.
    has_buyers_only: bool,
    /// Whether the query uses what is computed from visits.
    uses_visits: bool,
}

impl Scan {
    fn of(builder: &SqlBuilder<'_>) -> Self {
        let of_orders = ["customer.first_order_at", "customer.last_order_at"];
        let of_visits =
            ["customer.created_at", "customer.first_seen_at", "customer.last_seen_at", "customer.visits_count", "first_source."];
        let query = builder.query;
        Self {
            has_buyers_only: query.filter.period.is_some_and(|period| of_orders.contains(&period.field.name)),
            uses_visits: query.fields().iter().any(|field| of_visits.iter().any(|name| field.name.starts_with(name))),
        }
    }

    /// Returns the statement that selects the e-mails of all customers of the result. `known` selects those of customer records, if they count.
    fn everyone(self, known: Option<String>) -> String {
        let of = |name: &str| format!("SELECT {name}.email AS email FROM {name}");
        if self.has_buyers_only {
            return of("f");
        }
        known.into_iter().chain(["f", "c", "t", "v"].map(of)).collect::<Vec<_>>().join(" UNION DISTINCT ")
    }

    /// Returns the condition on visits `w` that are read.
    fn condition(self) -> &'static str {
        match (self.has_buyers_only, self.uses_visits) {
            (false, _) => "",
            (true, true) => " AND w.known_email IN (SELECT f.email FROM f)",
            (true, false) => " AND 1 = 0",
        }
    }
}

/// Returns the relation of customers, with the alias `d`. A caller that sees some markets only gets what happened there.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub(super) fn relation(builder: &mut SqlBuilder<'_>) -> String {
    let project = builder.scope.project;
    let markets = builder.scope.markets.clone();
    let (documents, visits) = if markets.is_empty() {
        (String::new(), String::new())
    } else {
        let (list, organization) = (builder.bind_all(&markets), builder.organization());
        (format!(" AND o.market__id IN ({list})"), format!(" AND coalesce(w.store, {organization}) IN ({list})"))
    };
    let scan = Scan::of(builder);
    let line_break = builder.bind(Bound::Text("\n".into()));
    let (dialect, relations) = (builder.dialect, builder.relations());
    let people = relations.table(&table_name(RecordKind::Customers, None));
    let known = markets.is_empty().then(|| format!("SELECT o.email AS email FROM {people} o WHERE o.project = {project}"));
    let (everyone, of_scan) = (scan.everyone(known), scan.condition());
    let first_source = SOURCE.map(|(_, name)| format!("v.first_source.{name} AS first_source__{name}")).join(", ");
    let [is_missing, placed_at] = nulls_last(dialect, "o.placed_at");
    let days_between = format!(
        "({} - {}) / (v.orders - 1) / {:.1}",
        dialect.millis("v.last_order"),
        dialect.millis("v.first_order"),
        // A quantity is stored in millionths.
        DAY_MS as f64 / 1e6
    );
    let age = format!("{} - {}", dialect.millis(&dialect.time(builder.query.now)), dialect.millis("m.last_at"));
    format!(
        "(WITH o AS (SELECT o.customer__email AS email, o.order__id AS id, coalesce(o.order__placed_at, o.order__created_at) AS placed_at,
              coalesce(o.order__currency_code, '') AS currency, o.order__total_amount_with_taxes AS amount
              FROM {orders} o WHERE o.project = {project} AND o.cart = FALSE AND o.customer__email IS NOT NULL{documents}),
          f AS (SELECT o.email AS email, {currency} AS currency, {is_only} AS is_only, count(*) AS orders, min(o.placed_at) AS first_at,
              max(o.placed_at) AS last_at FROM o GROUP BY o.email),
          m AS (SELECT f.email AS email, f.currency AS currency, f.orders AS orders, f.first_at AS first_at, f.last_at AS last_at,
              {revenue} AS revenue, count({added}) AS priced
              FROM f JOIN o ON o.email = f.email
              GROUP BY f.email, f.currency, f.orders, f.first_at, f.last_at),
          c AS (SELECT o.customer__email AS email, max(o.order__total_amount_with_taxes) AS amount, {cart_currency} AS currency,
              min(o.order__created_at) AS first_at FROM {orders} o
              WHERE o.project = {project} AND o.cart = TRUE AND o.customer__email IS NOT NULL{documents} GROUP BY o.customer__email),
          t AS (SELECT o.customer__email AS email, count(*) AS returns, min(o.return__created_at) AS first_at,
              max(o.return__created_at) AS last_at FROM {returns} o
              WHERE o.project = {project} AND o.customer__email IS NOT NULL{documents} GROUP BY o.customer__email),
          v AS (SELECT w.known_email AS email, count(*) AS visits, min(w.started_at) AS first_at, max(w.ended_at) AS last_at,
              {first_visit} AS first_source
              FROM {people_visits} w WHERE w.project = {project} AND w.known_email IS NOT NULL{visits}{of_scan} GROUP BY w.known_email),
          k AS ({everyone}),
          p AS (SELECT o.email AS email, o.first_name AS first_name, o.last_name AS last_name, o.subscribed AS subscribed, o.tags AS tags,
              o.created_at AS created_at FROM {people} o WHERE o.project = {project}),
          all_figures AS (SELECT k.email AS email, p.first_name AS first_name, p.last_name AS last_name, p.subscribed AS subscribed,
              p.tags AS tags, m.currency AS currency, coalesce(m.orders, 0) AS orders, m.revenue AS revenue, m.priced AS priced,
              m.first_at AS first_order, m.last_at AS last_order, coalesce(t.returns, 0) AS returns, coalesce(v.visits, 0) AS visits,
              {first_seen} AS first_seen, {last_seen} AS last_seen, p.created_at AS created_at,
              CAST(c.email IS NOT NULL AS BOOLEAN) AS has_cart, c.amount AS cart_amount,
              CASE WHEN c.amount IS NOT NULL THEN nullif(c.currency, '') END AS cart_currency, v.first_source AS first_source,
              2 * avg(m.revenue) OVER (PARTITION BY m.currency) AS high, {age} AS age
              FROM k LEFT JOIN p ON p.email = k.email LEFT JOIN m ON m.email = k.email
              LEFT JOIN c ON c.email = k.email LEFT JOIN t ON t.email = k.email LEFT JOIN v ON v.email = k.email)
          SELECT v.email AS doc, CAST({project} AS BIGINT) AS project, v.email AS customer__email, v.first_name AS customer__first_name,
              v.last_name AS customer__last_name, v.subscribed AS customer__subscribed, v.tags AS customer__tags,
              coalesce(v.created_at, v.first_seen) AS customer__created_at, v.first_seen AS customer__first_seen_at,
              coalesce(v.last_seen, v.first_seen) AS customer__last_seen_at, v.visits AS customer__visits_count,
              v.orders AS customer__orders_count, v.returns AS customer__returns_count, v.revenue AS customer__revenue,
              nullif(v.currency, '') AS customer__currency_code,
              CASE WHEN v.priced > 0 THEN CAST({average} AS BIGINT) END AS customer__average_order,
              v.first_order AS customer__first_order_at, v.last_order AS customer__last_order_at, {cohort} AS customer__cohort,
              CASE WHEN v.orders > 1 THEN CAST({days_between} AS BIGINT) END AS customer__days_between_orders,
              v.has_cart AS customer__has_cart, v.cart_amount AS customer__cart_amount, v.cart_currency AS customer__cart_currency_code,
              CASE WHEN v.orders = 0 THEN 'prospect' WHEN v.age > {lost} THEN 'lost' WHEN v.age > {at_risk} THEN 'at_risk'
                  WHEN v.orders >= 4 AND v.revenue >= v.high THEN 'champion' WHEN v.revenue >= v.high THEN 'big_spender'
                  WHEN v.orders >= 2 THEN 'loyal' ELSE 'new' END AS customer__segment,
              {text} AS text, {first_source}
          FROM all_figures v) d",
        orders = relations.table(&table_name(RecordKind::Orders, None)),
        returns = relations.table(&table_name(RecordKind::Returns, None)),
        people_visits = relations.people_visits(),
        currency = CURRENCY.of_group(dialect, &[&is_missing, &placed_at, "o.id"]),
        is_only = CURRENCY.is_only(),
        added = CURRENCY.added(),
        cart_currency = dialect.last_by(
            "coalesce(o.order__currency_code, '')",
            &["coalesce(o.order__total_amount_with_taxes, -9000000000000000000)", "o.order__id"]
        ),
        first_seen = extreme("least", &["v.first_at", "m.first_at", "p.created_at", "c.first_at", "t.first_at"]),
        last_seen = extreme("greatest", &["v.last_at", "m.last_at", "t.last_at"]),
        first_visit = dialect.first_by(&source(dialect, "w"), &["w.started_at", "w.number"]),
        revenue = total_amount(dialect, &CURRENCY.added()),
        lost = LOST_DAYS * DAY_MS,
        at_risk = AT_RISK_DAYS * DAY_MS,
        average = dialect.round("v.revenue / v.priced"),
        cohort = dialect.month("v.first_order"),
        days_between = dialect.round(&days_between),
        // The lower case of İ has two characters in a query, and one in the engines.
        text = dialect.fold(&format!(
            "replace(concat(v.email, {line_break}, coalesce(v.first_name, ''), {line_break}, coalesce(v.last_name, ''), {line_break},
                coalesce({tags}, '')), 'İ', 'i\u{307}')",
            tags = dialect.join_texts("v.tags", &line_break)
        )),
    )
}

/// Returns the least or the greatest of times that may be NULL. The function of an engine can be NULL if one of them is.
fn extreme(function: &str, times: &[&str]) -> String {
    let beginning_at = |at: usize| format!("coalesce({})", [&times[at..], &times[..at]].concat().join(", "));
    format!("{function}({})", (0..times.len()).map(beginning_at).collect::<Vec<_>>().join(", "))
}
