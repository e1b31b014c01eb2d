//! The fields of events.

use crate::metrics::catalog::field::{Field, boolean, number, text, timestamp};

/// The attributes of an event, its page, its product and its search.
pub(super) const MAIN: &[Field] = &[
    text("event.id").countable().filter("ids"),
    text("event.type").countable().groupable().filter("types"),
    text("event.api").countable().groupable().filter("apis"),
    timestamp("event.time").by_date().date_filter().filter("time"),
    timestamp("event.received_at").by_date().date_filter().filter("received_at"),
    text("event.name").countable().groupable().filter("names"),
    number("event.quantity").filter("quantity"),
    boolean("event.is_bot").groupable().filter("is_bot"),
    text("page.host").countable().groupable().filter("hosts"),
    text("page.path").countable().groupable().filter("paths"),
    text("page.title").countable().groupable().filter("titles"),
    text("page.type").countable().groupable().filter("types"),
    text("product.id").countable().groupable().filter("ids"),
    text("product.name").countable().groupable().filter("names"),
    text("product.category").countable().groupable().filter("categories"),
    text("search.query").countable().groupable().filter("queries"),
];
