//! The fields of customers.

use crate::metrics::catalog::field::{Field, FieldType, FilterKind, amount, boolean, count, field, number, text, texts, timestamp};

/// The attributes of a customer.
pub(super) const MAIN: &[Field] = &[
    text("customer.email").countable().groupable().filter("emails"),
    text("customer.first_name").groupable().filter("first_names"),
    text("customer.last_name").groupable().filter("last_names"),
    boolean("customer.subscribed").groupable().filter("subscribed"),
    texts("customer.tags").groupable().filter("tags"),
    text("customer.aggregated_details").filter("aggregated_details").filter_kind(FilterKind::Query).hidden(),
    timestamp("customer.created_at").by_date().date_filter().filter("created_at"),
    timestamp("customer.first_seen_at").by_date().date_filter().filter("first_seen_at"),
    timestamp("customer.last_seen_at").by_date().date_filter().filter("last_seen_at"),
    count("customer.visits_count").groupable().filter("visits_count"),
    count("customer.orders_count").groupable().filter("orders_count"),
    count("customer.returns_count").groupable().filter("returns_count"),
    amount("customer.revenue").filter("revenue"),
    text("customer.currency_code").groupable().filter("currency_codes"),
    amount("customer.average_order").filter("average_order"),
    timestamp("customer.first_order_at").by_date().date_filter().filter("first_order_at"),
    timestamp("customer.last_order_at").by_date().date_filter().filter("last_order_at"),
    text("customer.cohort").countable().groupable().filter("cohorts"),
    number("customer.days_between_orders").filter("days_between_orders"),
    boolean("customer.has_cart").groupable().filter("has_cart"),
    // The largest of the open carts. Amounts of several currencies are never added, so it has no operators.
    field("customer.cart_amount", FieldType::Amount).filter("cart_amount"),
    text("customer.cart_currency_code").groupable().filter("cart_currency_codes"),
    text("customer.segment").countable().groupable().filter("segments"),
];

/// The source of the customer's first visit.
pub(super) const FIRST_SOURCE: &[Field] = &[
    text("first_source.channel").countable().groupable().filter("channels"),
    text("first_source.name").countable().groupable().filter("names"),
    text("first_source.medium").countable().groupable().filter("mediums"),
    text("first_source.campaign").countable().groupable().filter("campaigns"),
    text("first_source.term").countable().groupable().filter("terms"),
    text("first_source.content").countable().groupable().filter("contents"),
    text("first_source.click_id").countable().groupable().filter("click_ids"),
];
