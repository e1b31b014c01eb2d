//! The fields of an order's line items and shipments.

use crate::metrics::catalog::field::{Field, amount, number, seconds, text, timestamp};

/// Line items and their options.
pub(super) const LINES: &[Field] = &[
    text("line_items.id").countable().groupable().filter("ids"),
    text("line_items.code").countable().groupable().filter("codes"),
    text("line_items.item_id").countable().groupable().filter("item_ids"),
    text("line_items.item_type").groupable().filter("types"),
    text("line_items.name").groupable().filter("names"),
    number("line_items.quantity").filter("quantity"),
    amount("line_items.discount").filter("discount"),
    amount("line_items.options_amount").filter("options_amount"),
    amount("line_items.tax_amount").filter("tax_amount"),
    amount("line_items.tax_rate").filter("tax_rate"),
    amount("line_items.total_amount").filter("total_amount"),
    amount("line_items.unit_amount").filter("unit_amount"),
    timestamp("line_items.updated_at").filter("updated_at"),
    text("line_items.options.id").countable().filter("ids").groupable_except(&["line_items.*", "shipments.*"]),
    text("line_items.options.name").filter("names").groupable_except(&["line_items.*", "shipments.*"]),
    number("line_items.options.quantity").filter("quantity"),
    amount("line_items.options.total_amount").filter("total_amount"),
    amount("line_items.options.unit_amount").filter("unit_amount"),
];

/// Shipments, which carts do not have.
pub(super) const SHIPMENTS: &[Field] = &[
    text("shipments.id").countable().filter("ids").orders_only(),
    text("shipments.number").countable().filter("numbers").orders_only(),
    text("shipments.status").groupable().filter("statuses").orders_only(),
    text("shipments.reference").countable().groupable().filter("references").orders_only(),
    text("shipments.reference_origin").countable().groupable().filter("reference_origins").orders_only(),
    seconds("shipments.seconds_in_picking").filter("seconds_in_picking").orders_only(),
    seconds("shipments.seconds_in_ready_to_ship").filter("seconds_in_ready_to_ship").orders_only(),
    timestamp("shipments.cancelled_at").by_date().filter("cancelled_at").orders_only(),
    timestamp("shipments.on_hold_at").by_date().filter("on_hold_at").orders_only(),
    timestamp("shipments.picking_at").by_date().filter("picking_at").orders_only(),
    timestamp("shipments.packing_at").by_date().filter("packing_at").orders_only(),
    timestamp("shipments.ready_to_ship_at").by_date().filter("ready_to_ship_at").orders_only(),
    timestamp("shipments.shipped_at").by_date().filter("shipped_at").orders_only(),
    timestamp("shipments.created_at").by_date().filter("created_at").orders_only(),
    timestamp("shipments.updated_at").by_date().filter("updated_at").orders_only(),
    text("shipments.stock_location.id").countable().filter("ids").orders_only(),
    text("shipments.stock_location.name").groupable().filter("names").orders_only(),
    text("shipments.stock_location.reference").countable().groupable().filter("references").orders_only(),
    text("shipments.stock_location.reference_origin").countable().groupable().filter("reference_origins").orders_only(),
    text("shipments.shipping_method.id").countable().filter("ids").orders_only(),
    text("shipments.shipping_method.name").groupable().filter("names").orders_only(),
    text("shipments.shipping_method.reference").countable().groupable().filter("references").orders_only(),
    text("shipments.shipping_method.reference_origin").countable().groupable().filter("reference_origins").orders_only(),
    text("shipments.shipping_method.currency_code").groupable().filter("currency_codes").orders_only(),
    text("shipments.shipping_category.id").countable().filter("ids").orders_only(),
    text("shipments.shipping_category.name").groupable().filter("names").orders_only(),
    text("shipments.shipping_category.reference").countable().groupable().filter("references").orders_only(),
    text("shipments.shipping_category.reference_origin").countable().groupable().filter("reference_origins").orders_only(),
    text("shipments.tags.id").groupable().filter("ids").orders_only(),
    text("shipments.tags.name").groupable().filter("names").orders_only(),
];
