//! Random events in a random order, with links, erasures and an expiry; and the events and visits that follow from them by the documentation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::projection::AnalyticsEngine;
use tillroll_collector::projection::source::{IdentityLink, Position, TrackedChanges, TrackedEvent};
use tillroll_collector::sources::{Client, Country, Device};
use tillroll_collector::time;
use uuid::Uuid;

use super::people::{People, PersonVisit};
use super::random::Random;
use super::random_records::{PROJECT, RandomRecords, TEXTS, TIMES};
use super::test_query::TestQuery;
use super::traffic_json::{ORDERS, date, event_json, market, param, placed_at, set, text};
use super::visit::{Visit, visit};
use super::{ask_between, run_on_engine};

const SESSIONS: &[&str] = &["a", "b", "A", "ä", "10", "9", "日本", "s"];
const VISITORS: &[&str] = &["a", "b", "10"];
const EMAILS: &[&str] = &["a", "b", "9"];
const PEOPLE: &[&str] = &["a", "b", "ä", "new"];
const TYPES: &str = "land land page_view page_view product_view basket_add search checkout order custom basket_update identify";
const PATHS: &[&str] = &["/", "/10", "/b"];
const QUERIES: &[&str] = &["", "", "?utm_source=a&utm_medium=b", "?gclid=1&utm_campaign=9", "?x=1"];
const REFERRERS: &[&str] = &["", "", "https://www.google.com/", "https://b/", "https://own/x"];
/// Changes of a basket, of which the second one adds something, and the third one too.
const CHANGES: [(&str, f64, f64); 3] = [("9", 2.0, 1.0), ("a", 0.0, 1.5), ("9", 0.0, 2.0)];
const HALF_AN_HOUR_MS: i64 = 30 * 60 * 1_000;

/// A session, and how often a visit of it has expired before.
type VisitKey = (&'static str, usize);

/// An order of a visit, as the expected visit lists it.
type VisitOrder = (String, i64, i64);

/// The expected records.
pub(crate) struct Traffic {
    pub(crate) events: Vec<Value>,
    pub(crate) visits: Vec<Value>,
    pub(crate) person_visits: Vec<PersonVisit>,
    pub(crate) people: People,
}

/// The state after each batch.
struct History<'a> {
    orders: &'a [Value],
    stored: Vec<(TrackedEvent, Option<VisitKey>)>,
    links: Vec<IdentityLink>,
    people: People,
    generations: BTreeMap<&'static str, usize>,
    /// Visits of which events have expired: the visit without its orders, and those.
    expired: Vec<(VisitKey, Visit, Vec<VisitOrder>)>,
}

/// Stores random traffic, and returns the records that queries must return.
pub(crate) fn store(engine: &dyn AnalyticsEngine, records: &RandomRecords, random: &mut Random) -> Traffic {
    let mut events: Vec<_> = (1..=90).map(|seq| event(random, seq)).collect();
    for at in (1..events.len()).rev() {
        let other = random.below(at + 1);
        let (one, two) = (events[at].seq, events[other].seq);
        events.swap(at, other);
        // Numbers follow the order of arrival.
        (events[at].seq, events[other].seq) = (one, two);
    }
    let mut position = engine.watermark().unwrap();
    let mut history = History {
        orders: &records.orders,
        stored: Vec::new(),
        links: Vec::new(),
        people: People::new(),
        generations: BTreeMap::new(),
        expired: Vec::new(),
    };
    let trim_at = 20 + random.below(50);
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rest.len().min(1 + random.below(25)));
        rest = later;
        position.event = batch.last().unwrap().seq;
        let erased: Vec<i64> = history.stored.iter().map(|(event, _)| event.seq).filter(|_| random.percent(3)).collect();
        let mut changes = TrackedChanges {
            events: batch.to_vec(),
            erased: erased.clone(),
            products: vec![(PROJECT, "a".into(), product())],
            trimmed: position.trimmed,
            ..TrackedChanges::default()
        };
        history.change_people(&mut changes, random);
        engine.apply(&[], &changes, position).unwrap();
        ask_between(engine, random);
        history.add(batch, &erased);
        if position.trimmed == 0 && usize::try_from(position.event).unwrap() > trim_at {
            position.trimmed = position.event / 3;
            engine.apply(&[], &TrackedChanges { trimmed: position.trimmed, ..TrackedChanges::default() }, position).unwrap();
            ask_between(engine, random);
            history.trim(position.trimmed);
        }
    }
    assert_eq!(engine.watermark().unwrap(), Position { ..position });
    history.records(&numbers(engine))
}

