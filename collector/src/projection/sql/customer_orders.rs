//! The place of each order among all orders of its customer, in the markets that the caller sees.

use crate::projection::sql::builder::SqlBuilder;
use crate::projection::sql::relations::nulls_last;

/// The fields that this adds.
pub(super) const FIELDS: [&str; 3] = ["customer.orders_before", "customer.orders_count", "customer.first_order_at"];

/// Returns the relation of orders with these fields, without an alias.
pub(super) fn with_customer_orders(builder: &mut SqlBuilder<'_>) -> String {
    let markets = builder.scope.markets.clone();
    let condition = if markets.is_empty() { String::new() } else { format!(" AND o.market__id IN ({})", builder.bind_all(&markets)) };
    let [is_missing, placed_at] = nulls_last(builder.dialect, "p.placed_at");
    format!(
        "(WITH p AS (SELECT o.doc AS of_order, o.customer__email AS email, o.order__id AS id,
              coalesce(o.order__placed_at, o.order__created_at) AS placed_at FROM {orders} o
              WHERE o.project = {project} AND o.cart = FALSE AND o.customer__email IS NOT NULL{condition}),
          h AS (SELECT p.of_order AS of_order,
              CAST(row_number() OVER (PARTITION BY p.email ORDER BY {is_missing}, {placed_at}, p.id) - 1 AS BIGINT) AS orders_before,
              CAST(count(*) OVER (PARTITION BY p.email) AS BIGINT) AS orders_count,
              min(p.placed_at) OVER (PARTITION BY p.email) AS first_order_at FROM p)
          SELECT o.*, h.orders_before AS customer__orders_before, h.orders_count AS customer__orders_count,
              h.first_order_at AS customer__first_order_at
          FROM {orders} o LEFT JOIN h ON h.of_order = o.doc)",
        orders = builder.table(None),
        project = builder.scope.project,
    )
}
