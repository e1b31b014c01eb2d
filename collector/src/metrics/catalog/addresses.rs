//! The fields of addresses.
//!
//! The upstream service forbids most nestings of address fields, and so the lines are long.

use crate::metrics::catalog::field::{Field, boolean, text};

/// An order's billing address.
pub(super) const BILLING: &[Field] = &[
    boolean("billing_address.business").filter("business").grouped_but(&[
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
    text("billing_address.city").filter("cities").grouped_but(&[
        "billing_address.country_code",
        "billing_address.state_code",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
    ]),
    text("billing_address.country_code").filter("country_codes").grouped_but(BESIDE_BILLING),
    boolean("billing_address.geocoded").filter("geocoded").grouped_but(TWO_ADDRESSES),
    boolean("billing_address.localized").filter("localized").grouped_but(TWO_ADDRESSES),
    text("billing_address.state_code").filter("state_codes").grouped_but(&[
        "billing_address.country_code",
        "customer.*",
        "shipping_address.*",
        "line_items.item_type",
    ]),
    text("billing_address.zip_code").filter("zip_codes").grouped_but(&[
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
    boolean("shipping_address.business").filter("business").grouped_but(&[
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
    text("shipping_address.city").filter("cities").grouped_but(&[
        "shipping_address.country_code",
        "shipping_address.state_code",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
    text("shipping_address.country_code").filter("country_codes").grouped_but(BESIDE_SHIPPING),
    boolean("shipping_address.geocoded").filter("geocoded").grouped_but(TWO_ADDRESSES),
    boolean("shipping_address.localized").filter("localized").grouped_but(TWO_ADDRESSES),
    text("shipping_address.state_code").filter("state_codes").grouped_but(&[
        "shipping_address.country_code",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
    text("shipping_address.zip_code").filter("zip_codes").grouped_but(&[
        "shipping_address.country_code",
        "shipping_address.city",
        "shipping_address.geocoded",
        "shipping_address.localized",
        "customer.*",
        "billing_address.*",
        "line_items.item_type",
    ]),
];

const TWO_ADDRESSES: &[&str] = &["billing_address.*", "customer.*", "shipping_address.*", "line_items.item_type"];
const BESIDE_BILLING: &[&str] = &["customer.*", "shipping_address.*", "line_items.item_type"];
const BESIDE_SHIPPING: &[&str] = &["customer.*", "billing_address.*", "line_items.item_type"];

/// Where a return goes to.
pub(super) const DESTINATION: &[Field] = &[
    boolean("destination_address.business")
        .filter("business")
        .grouped_but(&["destination_address.geocoded", "destination_address.localized", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.city")
        .filter("cities")
        .grouped_but(&["destination_address.country_code", "destination_address.state_code", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.country_code").filter("country_codes").grouped_but(&["customer.*", "origin_address.*"]).value_count_only(),
    boolean("destination_address.geocoded").filter("geocoded").grouped_but(TWO_ENDS).value_count_only(),
    boolean("destination_address.localized").filter("localized").grouped_but(TWO_ENDS).value_count_only(),
    text("destination_address.state_code")
        .filter("state_codes")
        .grouped_but(&["destination_address.country_code", "customer.*", "origin_address.*"])
        .value_count_only(),
    text("destination_address.zip_code")
        .filter("zip_codes")
        .grouped_but(&[
            "destination_address.country_code",
            "destination_address.city",
            "destination_address.geocoded",
            "destination_address.localized",
            "customer.*",
            "origin_address.*",
        ])
        .value_count_only(),
];

/// Where a return comes from.
pub(super) const ORIGIN: &[Field] = &[
    boolean("origin_address.business")
        .filter("business")
        .grouped_but(&["origin_address.geocoded", "origin_address.localized", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.city")
        .filter("cities")
        .grouped_but(&["origin_address.country_code", "origin_address.state_code", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.country_code").filter("country_codes").grouped_but(&["customer.*", "destination_address.*"]).value_count_only(),
    boolean("origin_address.geocoded").filter("geocoded").grouped_but(TWO_ENDS).value_count_only(),
    boolean("origin_address.localized").filter("localized").grouped_but(TWO_ENDS).value_count_only(),
    text("origin_address.state_code")
        .filter("state_codes")
        .grouped_but(&["origin_address.country_code", "customer.*", "destination_address.*"])
        .value_count_only(),
    text("origin_address.zip_code")
        .filter("zip_codes")
        .grouped_but(&[
            "origin_address.country_code",
            "origin_address.city",
            "origin_address.geocoded",
            "origin_address.localized",
            "customer.*",
            "destination_address.*",
        ])
        .value_count_only(),
];

const TWO_ENDS: &[&str] = &["destination_address.*", "customer.*", "origin_address.*"];