/// Returns the numbers of expired visits, which are part of their ids, by their start.
fn numbers(engine: &dyn AnalyticsEngine) -> BTreeMap<i64, i128> {
    let period = json!({"date_from": "2019-01-01T00:00:00Z", "date_to": "2022-12-31T23:59:59Z"});
    let search = json!({"fields": ["visit.id", "visit.started_at"], "limit": 100});
    let query = TestQuery {
        resource: "visits",
        kind: QueryType::Search,
        markets: Vec::new(),
        body: json!({"search": search, "filter": {"visit": period}}),
    };
    let (visits, _) = run_on_engine(engine, &query, &query.body).unwrap();
    let number = |visit: &Value| Some((date(visit, "started_at")?, text(visit, "id")?.strip_prefix("expired-")?.parse().unwrap()));
    visits.as_array().unwrap().iter().filter_map(number).collect()
}

fn product() -> Map<String, Value> {
    json!({"name": "b", "categories": ["10"]}).as_object().unwrap().clone()
}

fn event(random: &mut Random, seq: i64) -> TrackedEvent {
    let at = random.below(SESSIONS.len());
    let kind = *random.pick(&TYPES.split(' ').collect::<Vec<_>>());
    let url = format!("https://own{}{}", random.pick(PATHS), random.pick(QUERIES));
    let referrer = (*random.pick(REFERRERS)).to_owned();
    let params = match kind {
        "land" => json!({"current_url": url, "source_url": referrer}),
        "product_view" => json!({"product_id": random.pick(&["a", "9"])}),
        "basket_add" => json!({"product_id": "a", "quantity": random.pick(&[1.0, 2.5])}),
        "basket_update" => {
            json!({"changes": CHANGES[..random.below(4)].iter().map(|(id, from, to)| json!({"product_id": id, "from": from, "to": to})).collect::<Vec<_>>()})
        }
        "search" => json!({"query": random.pick(&["a", "ä"])}),
        "order" => json!({"order_id": format!("id{:02}", random.below(45))}),
        "custom" => json!({"name": "10"}),
        "identify" => json!({"email": random.pick(EMAILS)}),
        _ => json!({}),
    };
    // Visits of two sessions never begin at the same time.
    let base = time::parse_rfc3339(TIMES[at]).unwrap().millis;
    let by_email = random.percent(10);
    TrackedEvent {
        seq,
        project: PROJECT,
        id: Uuid::from_u128(u128::try_from(random.below(1 << 40)).unwrap()),
        event_type: kind.into(),
        api: (*random.pick(&["a", "b"])).into(),
        time: base + [0, 0, 2, 1_500, 60_000][random.below(5)],
        received_at: base + 100_000,
        visitor: (!by_email && random.percent(95)).then(|| VISITORS[at % 3].to_owned()),
        email: by_email.then(|| (*random.pick(EMAILS)).to_owned()),
        session: random.percent(90).then(|| SESSIONS[at].to_owned()),
        store: random.percent(20).then(|| "a".to_owned()),
        url,
        referrer,
        title: if random.percent(50) { "b".into() } else { String::new() },
        params: params.to_string(),
        is_bot: random.percent(10),
        client: Client {
            device: Device::from_number(u32::try_from(random.below(1 << 12)).unwrap()),
            country: Country::from_code(random.pick::<&str>(&["", "BG", "DE"])),
        },
    }
}

