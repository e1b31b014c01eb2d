//! The fields of orders and carts, and of their related objects.

use crate::metrics::catalog::field::{Field, FilterKind, amount, boolean, count, integer, number, organization, seconds, text, timestamp};

/// A record without a mode is live, like every response.
const MODES: &[&str] = &["live", "test"];

/// Records can also have `not_required`, but the upstream service rejects it in filters.
const FULFILLMENTS: &[&str] = &["unfulfilled", "in_progress", "fulfilled"];

/// Where an order comes from: [`crate::resource::OrderSource`].
const SOURCES: &[&str] = &["backend", "headless", "page", "import"];

/// The attributes of an order.
pub(super) const MAIN: &[Field] = &[
    text("order.id").countable().filter("ids"),
    text("order.number").value_count_only().filter("numbers").filter_kind(FilterKind::Numbers),
    text("order.status").groupable().filter("statuses"),
    text("order.source").groupable().filter("sources").filter_kind(FilterKind::Among(SOURCES)).orders_only(),
    text("order.payment_status").groupable().filter("payment_statuses").cart_display_only(),
    text("order.fulfillment_status")
        .groupable()
        .filter("fulfillment_statuses")
        .filter_kind(FilterKind::Among(FULFILLMENTS))
        .cart_display_only(),
    text("order.mode").filter("mode").filter_kind(FilterKind::Choice(MODES)),
    text("order.customer_type"),
    text("order.country_code").groupable().filter("country_codes"),
    text("order.currency_code").groupable().filter("currency_codes"),
    text("order.language_code").groupable().filter("language_codes"),
    text("order.coupon_code").groupable().filter("coupon_codes"),
    text("order.gift_card_code").value_count_only().groupable().filter("gift_card_codes"),
    text("order.reference").countable().groupable().filter("references"),
    text("order.reference_origin").countable().groupable().filter("reference_origins"),
    text("order.link_id").groupable().filter("link_ids"),
    text("order.user_id").groupable().filter("user_ids"),
    text("order.store_id").groupable().filter("store_ids"),
    text("order.affiliate_code").groupable().filter("affiliate_codes"),
    text("order.aggregated_details").filter("aggregated_details").filter_kind(FilterKind::Query),
    boolean("order.freight_taxable").groupable().filter("freight_taxable"),
    boolean("order.guest").groupable().filter("guest"),
    boolean("order.tax_included").groupable().filter("tax_included"),
    boolean("order.discounted").filter("discounted"),
    boolean("order.gift_card").filter("gift_card"),
    boolean("order.coupon").filter("coupon"),
    boolean("order.options").filter("options"),
    boolean("order.refunded").filter("refunded").orders_only(),
    boolean("order.returned").filter("returned").orders_only(),
    boolean("order.archived").filter("archived").orders_only(),
    integer("order.placed_day_of_week").groupable().filter("placed_day_of_week").orders_only(),
    count("order.line_item_options_count").filter("line_item_options_count"),
    count("order.shipments_count").filter("shipments_count"),
    number("order.skus_count").filter("skus_count"),
    amount("order.adjustment_amount").filter("adjustment_amount"),
    amount("order.adjustment_tax_amount").filter("adjustment_tax_amount"),
    amount("order.adjustment_taxable_amount").filter("adjustment_taxable_amount"),
    amount("order.discount_amount").filter("discount_amount"),
    amount("order.duty_amount").filter("duty_amount"),
    amount("order.gift_card_amount").filter("gift_card_amount"),
    amount("order.payment_method_amount").filter("payment_method_amount"),
    amount("order.payment_method_tax_amount").filter("payment_method_tax_amount"),
    amount("order.payment_method_taxable_amount").filter("payment_method_taxable_amount"),
    amount("order.shipping_amount").filter("shipping_amount"),
    amount("order.shipping_taxable_amount").filter("shipping_taxable_amount"),
    amount("order.subtotal_amount").filter("subtotal_amount"),
    amount("order.subtotal_tax_amount").filter("subtotal_tax_amount"),
    amount("order.subtotal_taxable_amount").filter("subtotal_taxable_amount"),
    amount("order.total_amount").filter("total_amount"),
    amount("order.total_amount_with_taxes").filter("total_amount_with_taxes"),
    amount("order.total_tax_amount").filter("total_tax_amount"),
    amount("order.total_taxable_amount").filter("total_taxable_amount"),
    amount("order.refunds_total_amount_with_taxes").filter("refunds_total_amount_with_taxes").orders_only(),
    amount("order.total_amount_with_taxes_net_of_refunds").filter("total_amount_with_taxes_net_of_refunds").orders_only(),
    seconds("order.seconds_in_draft").filter("seconds_in_draft").orders_only(),
    seconds("order.seconds_in_approved").filter("seconds_in_approved").orders_only(),
    seconds("order.seconds_in_placed").filter("seconds_in_placed").orders_only(),
    timestamp("order.current_date").by_date().date_filter().filter("current_date"),
    timestamp("order.created_at").by_date().date_filter().filter("created_at"),
    timestamp("order.updated_at").by_date().date_filter().filter("updated_at"),
    timestamp("order.approved_at").by_date().date_filter().filter("approved_at").orders_only(),
    timestamp("order.archived_at").by_date().date_filter().filter("archived_at").orders_only(),
    timestamp("order.cancelled_at").by_date().date_filter().filter("cancelled_at").orders_only(),
    timestamp("order.fulfillment_updated_at").by_date().date_filter().filter("fulfillment_updated_at").orders_only(),
    timestamp("order.payment_updated_at").by_date().date_filter().filter("payment_updated_at").orders_only(),
    timestamp("order.placed_at").by_date().date_filter().filter("placed_at").orders_only(),
];

/// The related objects of an order, and its short lists.
pub(super) const RELATED: &[Field] = &[
    text("customer.id").countable().groupable().filter("ids"),
    text("customer.email").countable().groupable().filter("emails"),
    text("customer.group_name").countable().groupable().filter("group_names"),
    text("customer.reference"),
    text("customer.reference_origin"),
    text("market.id").cardinality_only().filter("ids").groupable_except(&[
        "billing_address.geocoded",
        "billing_address.localized",
        "shipping_address.geocoded",
        "shipping_address.localized",
        "line_items.item_type",
    ]),
    text("market.name").groupable().filter("names"),
    text("market.number").countable().groupable().filter("numbers").filter_kind(FilterKind::Numbers),
    text("payment_method.id").filter("ids"),
    text("payment_method.source_type").groupable().filter("source_types"),
    text("payment_method.name").groupable().filter("names"),
    boolean("payment_method.moto").groupable().filter("moto"),
    text("payment_method.issuer").groupable().filter("issuer").orders_only(),
    text("payment_method.issuer_type").groupable().filter("issuer_type").orders_only(),
    text("payment_method.card_type").groupable().filter("card_type").orders_only(),
    text("refunds.id").value_count_only().filter("ids").orders_only(),
    text("refunds.number").value_count_only().filter("numbers").orders_only(),
    amount("refunds.amount").filter("amount").orders_only(),
    text("tags.id").groupable().filter("ids"),
    text("tags.name").groupable().filter("names"),
    text("resource_errors.id").countable().groupable().filter("ids"),
    text("resource_errors.code").countable().groupable().filter("codes"),
    text("resource_errors.name").groupable().filter("names"),
    text("resource_errors.message").countable().groupable().filter("messages"),
    timestamp("resource_errors.created_at").by_date().filter("created_at"),
    timestamp("resource_errors.updated_at").by_date().filter("updated_at"),
    organization("organization.id"),
    organization("organization.name"),
    organization("organization.slug"),
];
