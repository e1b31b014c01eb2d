//! The fields of an order for the visits that led to it, and for its place among the orders of the customer. They are computed when a query
//! asks.

use crate::metrics::catalog::field::{Field, count, text, timestamp};

/// The first and the last touch before an order.
pub(super) const ATTRIBUTION: &[Field] = &[
    text("attribution.first.channel").countable().groupable().filter("channels").derived(),
    text("attribution.first.name").countable().groupable().filter("names").derived(),
    text("attribution.first.medium").countable().groupable().filter("mediums").derived(),
    text("attribution.first.campaign").countable().groupable().filter("campaigns").derived(),
    text("attribution.first.term").countable().groupable().filter("terms").derived(),
    text("attribution.first.content").countable().groupable().filter("contents").derived(),
    text("attribution.first.click_id").countable().groupable().filter("click_ids").derived(),
    text("attribution.last.channel").countable().groupable().filter("channels").derived(),
    text("attribution.last.name").countable().groupable().filter("names").derived(),
    text("attribution.last.medium").countable().groupable().filter("mediums").derived(),
    text("attribution.last.campaign").countable().groupable().filter("campaigns").derived(),
    text("attribution.last.term").countable().groupable().filter("terms").derived(),
    text("attribution.last.content").countable().groupable().filter("contents").derived(),
    text("attribution.last.click_id").countable().groupable().filter("click_ids").derived(),
    count("attribution.visits_count").groupable().filter("visits_count").derived(),
    count("attribution.days_to_order").groupable().filter("days_to_order").derived(),
];

/// The order among all orders of the customer. A search does not show them, so that `customer.*` stays what it is upstream.
pub(super) const CUSTOMER_ORDERS: &[Field] = &[
    count("customer.orders_before").groupable().filter("orders_before").hidden().derived(),
    count("customer.orders_count").groupable().filter("orders_count").hidden().derived(),
    timestamp("customer.first_order_at").by_date().filter("first_order_at").hidden().derived(),
];