fn links(random: &mut Random, visitor: &str) -> Vec<IdentityLink> {
    let change = time::parse_rfc3339(TIMES[3]).unwrap().millis;
    let link = |random: &mut Random, since, until| {
        let email = (*random.pick(EMAILS)).to_owned();
        IdentityLink { project: PROJECT, visitor: visitor.to_owned(), since, until, email }
    };
    vec![link(random, 0, change), link(random, change, 9_000_000_000_000)]
}

/// Returns random attributes of a customer, as they are exported.
fn person(random: &mut Random) -> Map<String, Value> {
    let mut person = Map::new();
    for name in ["firstName", "lastName"] {
        person.extend(random.percent(60).then(|| (name.to_owned(), json!(random.pick(TEXTS)))));
    }
    person.extend(random.percent(60).then(|| ("subscribed".to_owned(), json!(random.percent(50)))));
    let tags: BTreeSet<_> = (0..random.below(4)).map(|_| *random.pick(&["a", "b", "ä", "10"])).collect();
    person.extend((!tags.is_empty()).then(|| ("tags".to_owned(), json!(tags))));
    let created = time::parse_rfc3339(random.pick::<&str>(TIMES)).unwrap().millis;
    person.extend(random.percent(70).then(|| ("createdAt".to_owned(), json!(created))));
    person
}

impl<'a> History<'a> {
    /// Adds new links and customers to the changes. Sometimes a person was erased, and the changes have all links and customers that are left.
    fn change_people(&mut self, changes: &mut TrackedChanges, random: &mut Random) {
        let linked: Vec<_> = VISITORS.iter().filter(|_| random.percent(20)).map(|visitor| (PROJECT, (*visitor).to_owned())).collect();
        let links: Vec<_> = linked.iter().flat_map(|(_, visitor)| links(random, visitor)).collect();
        self.links.retain(|link| !linked.iter().any(|(_, visitor)| *visitor == link.visitor));
        self.links.extend(links.iter().cloned());
        if random.percent(20) {
            let (visitor, email) = (*random.pick(VISITORS), *random.pick(PEOPLE));
            self.links.retain(|link| link.visitor != visitor);
            self.people.remove(email);
            changes.is_reset = true;
            changes.links.clone_from(&self.links);
            changes.customer_keys = self.people.keys().map(|email| (PROJECT, email.clone())).collect();
        } else {
            (changes.links, changes.linked) = (links, linked);
        }
        for email in PEOPLE {
            if !random.percent(20) {
                continue;
            }
            let attributes = person(random);
            self.people.insert((*email).to_owned(), attributes.clone());
            changes.customers.push((PROJECT, (*email).to_owned(), attributes));
        }
    }

    fn add(&mut self, batch: &[TrackedEvent], erased: &[i64]) {
        for event in batch {
            let session = SESSIONS.iter().find(|session| event.session.as_deref() == Some(**session) && !event.is_bot);
            let key = session.map(|session| (*session, self.generations.get(session).copied().unwrap_or_default()));
            self.stored.push((event.clone(), key));
        }
        let is_erased = |event: &TrackedEvent| erased.contains(&event.seq);
        let of_erased: BTreeSet<_> = self.stored.iter().filter(|(event, _)| is_erased(event)).filter_map(|(_, key)| *key).collect();
        self.stored.retain(|(event, _)| !is_erased(event));
        for key in of_erased {
            let has_expired = self.expired.iter().any(|(other, ..)| *other == key);
            if has_expired && !self.has_events(key) {
                self.end(key);
            }
        }
    }

    fn has_events(&self, key: VisitKey) -> bool {
        self.stored.iter().any(|(_, other)| *other == Some(key))
    }

    /// Further events of the session are in another visit.
    fn end(&mut self, key: VisitKey) {
        self.generations.insert(key.0, key.1 + 1);
    }

