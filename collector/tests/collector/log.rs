//! The log against a model: after any sequence of appends, repeated sends, erasures and trims, an export equals a list of events to which the
//! same was done, and the tables contain only what is in the log or needed for the state.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tillroll_collector::store::{Appended, Cursor, EncodedBatch, FILE, Options, Range, Store, StoreError, TrustLevel};
use tillroll_collector::telemetry::Telemetry;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::unchecked_event::ValidEvent;
use uuid::Uuid;

use crate::server::until;

/// A generated event.
#[derive(Clone, Debug)]
struct Generated {
    id: u8,
    who: Who,
    kind: &'static str,
    /// The page, and the session if there is one.
    location: (u8, Option<u8>),
    /// The person whose e-mail the parameters contain.
    named: Option<u8>,
    is_long: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    NoVisitor,
    Browser(u8),
    Email(u8),
}

#[derive(Clone, Debug)]
struct Request {
    project: usize,
    trust: TrustLevel,
    events: Vec<Generated>,
}

#[derive(Clone, Debug)]
enum Operation {
    /// Requests that arrive at the same time.
    Store(Vec<Request>),
    Erase(usize, u8),
    /// Trim the events that arrived before this many operations ago, at most this many events a step, one step or all.
    Trim(u64, usize, bool),
    Open,
}

fn generated() -> impl Strategy<Value = Generated> {
    let who = prop_oneof![1 => Just(Who::NoVisitor), 4 => (0..3_u8).prop_map(Who::Browser), 2 => (0..2_u8).prop_map(Who::Email)];
    let kind = prop_oneof![3 => Just("product_view"), 2 => Just("basket_add"), 1 => Just("customer_details")];
    let location = (0..3_u8, prop::option::of(0..2_u8));
    let named = prop::option::weighted(0.1, 0..2_u8);
    let event = (any::<u8>(), who, kind, location, named, prop::bool::weighted(0.02));
    event.prop_map(|(id, who, kind, location, named, is_long)| Generated { id, who, kind, location, named, is_long })
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let trust = prop_oneof![4 => Just(TrustLevel::Browser), 1 => Just(TrustLevel::Bot)];
    let events = prop_oneof![3 => prop::collection::vec(generated(), 1..6), 1 => prop::collection::vec(generated(), 1..150)];
    let request = (prop_oneof![3 => Just(0_usize), 1 => Just(1)], trust, events);
    let request = request.prop_map(|(project, trust, events)| Request { project, trust, events });
    let operation = prop_oneof![
        6 => prop::collection::vec(request, 1..5).prop_map(Operation::Store),
        2 => (0..2_usize, 0..2_u8).prop_map(|(project, email)| Operation::Erase(project, email)),
        3 => (0..4_u64, 1..40_usize, any::<bool>()).prop_map(|(ago, limit, is_all)| Operation::Trim(ago, limit, is_all)),
        1 => Just(Operation::Open),
    ];
    prop::collection::vec(operation, 1..24)
}

fn email_of(number: u8) -> String {
    format!("a{number}@x.com")
}

fn key(id: u8) -> Uuid {
    Uuid::from_u128(0x0189_0a5d_0000_7000_8000_0000_0000_0000 + u128::from(id))
}

impl Generated {
    fn params(&self) -> String {
        let named = self.named.map(email_of).unwrap_or_default();
        let text = if self.is_long { "long ".repeat(8_000) } else { String::new() };
        json!({"product_id": self.id.to_string(), "quantity": 1, "note": format!("{text}{named}")}).to_string()
    }

    fn page(&self) -> Page {
        let url = ["", "https://x.com/p", "https://x.com/?mail=a1%40x.com"][usize::from(self.location.0)];
        Page { url: url.to_owned(), referrer: String::new(), title: if self.is_long { "é\"".to_owned() } else { String::new() } }
    }

    fn session(&self) -> Option<String> {
        self.location.1.map(|session| format!("s{session}"))
    }

