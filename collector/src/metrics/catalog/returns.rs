//! The fields of returns.

use crate::metrics::catalog::field::{Field, Test, amount, flag, moment, number, organization, text};

const MODES: &[&str] = &["live", "test"];

/// A return's own fields.
pub(super) const MAIN: &[Field] = &[
    text("return.id").counted().filter("ids"),
    text("return.number").present().filter("numbers"),
    text("return.status").present().grouped().filter("statuses"),
    text("return.order_id").present().filter("order_ids"),
    text("return.reference").present().grouped().filter("references"),
    text("return.reference_origin").present().grouped().filter("reference_origins"),
    text("return.mode").filter("mode").test(Test::Choice(MODES)),
    text("return.currency_code"),
    text("return.aggregated_details").filter("aggregated_details").test(Test::Query),
    flag("return.archived").filter("archived"),
    number("return.skus_count").filter("skus_count"),
    moment("return.current_date").by_date().period().filter("current_date"),
    moment("return.created_at").by_date().period().filter("created_at"),
    moment("return.updated_at").by_date().period().filter("updated_at"),
    moment("return.approved_at").by_date().period().filter("approved_at"),
    moment("return.archived_at").by_date().period().filter("archived_at"),
    moment("return.cancelled_at").by_date().period().filter("cancelled_at"),
    moment("return.received_at").by_date().period().filter("received_at"),
    moment("return.rejected_at").by_date().period().filter("rejected_at"),
    moment("return.shipped_at").by_date().period().filter("shipped_at"),
    // The latest of the lines'. Upstream takes it as a date filter and to sort by, and shows it nowhere.
    moment("return.restocked_at").period().hidden(),
];

/// What is sent back.
pub(super) const LINES: &[Field] = &[
    text("return_line_items.line_item_id").present().filter("line_item_ids"),
    text("return_line_items.line_item_code").present().grouped().filter("line_item_codes"),
    text("return_line_items.line_item_name").grouped(),
    text("return_line_items.line_item_item_type").present().grouped().filter("line_item_item_types"),
    number("return_line_items.quantity").filter("quantity"),
    amount("return_line_items.line_item_total_amount").filter("line_item_total_amount"),
    amount("return_line_items.line_item_tax_amount").filter("line_item_tax_amount"),
    amount("return_line_items.line_item_tax_rate").filter("line_item_tax_rate"),
    moment("return_line_items.created_at").filter("created_at"),
    moment("return_line_items.updated_at").filter("updated_at"),
    moment("return_line_items.restocked_at").filter("restocked_at"),
    moment("return_line_items.line_item_updated_at").filter("line_item_updated_at"),
];

/// What a return has one of, and its tags.
pub(super) const AROUND: &[Field] = &[
    text("customer.id").present().filter("ids"),
    text("customer.email").present().grouped().filter("emails"),
    text("customer.group_name").present().grouped().filter("group_names"),
    text("customer.reference"),
    text("customer.reference_origin"),
    text("market.id").counted().grouped().filter("ids"),
    text("market.name").grouped().filter("names"),
    text("market.number").counted().grouped().filter("numbers").test(Test::Numbers),
    text("stock_location.id").present().filter("ids"),
    text("stock_location.name").present().grouped().filter("names"),
    text("stock_location.reference").present().grouped().filter("references"),
    text("stock_location.reference_origin").present().grouped().filter("reference_origins"),
    text("tags.id").grouped().filter("ids"),
    text("tags.name").grouped().filter("names"),
    organization("organization.id"),
    organization("organization.name"),
    organization("organization.slug"),
];
