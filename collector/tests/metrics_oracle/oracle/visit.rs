//! A visit as it follows from its events by the documentation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tillroll_collector::projection::source::TrackedEvent;
use tillroll_collector::sources::Source;
use tillroll_collector::time;

use super::people::Touch;
use super::traffic_json::{added, device_json, given_email, param, path, source, source_json};

const VIEWS: [&str; 3] = ["page_view", "product_view", "search"];

/// A visit without what is joined to it.
#[derive(Clone, Default)]
pub(crate) struct Visit {
    pub(crate) json: Value,
    pub(crate) visitor: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) started: i64,
    pub(crate) ended: i64,
    pub(crate) touches: Vec<Touch>,
}

/// Derives a visit from its events.
pub(crate) fn visit(session: &str, mut events: Vec<&TrackedEvent>) -> Visit {
    events.sort_by_key(|event| (event.time, event.seq));
    let (first, last) = (events[0], events[events.len() - 1]);
    let find = |read: fn(&TrackedEvent) -> Option<String>| events.iter().find_map(|event| read(event));
    let of = |kind: &str| events.iter().filter(|event| event.event_type == kind).count();
    let mut pages: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for event in events.iter().filter(|event| VIEWS.contains(&event.event_type.as_str())) {
        pages.entry(path(event)).or_default()[usize::from(event.event_type != "page_view")] += 1;
    }
    let pages: usize = pages.values().map(|counts| counts.iter().max().unwrap()).sum();
    let products: BTreeSet<_> =
        events.iter().filter(|event| event.event_type == "product_view").filter_map(|event| param(event, "product_id")).collect();
    let is_passive = events.iter().all(|event| ["land", "page_view", "product_view"].contains(&event.event_type.as_str()));
    let has_land = of("land") > 0;
    let touch = |event: &&TrackedEvent| Some((event.time, event.seq, source(event))).filter(|(.., source)| !source.is_direct());
    let origin = events.iter().filter(|event| !has_land || event.event_type == "land").find_map(touch);
    let later = events.iter().filter(|event| event.event_type == "land" && origin.as_ref().is_some_and(|origin| origin.1 != event.seq));
    let touches: Vec<_> = origin.iter().cloned().chain(later.filter_map(touch)).collect();
    let source = origin.map_or_else(|| Source::of_arrival("", ""), |(.., source)| source);
    let mut json = json!({
        "id": session, "started_at": time::format_rfc3339_millis(first.time), "ended_at": time::format_rfc3339_millis(last.time),
        "duration_seconds": (last.time - first.time) / 1_000, "events_count": events.len(), "pages_count": pages,
        "products_count": products.len(), "is_bounce": pages <= 1 && is_passive, "entry_path": path(first), "exit_path": path(last),
        "viewed_product": of("product_view") > 0, "added_to_cart": of("basket_add") > 0 || events.iter().any(|event| added(event).is_some()), "checked_out": of("checkout") > 0,
        "source": source_json(&source), "device": device_json(&events),
    });
    if let Some(code) = find(|event| event.client.country.code()) {
        json["country"] = json!({ "code": code });
    }
    Visit {
        json,
        visitor: find(|event| event.visitor.clone()),
        email: events.iter().rev().find_map(|event| given_email(event)),
        store: find(|event| event.store.clone()),
        started: first.time,
        ended: last.time,
        touches,
    }
}
