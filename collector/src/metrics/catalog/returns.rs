//! The fields of returns.

use crate::metrics::catalog::field::{Field, FilterKind, amount, boolean, number, organization, text, timestamp};

/// A record without a mode is live.
const MODES: &[&str] = &["live", "test"];

/// The attributes of a return.
pub(super) const MAIN: &[Field] = &[
    text("return.id").countable().filter("ids"),
    text("return.number").value_count_only().filter("numbers"),
    text("return.status").value_count_only().groupable().filter("statuses"),
    text("return.order_id").value_count_only().filter("order_ids"),
    text("return.reference").value_count_only().groupable().filter("references"),
    text("return.reference_origin").value_count_only().groupable().filter("reference_origins"),
    text("return.mode").filter("mode").filter_kind(FilterKind::Choice(MODES)),
    text("return.currency_code"),
    text("return.aggregated_details").filter("aggregated_details").filter_kind(FilterKind::Query),
    boolean("return.archived").filter("archived"),
    number("return.skus_count").filter("skus_count"),
    timestamp("return.current_date").by_date().date_filter().filter("current_date"),
    timestamp("return.created_at").by_date().date_filter().filter("created_at"),
    timestamp("return.updated_at").by_date().date_filter().filter("updated_at"),
    timestamp("return.approved_at").by_date().date_filter().filter("approved_at"),
    timestamp("return.archived_at").by_date().date_filter().filter("archived_at"),
    timestamp("return.cancelled_at").by_date().date_filter().filter("cancelled_at"),
    timestamp("return.received_at").by_date().date_filter().filter("received_at"),
    timestamp("return.rejected_at").by_date().date_filter().filter("rejected_at"),
    timestamp("return.shipped_at").by_date().date_filter().filter("shipped_at"),
    // The latest date of the lines. The upstream service accepts it in date filters and sort orders, and never returns it.
    timestamp("return.restocked_at").date_filter().hidden(),
];

/// The returned line items.
pub(super) const LINES: &[Field] = &[
    text("return_line_items.line_item_id").value_count_only().filter("line_item_ids"),
    // The product, by which the projection finds the returns to reload. The upstream service does not have it.
    text("return_line_items.item_id").hidden(),
    text("return_line_items.line_item_code").value_count_only().groupable().filter("line_item_codes"),
    text("return_line_items.line_item_name").groupable(),
    text("return_line_items.line_item_item_type").value_count_only().groupable().filter("line_item_item_types"),
    number("return_line_items.quantity").filter("quantity"),
    amount("return_line_items.line_item_total_amount").filter("line_item_total_amount"),
    amount("return_line_items.line_item_tax_amount").filter("line_item_tax_amount"),
    amount("return_line_items.line_item_tax_rate").filter("line_item_tax_rate"),
    timestamp("return_line_items.created_at").filter("created_at"),
    timestamp("return_line_items.updated_at").filter("updated_at"),
    timestamp("return_line_items.restocked_at").filter("restocked_at"),
    timestamp("return_line_items.line_item_updated_at").filter("line_item_updated_at"),
];

/// The related objects of a return, and its tags.
pub(super) const RELATED: &[Field] = &[
    text("customer.id").value_count_only().filter("ids"),
    text("customer.email").value_count_only().groupable().filter("emails"),
    text("customer.group_name").value_count_only().groupable().filter("group_names"),
    text("customer.reference"),
    text("customer.reference_origin"),
    text("market.id").countable().groupable().filter("ids"),
    text("market.name").groupable().filter("names"),
    text("market.number").countable().groupable().filter("numbers").filter_kind(FilterKind::Numbers),
    text("stock_location.id").value_count_only().filter("ids"),
    text("stock_location.name").value_count_only().groupable().filter("names"),
    text("stock_location.reference").value_count_only().groupable().filter("references"),
    text("stock_location.reference_origin").value_count_only().groupable().filter("reference_origins"),
    text("tags.id").groupable().filter("ids"),
    text("tags.name").groupable().filter("names"),
    organization("organization.id"),
    organization("organization.name"),
    organization("organization.slug"),
];
