//! The fields of addresses. The upstream service forbids most nestings of address fields, so their lists of exceptions are long.

use crate::metrics::catalog::field::{Field, boolean, text};

/// An order's billing address.
pub(super) const BILLING: &[Field] = &[
    boolean("billing_address.business").filter("business").groupable_except(&[
        "billing_address.geocoded",
        "billing_address.localized",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
        "order.freight_taxable",
        "order.fulfillment_status",
        "order.payment_status",
        "order.status",
    ]),
    text("billing_address.city").filter("cities").groupable_except(&[
        "billing_address.country_code",
        "billing_address.state_code",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
    ]),
    text("billing_address.country_code").filter("country_codes").groupable_except(ALL_BUT_BILLING),
    boolean("billing_address.geocoded").filter("geocoded").groupable_except(BILLING_AND_SHIPPING),
    boolean("billing_address.localized").filter("localized").groupable_except(BILLING_AND_SHIPPING),
    text("billing_address.state_code").filter("state_codes").groupable_except(&[
        "billing_address.country_code",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
    ]),
    text("billing_address.zip_code").filter("zip_codes").groupable_except(&[
        "billing_address.country_code",
        "billing_address.city",
        "billing_address.geocoded",
        "billing_address.localized",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
    ]),
    text("billing_address.company").filter("companies").orders_only(),
    text("billing_address.first_name").filter("first_names").orders_only(),
    text("billing_address.last_name").filter("last_names").orders_only(),
];

/// An order's shipping address.
pub(super) const SHIPPING: &[Field] = &[
    boolean("shipping_address.business").filter("business").groupable_except(&[
        "shipping_address.geocoded",
        "shipping_address.localized",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
        "order.freight_taxable",
        "order.fulfillment_status",
        "order.payment_status",
        "order.status",
    ]),
    text("shipping_address.city").filter("cities").groupable_except(&[
        "shipping_address.country_code",
        "shipping_address.state_code",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
    text("shipping_address.country_code").filter("country_codes").groupable_except(ALL_BUT_SHIPPING),
    boolean("shipping_address.geocoded").filter("geocoded").groupable_except(BILLING_AND_SHIPPING),
    boolean("shipping_address.localized").filter("localized").groupable_except(BILLING_AND_SHIPPING),
    text("shipping_address.state_code").filter("state_codes").groupable_except(&[
        "shipping_address.country_code",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
    text("shipping_address.zip_code").filter("zip_codes").groupable_except(&[
        "shipping_address.country_code",
        "shipping_address.city",
        "shipping_address.geocoded",
        "shipping_address.localized",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
];

const BILLING_AND_SHIPPING: &[&str] = &["billing_address.*", "customer.*", "shipping_address.*", "line_items.item_type"];
const ALL_BUT_BILLING: &[&str] = &["customer.*", "shipping_address.*", "line_items.item_type"];
const ALL_BUT_SHIPPING: &[&str] = &["customer.*", "billing_address.*", "line_items.item_type"];

/// The destination address of a return.
pub(super) const DESTINATION: &[Field] = &[
    boolean("destination_address.business")
        .filter("business")
        .groupable_except(&["destination_address.geocoded", "destination_address.localized", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.city")
        .filter("cities")
        .groupable_except(&["destination_address.country_code", "destination_address.state_code", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.country_code")
        .filter("country_codes")
        .groupable_except(&["customer.*", "origin_address.*"])
        .value_count_only(),
    boolean("destination_address.geocoded").filter("geocoded").groupable_except(ORIGIN_AND_DESTINATION).value_count_only(),
    boolean("destination_address.localized").filter("localized").groupable_except(ORIGIN_AND_DESTINATION).value_count_only(),
    text("destination_address.state_code")
        .filter("state_codes")
        .groupable_except(&["destination_address.country_code", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.zip_code")
        .filter("zip_codes")
        .groupable_except(&[
            "destination_address.country_code",
            "destination_address.city",
            "destination_address.geocoded",
            "destination_address.localized",
            "customer.*",
            "origin_address.*",
        ])
        .value_count_only(),
];

/// The origin address of a return.
pub(super) const ORIGIN: &[Field] = &[
    boolean("origin_address.business")
        .filter("business")
        .groupable_except(&["origin_address.geocoded", "origin_address.localized", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.city")
        .filter("cities")
        .groupable_except(&["origin_address.country_code", "origin_address.state_code", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.country_code")
        .filter("country_codes")
        .groupable_except(&["customer.*", "destination_address.*"])
        .value_count_only(),
    boolean("origin_address.geocoded").filter("geocoded").groupable_except(ORIGIN_AND_DESTINATION).value_count_only(),
    boolean("origin_address.localized").filter("localized").groupable_except(ORIGIN_AND_DESTINATION).value_count_only(),
    text("origin_address.state_code")
        .filter("state_codes")
        .groupable_except(&["origin_address.country_code", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.zip_code")
        .filter("zip_codes")
        .groupable_except(&[
            "origin_address.country_code",
            "origin_address.city",
            "origin_address.geocoded",
            "origin_address.localized",
            "customer.*",
            "destination_address.*",
        ])
        .value_count_only(),
];

const ORIGIN_AND_DESTINATION: &[&str] = &["destination_address.*", "customer.*", "origin_address.*"];
