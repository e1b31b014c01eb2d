//! The row of an event: its page, the parameters that queries use, and the source of an arrival.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::addresses;
use crate::metrics::document::millionths;
use crate::projection::rows::{ColumnValue, text};
use crate::projection::source::TrackedEvent;
use crate::sources::{AddressParams, Addresses, Source};

/// The parameters of events that become columns.
#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    product_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    query: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    page_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    order_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    current_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    quantity: Option<Number>,
    changes: Option<Value>,
}

/// Returns the product and the quantity of an event: those of its parameters; of a changed basket how many were added, and of which product, if it
/// is one.
fn product_and_quantity(event: &TrackedEvent, params: &Params<'_>) -> (Option<String>, Option<i64>) {
    if event.event_type != "basket_update" {
        let quantity = params.quantity.as_ref().and_then(|number| millionths(&number.clone().into()));
        return (params.product_id.as_deref().map(str::to_owned), quantity);
    }
    let changes = params.changes.as_ref().and_then(Value::as_array).into_iter().flatten();
    let added: Vec<_> = changes.filter_map(|change| Some((&change["product_id"], added(change)?))).collect();
    let product = if let [(product, _)] = added[..] { product.as_str().map(str::to_owned) } else { None };
    (product, added.into_iter().map(|(_, count)| count).reduce(i64::saturating_add))
}

/// Returns how many of a product a change of a basket added, in millionths.
fn added(change: &Value) -> Option<i64> {
    let [from, to] = ["from", "to"].map(|name| millionths(&change[name]).unwrap_or_default());
    to.checked_sub(from).filter(|added| *added > 0)
}

/// The project and the session of a visit.
pub(in crate::projection) type VisitKey = (i64, String);

/// Returns the visit that an event belongs to. A bot has no visits.
pub(in crate::projection) fn visit_key(event: &TrackedEvent) -> Option<VisitKey> {
    match text(event.session.as_deref().filter(|_| !event.is_bot)) {
        ColumnValue::Text(session) => Some((event.project, session)),
        _ => None,
    }
}

/// Returns the visits of events in the order of their first events. New visits are numbered in this order, so that the numbers do not depend
/// on how events gather into batches.
pub(in crate::projection) fn visit_keys(events: &[TrackedEvent]) -> Vec<VisitKey> {
    let mut seen = HashSet::new();
    events.iter().filter_map(visit_key).filter(|key| seen.insert(key.clone())).collect()
}

/// Returns the row, in the order of the columns of the table `events`, without the visit.
pub(in crate::projection) fn row(event: &TrackedEvent) -> Vec<ColumnValue> {
    let params: Params<'_> = serde_json::from_str(&event.params).unwrap_or_default();
    let of_params =
        AddressParams { url: params.url.as_deref(), current_url: params.current_url.as_deref(), source_url: params.source_url.as_deref() };
    let addresses = Addresses::new(&event.event_type, (&event.url, &event.referrer), of_params);
    let host = addresses::host(addresses.url).to_ascii_lowercase();
    let source = Source::of_event(addresses);
    let is = |kind: &str| event.event_type == kind;
    let (product, quantity) = product_and_quantity(event, &params);
    let mut row = vec![
        ColumnValue::Integer(event.seq),
        ColumnValue::Integer(event.project),
        ColumnValue::Text(event.id.hyphenated().to_string()),
        ColumnValue::Text(event.event_type.clone()),
        ColumnValue::Text(event.api.clone()),
        ColumnValue::Time(event.time),
        ColumnValue::Time(event.received_at),
        text(params.name.as_deref().filter(|_| is("custom"))),
        quantity.map_or(ColumnValue::Null, ColumnValue::Integer),
        ColumnValue::Bool(event.is_bot),
        text(Some(host.as_str())),
        text(path(addresses.url)),
        text(Some(&event.title)),
        text(params.page_type.as_deref()),
        text(product.as_deref()),
        text(params.query.as_deref().filter(|_| is("search"))),
        text(params.order_id.as_deref().filter(|_| is("order"))),
        text(event.visitor.as_deref()),
        // The last e-mail of a visit is that of its person, and another visitor of the visit may have given it.
        text(event.email.as_deref().or(params.email.as_deref().filter(|_| is("identify")))),
        text(event.store.as_deref()),
        text(event.client.device.kind()),
        text(event.client.device.browser()),
        text(event.client.device.system()),
        text(event.client.country.code().as_deref()),
    ];
    row.extend(match &source {
        None => vec![ColumnValue::Null; 7],
        Some(Source { channel, name, medium, campaign, term, content, click_id }) => {
            let optional = [medium, campaign, term, content].map(|value| text(value.as_deref()));
            [text(Some(*channel)), text(Some(name))].into_iter().chain(optional).chain([text(*click_id)]).collect()
        }
    });
    row
}

/// Returns the path of an address, without its query.
fn path(url: &str) -> Option<&str> {
    let without_query = url.split(['?', '#']).next()?;
    let path = match without_query.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => without_query,
    };
    Some(path).filter(|path| !path.is_empty())
}
