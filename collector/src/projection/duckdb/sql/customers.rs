//! Customers: everyone with an e-mail, from customer records, orders, carts, returns and visits.

use crate::projection::duckdb::sql::attribution::{SOURCE, source};
use crate::projection::duckdb::sql::builder::SqlBuilder;

/// Returns the relation of customers, with the alias `d`. A caller that sees some markets only gets what happened there.
pub(super) fn relation(builder: &mut SqlBuilder<'_>) -> String {
    let project = builder.scope.project;
    let markets = builder.scope.markets.clone();
    let (documents, visits) = if markets.is_empty() {
        (String::new(), String::new())
    } else {
        let (list, organization) = (builder.bind_all(&markets), builder.organization());
        (format!(" AND \"market.id\" IN ({list})"), format!(" AND coalesce(store, {organization}) IN ({list})"))
    };
    let known = if markets.is_empty() { format!("SELECT email FROM people WHERE project = {project} UNION ") } else { String::new() };
    let first_source = SOURCE.map(|(_, name)| format!("v.first.{name} AS \"first_source.{name}\"")).join(", ");
    let now = builder.query.now.saturating_mul(1_000);
    format!(
        "(WITH o AS (SELECT \"customer.email\" AS email, \"order.id\" AS id, coalesce(\"order.placed_at\", \"order.created_at\") AS placed_at,
              coalesce(\"order.currency_code\", '') AS currency, \"order.total_amount_with_taxes\" AS amount
              FROM orders WHERE project = {project} AND cart = FALSE AND \"customer.email\" IS NOT NULL{documents}),
          f AS (SELECT email, arg_min(currency, row(placed_at, id)) AS currency, count(*) AS orders, min(placed_at) AS first_at,
              max(placed_at) AS last_at FROM o GROUP BY email),
          m AS (SELECT f.*, CAST(sum(o.amount) AS BIGINT) AS revenue, count(o.amount) AS priced
              FROM f LEFT JOIN o ON o.email = f.email AND o.currency = f.currency GROUP BY ALL),
          c AS (SELECT DISTINCT \"customer.email\" AS email FROM orders
              WHERE project = {project} AND cart = TRUE AND \"customer.email\" IS NOT NULL{documents}),
          t AS (SELECT \"customer.email\" AS email, count(*) AS returns FROM returns
              WHERE project = {project} AND \"customer.email\" IS NOT NULL{documents} GROUP BY ALL),
          v AS (SELECT known_email AS email, count(*) AS visits, min(started_at) AS first_at, max(ended_at) AS last_at,
              arg_min({source}, row(started_at, number)) AS first
              FROM people_visits w WHERE project = {project} AND known_email IS NOT NULL{visits} GROUP BY known_email),
          k AS ({known}SELECT email FROM f UNION SELECT email FROM c UNION SELECT email FROM t UNION SELECT email FROM v),
          all_figures AS (SELECT k.email, p.first_name, p.last_name, p.subscribed, p.tags, m.currency, coalesce(m.orders, 0) AS orders,
              m.revenue, m.priced, m.first_at AS first_order, m.last_at AS last_order, coalesce(t.returns, 0) AS returns,
              coalesce(v.visits, 0) AS visits, least(v.first_at, m.first_at, p.created_at) AS first_seen,
              greatest(v.last_at, m.last_at) AS last_seen, p.created_at, c.email IS NOT NULL AS has_cart, v.first,
              2 * avg(m.revenue) OVER (PARTITION BY m.currency) AS high,
              (epoch_us(make_timestamp({now})) - epoch_us(m.last_at)) // 86400000000 AS age
              FROM k LEFT JOIN (SELECT * FROM people WHERE project = {project}) p ON p.email = k.email LEFT JOIN m ON m.email = k.email
              LEFT JOIN c ON c.email = k.email LEFT JOIN t ON t.email = k.email LEFT JOIN v ON v.email = k.email)
          SELECT email AS doc, CAST({project} AS BIGINT) AS project, email AS \"customer.email\", first_name AS \"customer.first_name\",
              last_name AS \"customer.last_name\", subscribed AS \"customer.subscribed\", tags AS \"customer.tags\",
              coalesce(created_at, first_seen) AS \"customer.created_at\", first_seen AS \"customer.first_seen_at\",
              coalesce(last_seen, first_seen) AS \"customer.last_seen_at\", visits AS \"customer.visits_count\", orders AS \"customer.orders_count\",
              returns AS \"customer.returns_count\", revenue AS \"customer.revenue\", nullif(currency, '') AS \"customer.currency_code\",
              CASE WHEN priced > 0 THEN CAST(round(revenue / priced) AS BIGINT) END AS \"customer.average_order\",
              first_order AS \"customer.first_order_at\", last_order AS \"customer.last_order_at\",
              strftime(first_order, '%Y-%m') AS \"customer.cohort\",
              CASE WHEN orders > 1 THEN CAST(round((epoch_ms(last_order) - epoch_ms(first_order)) / (orders - 1) / 86.4) AS BIGINT) END
                  AS \"customer.days_between_orders\",
              has_cart AS \"customer.has_cart\",
              CASE WHEN orders = 0 THEN 'prospect' WHEN age > 180 THEN 'lost' WHEN age > 60 THEN 'at_risk'
                  WHEN orders >= 4 AND revenue >= high THEN 'champion' WHEN revenue >= high THEN 'big_spender'
                  WHEN orders >= 2 THEN 'loyal' ELSE 'new' END AS \"customer.segment\",
              lower(concat_ws(chr(10), email, first_name, last_name, array_to_string(tags, chr(10)))) AS text, {first_source}
          FROM all_figures v) d",
        source = source("w"),
    )
}