    fn trim(&mut self, until: i64) {
        let keys: BTreeSet<_> = self.stored.iter().filter(|(event, _)| event.seq <= until).filter_map(|(_, key)| *key).collect();
        let visits = self.live();
        let by_visit = self.orders_by_visit(&visits);
        let mut expired = Vec::new();
        for key in keys {
            let visit = Visit { visitor: None, email: None, ..visits[&key].clone() };
            let placed = by_visit.get(&key).map_or(&[][..], Vec::as_slice);
            let reported = self.reported(key);
            let is_open = |id: &str| !self.placed_orders().any(|order| text(order, "id") == Some(id));
            let is_kept = |id: &str| is_open(id) || placed.iter().any(|order| text(order, "id") == Some(id));
            let matched = placed.iter().filter(|order| !reported.iter().any(|(id, ..)| text(order, "id") == Some(id)));
            let matched = matched.map(|order| (text(order, "id").unwrap().to_owned(), placed_at(order).unwrap(), 0));
            let orders = reported.iter().filter(|(id, ..)| is_kept(id)).cloned().chain(matched).collect();
            expired.push((key, visit, orders));
        }
        self.stored.retain(|(event, _)| event.seq > until);
        for (key, ..) in &expired {
            if !self.has_events(*key) {
                self.end(*key);
            }
        }
        self.expired.extend(expired);
    }

    /// Returns the visits that are derived from their events.
    fn live(&self) -> BTreeMap<VisitKey, Visit> {
        let mut events: BTreeMap<VisitKey, Vec<&TrackedEvent>> = BTreeMap::new();
        for (event, key) in &self.stored {
            events.entry(key.unwrap_or_default()).or_default().push(event);
        }
        let is_live = |key: &VisitKey| !key.0.is_empty() && !self.expired.iter().any(|(other, ..)| other == key);
        events.into_iter().filter(|(key, _)| is_live(key)).map(|(key, events)| (key, visit(key.0, events))).collect()
    }

    /// Returns the orders that pages reported within a visit, each with its first time and its smallest number there.
    fn reported(&self, key: VisitKey) -> Vec<VisitOrder> {
        let mut found: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (event, _) in self.stored.iter().filter(|(event, other)| *other == Some(key) && event.event_type == "order") {
            let id = param(event, "order_id").unwrap();
            let entry = found.entry(id).or_insert((event.time, event.seq));
            *entry = (entry.0.min(event.time), entry.1.min(event.seq));
        }
        found.into_iter().map(|(id, (time, seq))| (id, time, seq)).collect()
    }

    fn all_reports(&self) -> Vec<(VisitKey, String, i64, i64)> {
        let expired = self.expired.iter().flat_map(|(key, _, orders)| orders.iter().map(|(id, time, seq)| (*key, id.clone(), *time, *seq)));
        let live: BTreeSet<_> = self.live().into_keys().collect();
        let live = live.into_iter().flat_map(|key| self.reported(key).into_iter().map(move |(id, time, seq)| (key, id, time, seq)));
        expired.chain(live).collect()
    }

