//! The fields of visits, and of their source, device and visitor.

use crate::metrics::catalog::field::{Field, FilterKind, amount, boolean, count, text, timestamp};

/// The attributes of a visit.
pub(super) const MAIN: &[Field] = &[
    text("visit.id").countable().filter("ids"),
    timestamp("visit.started_at").by_date().date_filter().filter("started_at"),
    timestamp("visit.ended_at").by_date().date_filter().filter("ended_at"),
    count("visit.duration_seconds").filter("duration_seconds"),
    count("visit.events_count").filter("events_count"),
    count("visit.pages_count").filter("pages_count"),
    count("visit.products_count").filter("products_count"),
    boolean("visit.is_bounce").groupable().filter("is_bounce"),
    boolean("visit.is_first").groupable().filter("is_first"),
    text("visit.entry_path").countable().groupable().filter("entry_paths"),
    text("visit.exit_path").countable().groupable().filter("exit_paths"),
    boolean("visit.viewed_product").groupable().filter("viewed_product"),
    boolean("visit.added_to_cart").groupable().filter("added_to_cart"),
    boolean("visit.checked_out").groupable().filter("checked_out"),
    boolean("visit.ordered").groupable().filter("ordered"),
    count("visit.orders_count").filter("orders_count"),
    amount("visit.revenue").filter("revenue"),
    text("visit.currency_code").groupable().filter("currency_codes"),
];

/// The attributes of the visit of an event. Sums over visits belong to visits: an event would count its visit once more.
pub(super) const OF_EVENT: &[Field] = &[
    text("visit.id").countable().groupable().filter("ids"),
    timestamp("visit.started_at").filter("started_at"),
    timestamp("visit.ended_at").filter("ended_at"),
    count("visit.duration_seconds").without_operators().filter("duration_seconds"),
    count("visit.events_count").without_operators().filter("events_count"),
    count("visit.pages_count").without_operators().filter("pages_count"),
    count("visit.products_count").without_operators().filter("products_count"),
    boolean("visit.is_bounce").groupable().filter("is_bounce"),
    boolean("visit.is_first").groupable().filter("is_first"),
    text("visit.entry_path").groupable().filter("entry_paths"),
    text("visit.exit_path").groupable().filter("exit_paths"),
    boolean("visit.viewed_product").groupable().filter("viewed_product"),
    boolean("visit.added_to_cart").groupable().filter("added_to_cart"),
    boolean("visit.checked_out").groupable().filter("checked_out"),
    boolean("visit.ordered").groupable().filter("ordered"),
    count("visit.orders_count").without_operators().filter("orders_count"),
    amount("visit.revenue").without_operators().filter("revenue"),
    text("visit.currency_code").groupable().filter("currency_codes"),
];

/// Where a visit comes from.
pub(super) const SOURCE: &[Field] = &[
    text("source.channel").countable().groupable().filter("channels"),
    text("source.name").countable().groupable().filter("names"),
    text("source.medium").countable().groupable().filter("mediums"),
    text("source.campaign").countable().groupable().filter("campaigns"),
    text("source.term").countable().groupable().filter("terms"),
    text("source.content").countable().groupable().filter("contents"),
    text("source.click_id").countable().groupable().filter("click_ids"),
];

/// The device, the visitor and the market of a visit.
pub(super) const RELATED: &[Field] = &[
    text("device.type").countable().groupable().filter("types"),
    text("device.browser").countable().groupable().filter("browsers"),
    text("device.system").countable().groupable().filter("systems"),
    text("visitor.id").countable().groupable().filter("ids"),
    text("customer.email").countable().groupable().filter("emails"),
    text("market.id").countable().groupable().filter("ids"),
    text("market.name").groupable().filter("names"),
    text("market.number").countable().groupable().filter("numbers").filter_kind(FilterKind::Numbers),
    text("country.code").countable().groupable().filter("codes"),
];
