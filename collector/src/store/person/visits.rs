//! The visits of a person: the events of each session, folded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sources::{AddressParams, Addresses, DIRECT, Device, Source};
use crate::store::log::codec::LogEvent;

/// A visit: the events of one session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::store) struct Visit {
    /// The session's id.
    pub(in crate::store) id: String,
    /// The id of the visitor, if the events have one.
    pub(in crate::store) visitor_id: Option<String>,
    /// The time of the first event, in milliseconds since 1970.
    pub(in crate::store) started_at: u64,
    /// The time of the last event, in milliseconds since 1970.
    pub(in crate::store) ended_at: u64,
    /// From the first event to the last.
    pub(in crate::store) duration_seconds: u64,
    /// How many events the visit has.
    pub(in crate::store) events_count: u64,
    /// The address of the first page.
    pub(in crate::store) entry_url: Option<String>,
    /// The page that led to the first page.
    pub(in crate::store) referrer: Option<String>,
    /// The address of the last page.
    pub(in crate::store) exit_url: Option<String>,
    /// Where the visitor came from, and on which device: the values of the metrics API.
    #[serde(skip)]
    pub(in crate::store) source: Map<String, Value>,
    #[serde(skip)]
    pub(in crate::store) device: Map<String, Value>,
}

/// Folds events into visits. The order in which events are added does not matter.
#[derive(Default)]
pub(in crate::store) struct Visits(BTreeMap<String, Folded>);

/// The moment of an event: its time, then its number.
type Moment = (u64, i64);

struct Folded {
    visit: Visit,
    first: Moment,
    last: Moment,
    /// The first `land` event with a source, and whether there is any `land` event.
    landed: Option<(Moment, Source)>,
    has_land: bool,
    /// The first other event with a source.
    found: Option<(Moment, Source)>,
    device: (Moment, Device),
}

/// The parameters that are addresses.
#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    current_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source_url: Option<Cow<'a, str>>,
}

impl Visits {
    /// Adds an event. One without a session, and one of a bot, is in no visit.
    pub(in crate::store) fn add(&mut self, seq: i64, event: &LogEvent<'_>) {
        let Some(session) = event.sender.session.filter(|_| !event.is_bot) else { return };
        let moment = (event.time, seq);
        let folded = self.0.entry(session.to_owned()).or_insert_with(|| Folded::new(session, event));
        let visit = &mut folded.visit;
        visit.events_count += 1;
        visit.started_at = visit.started_at.min(event.time);
        visit.ended_at = visit.ended_at.max(event.time);
        let params: Params<'_> = serde_json::from_str(event.params).unwrap_or_default();
        let params = AddressParams {
            url: params.url.as_deref(),
            current_url: params.current_url.as_deref(),
            source_url: params.source_url.as_deref(),
        };
        let addresses = Addresses::new(event.event_type, (event.page.url, event.page.referrer), params);
        folded.add_source(moment, event, addresses);
        let visit = &mut folded.visit;
        if addresses.url.is_empty() {
            return;
        }
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if visit.entry_url.is_none() || moment < folded.first {
            (folded.first, visit.entry_url, visit.referrer) = (moment, text(addresses.url), text(addresses.referrer));
        }
        if visit.exit_url.is_none() || moment > folded.last {
            (folded.last, visit.exit_url) = (moment, text(addresses.url));
        }
    }

    /// Returns the visits.
    pub(in crate::store) fn finish(self) -> impl Iterator<Item = Visit> {
        self.0.into_values().map(|Folded { visit, landed, has_land, found, device: (_, device), .. }| {
            let duration_seconds = (visit.ended_at - visit.started_at) / 1_000;
            let source = if has_land { landed } else { found }.map(|(_, source)| source);
            Visit { duration_seconds, source: source_json(source), device: device_json(device), ..visit }
        })
    }
}

impl Folded {
    fn new(session: &str, event: &LogEvent<'_>) -> Self {
        let visit = Visit {
            id: session.to_owned(),
            visitor_id: event.sender.visitor.map(str::to_owned),
            started_at: event.time,
            ended_at: event.time,
            duration_seconds: 0,
            events_count: 0,
            entry_url: None,
            referrer: None,
            exit_url: None,
            source: Map::new(),
            device: Map::new(),
        };
        let device = ((u64::MAX, i64::MAX), Device::default());
        Self { visit, first: (0, 0), last: (0, 0), landed: None, has_land: false, found: None, device }
    }

    /// The source is that of the first `land` event with one; without any `land` event, that of the first event with one.
    fn add_source(&mut self, moment: Moment, event: &LogEvent<'_>, addresses: Addresses<'_>) {
        if moment < self.device.0 {
            self.device = (moment, event.client.device);
        }
        let is_land = event.event_type == "land";
        self.has_land |= is_land;
        let source = Source::of_event(addresses);
        let slot = if is_land { &mut self.landed } else { &mut self.found };
        if let Some(source) = source.filter(|_| slot.as_ref().is_none_or(|(first, _)| moment < *first)) {
            *slot = Some((moment, source));
        }
    }
}

fn source_json(source: Option<Source>) -> Map<String, Value> {
    let Some(Source { channel, name, medium, campaign, term, content, click_id }) = source else {
        return present(json!({"channel": DIRECT, "name": DIRECT}));
    };
    present(
        json!({"channel": channel, "name": name, "medium": medium, "campaign": campaign, "term": term, "content": content, "click_id": click_id}),
    )
}

fn device_json(device: Device) -> Map<String, Value> {
    present(json!({"type": device.kind(), "browser": device.browser(), "system": device.system()}))
}

/// Returns the members of an object that have a value.
fn present(object: Value) -> Map<String, Value> {
    if let Value::Object(members) = object { members.into_iter().filter(|(_, value)| !value.is_null()).collect() } else { Map::new() }
}