    fn event(&self) -> Event {
        Event {
            id: String::new(),
            kind: self.kind.to_owned(),
            api: "metrilo".to_owned(),
            time: u64::from(self.id),
            visitor: match self.who {
                Who::NoVisitor => Visitor::Id(String::new()),
                Who::Browser(number) => Visitor::Id(format!("v{number}")),
                Who::Email(number) => Visitor::Email(email_of(number)),
            },
            session_id: self.session(),
            store_id: None,
            page: self.page(),
            params: EventParams::from_stored(self.params()),
        }
    }
}

/// An event that the store accepted.
#[derive(Clone, Debug)]
struct Stored {
    project: usize,
    generated: Generated,
    trust: TrustLevel,
    received_at: u64,
}

impl Stored {
    /// Returns its exported line, without the cursor.
    fn line(&self) -> Value {
        let Generated { id, kind, .. } = &self.generated;
        let mut page = String::new();
        self.generated.page().write(&mut page);
        let [page, params] = [page, self.generated.params()].map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let (visitor, email) = match self.generated.event().visitor {
            Visitor::Id(id) if id.is_empty() => (None, None),
            Visitor::Id(id) => (Some(id), None),
            Visitor::Email(email) => (None, Some(email)),
        };
        let mut line = json!({
            "id": key(*id).to_string(), "type": kind, "api": "metrilo", "time": id, "received_at": self.received_at, "visitor_id": visitor,
            "email": email, "session_id": self.generated.session(), "store_id": null, "page": page, "params": params,
        });
        if self.trust == TrustLevel::Bot {
            line["bot"] = json!(true);
        }
        line
    }

    /// Whether the state needs it after it has left the log.
    fn is_state_event(&self) -> bool {
        match self.generated.kind {
            "product_view" => false,
            "basket_add" => self.generated.who != Who::NoVisitor && self.trust != TrustLevel::Bot,
            _ => self.generated.who != Who::NoVisitor,
        }
    }

    fn is_of(&self, project: usize, email: u8, is_shown: bool) -> bool {
        let Generated { who, named, location, .. } = &self.generated;
        let is_named = *named == Some(email) || (is_shown && location.0 == 2 && email == 1);
        self.project == project && (*who == Who::Email(email) || is_named)
    }
}

/// A store, and its expected content.
struct World {
    store: Option<Arc<Store>>,
    projects: [i64; 2],
    folder: TempDir,
    now: u64,
    log: Vec<Stored>,
    /// Events that have left the log and may still be among the state events.
    trimmed: Vec<Stored>,
}

