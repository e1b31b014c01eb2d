//! The fields of an order's line items and shipments.

use crate::metrics::catalog::field::{Field, amount, number, seconds, text, timestamp};

/// Line items and the options that were chosen for them.
pub(super) const LINES: &[Field] = &[
    text("line_items.id").counted().grouped().filter("ids"),
    text("line_items.code").counted().grouped().filter("codes"),
    text("line_items.item_id").counted().grouped().filter("item_ids"),
    text("line_items.item_type").grouped().filter("types"),
    text("line_items.name").grouped().filter("names"),
    number("line_items.quantity").filter("quantity"),
    amount("line_items.discount").filter("discount"),
    amount("line_items.options_amount").filter("options_amount"),
    amount("line_items.tax_amount").filter("tax_amount"),
    amount("line_items.tax_rate").filter("tax_rate"),
    amount("line_items.total_amount").filter("total_amount"),
    amount("line_items.unit_amount").filter("unit_amount"),
    timestamp("line_items.updated_at").filter("updated_at"),
    text("line_items.options.id").counted().filter("ids").grouped_but(&["line_items.*", "shipments.*"]),
    text("line_items.options.name").filter("names").grouped_but(&["line_items.*", "shipments.*"]),
    number("line_items.options.quantity").filter("quantity"),
    amount("line_items.options.total_amount").filter("total_amount"),
    amount("line_items.options.unit_amount").filter("unit_amount"),
];

/// Shipments. Carts have none.
pub(super) const SHIPMENTS: &[Field] = &[
    text("shipments.id").counted().filter("ids").orders_only(),
    text("shipments.number").counted().filter("numbers").orders_only(),
    text("shipments.status").grouped().filter("statuses").orders_only(),
    text("shipments.reference").counted().grouped().filter("references").orders_only(),
    text("shipments.reference_origin").counted().grouped().filter("reference_origins").orders_only(),
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
    text("shipments.stock_location.id").counted().filter("ids").orders_only(),
    text("shipments.stock_location.name").grouped().filter("names").orders_only(),
    text("shipments.stock_location.reference").counted().grouped().filter("references").orders_only(),
    text("shipments.stock_location.reference_origin").counted().grouped().filter("reference_origins").orders_only(),
    text("shipments.shipping_method.id").counted().filter("ids").orders_only(),
    text("shipments.shipping_method.name").grouped().filter("names").orders_only(),
    text("shipments.shipping_method.reference").counted().grouped().filter("references").orders_only(),
    text("shipments.shipping_method.reference_origin").counted().grouped().filter("reference_origins").orders_only(),
    text("shipments.shipping_method.currency_code").grouped().filter("currency_codes").orders_only(),
    text("shipments.shipping_category.id").counted().filter("ids").orders_only(),
    text("shipments.shipping_category.name").grouped().filter("names").orders_only(),
    text("shipments.shipping_category.reference").counted().grouped().filter("references").orders_only(),
    text("shipments.shipping_category.reference_origin").counted().grouped().filter("reference_origins").orders_only(),
    text("shipments.tags.id").grouped().filter("ids").orders_only(),
    text("shipments.tags.name").grouped().filter("names").orders_only(),
];