    fn placed_orders(&self) -> impl Iterator<Item = &'a Value> {
        self.orders.iter().filter(|order| !["draft", "pending"].contains(&text(order, "status").unwrap_or_default()))
    }

    /// Returns which choice a visit that reported an order is as the visit of the order, or `None`.
    fn choice(&self, order: &Value, visit: &Visit, is_expired: bool) -> Option<u8> {
        let placed = placed_at(order);
        match (text(&order["customer"], "email"), self.email(visit)) {
            (None, _) => {
                let is_own = visit.visitor.as_deref().is_some_and(|visitor| text(&order["customer"], "id") == Some(visitor));
                Some(u8::from(!is_expired && !is_own))
            }
            _ if is_expired => placed.is_none_or(|placed| placed <= visit.ended + HALF_AN_HOUR_MS).then_some(0),
            (Some(email), Some(known)) => (known == email).then_some(0),
            (Some(_), None) => Some(1),
        }
    }

    fn email(&self, visit: &Visit) -> Option<String> {
        visit.email.clone().or_else(|| self.linked(visit.visitor.as_ref(), visit.ended))
    }

    /// Returns the e-mail of a visitor at a time.
    fn linked(&self, visitor: Option<&String>, at: i64) -> Option<String> {
        let is_link = |link: &&IdentityLink| visitor == Some(&link.visitor) && (link.since..link.until).contains(&at);
        self.links.iter().find(is_link).map(|link| link.email.clone())
    }

    fn orders_by_visit(&self, visits: &BTreeMap<VisitKey, Visit>) -> BTreeMap<VisitKey, Vec<&'a Value>> {
        let mut found: BTreeMap<VisitKey, Vec<&Value>> = BTreeMap::new();
        let reports = self.all_reports();
        for order in self.placed_orders() {
            let reports = reports.iter().filter(|(_, id, ..)| text(order, "id") == Some(id));
            let choices = reports.filter_map(|(key, _, time, seq)| {
                let expired = self.expired.iter().find(|(other, ..)| other == key);
                let visit = expired.map_or_else(|| &visits[key], |(_, visit, _)| visit);
                Some((self.choice(order, visit, expired.is_some())?, *time, *seq, *key))
            });
            let key = choices.min().map(|(.., key)| key).or_else(|| {
                let (placed, email) = (placed_at(order)?, text(&order["customer"], "email")?);
                let is_match = |visit: &Visit| {
                    self.email(visit).as_deref() == Some(email) && visit.started <= placed && placed <= visit.ended + HALF_AN_HOUR_MS
                };
                visits.iter().filter(|(_, visit)| is_match(visit)).max_by_key(|(_, visit)| visit.started).map(|(key, _)| *key)
            });
            if let Some(key) = key {
                found.entry(key).or_default().push(order);
            }
        }
        found
    }

    fn records(&self, numbers: &BTreeMap<i64, i128>) -> Traffic {
        let mut visits = self.live();
        let live: Vec<_> = visits.keys().copied().collect();
        visits.extend(self.expired.iter().map(|(key, visit, _)| (*key, visit.clone())));
        let by_visit = self.orders_by_visit(&visits);
        let person = |visit: &Visit| self.email(visit).or_else(|| visit.visitor.clone());
        let mut first: BTreeMap<String, i64> = BTreeMap::new();
        for visit in visits.values() {
            let Some(person) = person(visit) else { continue };
            let entry = first.entry(person).or_insert(visit.started);
            *entry = visit.started.min(*entry);
        }
        let mut shown = BTreeMap::new();
        for (key, visit) in &visits {
            let mut json = visit.json.clone();
            if !live.contains(key) {
                json["id"] = json!(format!("expired-{}", numbers[&visit.started]));
            }
            set(&mut json, "is_first", person(visit).map(|person| first[&person] == visit.started));
            json[ORDERS] = json!(by_visit.get(key).map_or(&[][..], Vec::as_slice));
            let mut visitor = json!({});
            set(&mut visitor, "id", visit.visitor.clone());
            set(&mut visitor, "person", person(visit));
            json["visitor"] = visitor;
            if let Some(email) = self.email(visit) {
                json["customer"] = json!({ "email": email });
            }
            json["market"] = market(visit.store.as_deref());
            shown.insert(*key, json);
        }
        let event = |(event, key): &(TrackedEvent, Option<VisitKey>)| {
            let visit = key.map(|key| (visits[&key].store.as_deref(), &shown[&key]));
            event_json(event, visit, self.linked(event.visitor.as_ref(), event.time))
        };
        let events = self.stored.iter().map(event).collect();
        let person_visits = visits.values().map(|visit| PersonVisit {
            person: person(visit),
            email: self.email(visit),
            store: visit.store.clone(),
            started: visit.started,
            ended: visit.ended,
            source: visit.json["source"].clone(),
            touches: visit.touches.clone(),
        });
        Traffic { events, person_visits: person_visits.collect(), people: self.people.clone(), visits: shown.into_values().collect() }
    }
}