impl World {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), Arc::default()).unwrap();
        let projects = ["t", "u"].map(|token| store.project(token).unwrap());
        Self { store: Some(Arc::new(store)), projects, folder, now: 1_000, log: Vec::new(), trimmed: Vec::new() }
    }

    fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn count(&self, query: &str) -> usize {
        Connection::open(self.file()).unwrap().query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as usize
    }

    async fn run(&mut self, operation: &Operation) {
        self.now += 1;
        match operation {
            Operation::Store(requests) => self.append(requests).await,
            Operation::Erase(project, email) => self.erase(*project, *email).await,
            Operation::Trim(ago, limit, is_all) => self.trim(self.now - ago, *limit, *is_all).await,
            Operation::Open => {
                self.store = None;
                // A process that another test starts inherits the lock between fork and exec, so the folder may be in use for a moment.
                until("the lock is free", || {
                    let opened = Store::open(self.folder.path(), Options::default(), Arc::new(Telemetry::default()));
                    let is_in_use = matches!(opened, Err(StoreError::InUse(_)));
                    self.store = if is_in_use { None } else { Some(Arc::new(opened.unwrap())) };
                    !is_in_use
                });
            }
        }
        self.remove_compacted();
        self.check().await;
    }

    /// Stores requests in their order. Small ones are queued before the first response; a large one may be stored after those behind it, so it
    /// is alone.
    async fn append(&mut self, requests: &[Request]) {
        let is_small = |request: &Request| request.events.len() <= 8 && !request.events.iter().any(|event| event.is_long);
        for requests in requests.chunk_by(|first, second| is_small(first) && is_small(second)) {
            self.append_at_once(requests).await;
        }
    }

    async fn append_at_once(&mut self, requests: &[Request]) {
        let mut responses = Vec::new();
        for Request { project, trust, events } in requests {
            let mut batch = EncodedBatch::new(self.now, *trust);
            events.iter().for_each(|generated| batch.push(key(generated.id), &ValidEvent::unchecked(generated.event())));
            let (store, project) = (self.store(), self.projects[*project]);
            responses.push(tokio::spawn(async move { store.append(project, batch).await.unwrap() }));
        }
        for (Request { project, trust, events }, response) in requests.iter().zip(responses) {
            let mut wanted = Appended::default();
            for generated in events {
                let same = |stored: &Stored| stored.project == *project && stored.generated.id == generated.id;
                if self.log.iter().chain(&self.trimmed).any(same) {
                    wanted.duplicates += 1;
                    continue;
                }
                wanted.accepted += 1;
                self.log.push(Stored { project: *project, generated: generated.clone(), trust: *trust, received_at: self.now });
            }
            assert_eq!(response.await.unwrap(), wanted);
        }
    }

    async fn erase(&mut self, project: usize, person: u8) {
        let erased = self.store().erase(self.projects[project], email_of(person)).await.unwrap();
        let before = self.log.len() + self.trimmed.len();
        self.log.retain(|stored| !stored.is_of(project, person, true));
        self.trimmed.retain(|stored| !stored.is_of(project, person, false));
        assert_eq!(erased.events as usize, before - self.log.len() - self.trimmed.len());
    }

    async fn trim(&mut self, before: u64, limit: usize, is_all: bool) {
        let (mut is_first, mut more) = (true, true);
        while more && (is_first || is_all) {
            let trimmed = self.store().trim(before, limit).await.unwrap();
            let deleted: Vec<Stored> = self.log.drain(..trimmed.deleted as usize).collect();
            assert!(deleted.iter().all(|stored| stored.received_at < before));
            self.trimmed.extend(deleted.into_iter().filter(Stored::is_state_event));
            (is_first, more) = (false, trimmed.has_more);
        }
        assert!(!is_all || self.log.iter().all(|stored| stored.received_at >= before));
    }

    /// Follows the store in what it compacted: other tests check when that happens.
    fn remove_compacted(&mut self) {
        let database = Connection::open(self.file()).unwrap();
        let query = "SELECT COUNT(*) FROM state_event WHERE project = ?1 AND id = ?2 AND seq <= (SELECT trimmed_until FROM log_head)";
        let mut count = database.prepare(query).unwrap();
        let projects = self.projects;
        let mut is_stored = |stored: &Stored| {
            let row = (projects[stored.project], key(stored.generated.id).into_bytes());
            count.query_row(row, |row| row.get::<_, i64>(0)).unwrap() == 1
        };
        self.trimmed.retain(|stored| is_stored(stored));
    }

    async fn check(&self) {
        for (project, number) in self.projects.iter().enumerate() {
            let until = *self.store().head().borrow();
            let range = Range { project: *number, after: Cursor::START, until, limit: usize::MAX };
            let events = self.store().read(range).await.unwrap();
            let read = |event: &tillroll_collector::store::ExportedEvent| {
                let mut line: Value = serde_json::from_str(&event.json).unwrap();
                assert_eq!(line.as_object_mut().unwrap().remove("cursor"), Some(json!(event.cursor.to_string())));
                line
            };
            let wanted: Vec<Value> = self.log.iter().filter(|stored| stored.project == project).map(Stored::line).collect();
            assert_eq!(events.iter().map(read).collect::<Vec<_>>(), wanted);
            let cursors: Vec<Cursor> = [Cursor::START].into_iter().chain(events.iter().map(|event| event.cursor)).collect();
            for (at, limit) in [(0, 1), (events.len() / 3, 7), (events.len() / 2, 64), (events.len(), 1)] {
                let page = self.store().read(Range { after: cursors[at], limit, ..range }).await.unwrap();
                assert_eq!(page, events[at..].iter().take(limit).cloned().collect::<Vec<_>>());
                let newest = self.store().cursor_before_newest(*number, at).await.unwrap();
                assert_eq!(newest, cursors[events.len() - at]);
            }
            let part = Range { until: cursors[cursors.len() / 2], ..range };
            assert_eq!(self.store().read(part).await.unwrap().len(), cursors.len() / 2);
        }
        let state_events = self.log.iter().filter(|stored| stored.is_state_event()).count() + self.trimmed.len();
        assert_eq!(self.count("SELECT COUNT(*) FROM event_id"), self.log.len() + self.trimmed.len());
        assert_eq!(self.count("SELECT COUNT(*) FROM state_event"), state_events);
        assert_eq!(self.count("SELECT COUNT(*) FROM state_event JOIN event_id USING (project, seq)"), state_events);
    }
}

/// One event of each person, so that trimming it compacts everyone's carts.
fn one_event_each() -> Operation {
    let people = (0..3).map(Who::Browser).chain((0..2).map(Who::Email));
    let generated = |(at, who)| Generated { id: at, who, kind: "basket_add", location: (0, None), named: None, is_long: false };
    let events: Vec<Generated> = (0..).zip(people).map(generated).collect();
    Operation::Store((0..2).map(|project| Request { project, trust: TrustLevel::Browser, events: events.clone() }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_operations_leaves_the_events_of_the_model(operations in operations()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut world = World::open();
            for operation in &operations {
                world.run(operation).await;
            }
            for operation in [Operation::Trim(0, 500, true), one_event_each(), Operation::Trim(0, 500, true)] {
                world.run(&operation).await;
            }
            world.now += 1;
            world.run(&Operation::Trim(0, 500, true)).await;
            for table in ["event_id", "state_event", "segment"] {
                assert_eq!(world.count(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
            }
        });
    }
}

/// Returns a hundred events with ids from `first` on, alternately from these two.
fn hundred(received_at: u64, first: u128, who: [Who; 2]) -> EncodedBatch {
    let mut batch = EncodedBatch::new(received_at, TrustLevel::Browser);
    for at in 0..100_u8 {
        let who = who[usize::from(at) % 2];
        let generated = Generated { id: at, who, kind: "basket_add", location: (1, Some(0)), named: None, is_long: false };
        batch.push(Uuid::from_u128(first + u128::from(at)), &ValidEvent::unchecked(generated.event()));
    }
    batch
}

/// A person is erased while the log is trimmed and other events are stored.
#[test]
fn an_erasure_misses_nothing_that_leaves_the_log_meanwhile() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let world = World::open();
        let project = world.projects[0];
        for at in 0..40_u64 {
            world.store().append(project, hundred(at, u128::from(at) * 100, [Who::Email(0), Who::Browser(0)])).await.unwrap();
        }
        let (store, other) = (world.store(), world.store());
        let trims = tokio::spawn(async move {
            for before in 0..35 {
                store.trim(before, 100).await.unwrap();
            }
        });
        let appends = tokio::spawn(async move {
            for at in 0..20_u64 {
                other.append(project, hundred(50, 10_000 + u128::from(at) * 50, [Who::Browser(1), Who::NoVisitor])).await.unwrap();
            }
        });
        let erased = world.store().erase(project, email_of(0)).await.unwrap();
        trims.await.unwrap();
        appends.await.unwrap();
        assert_eq!(erased.events, 2_000);
        assert_eq!(world.count("SELECT COUNT(*) FROM state_event WHERE email IS NOT NULL"), 0);
        assert_eq!(world.count("SELECT COUNT(*) FROM segment WHERE instr(body, 'a0@x.com')"), 0);
        let range = Range { project, after: Cursor::START, until: *world.store().head().borrow(), limit: usize::MAX };
        let shown = world.store().read(range).await.unwrap().len();
        let trimmed = world.count("SELECT COUNT(*) FROM state_event WHERE seq <= (SELECT trimmed_until FROM log_head)");
        assert_eq!(world.count("SELECT COUNT(*) FROM event_id"), shown + trimmed);
    });
}
