//! The log against a model of it: whatever is stored, alone or with others, sent again, erased and trimmed in any order, an export says what
//! a list of events says to which the same was done. The tables hold then what is in the log or needed for the state, and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tillroll_collector::store::{Appended, Cursor, EncodedBatch, FILE, Options, Range, Store, TrustLevel};
use tillroll_collector::telemetry::Telemetry;
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use uuid::Uuid;

/// An event as it is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    id: u8,
    who: Who,
    kind: &'static str,
    /// Which page and which visit, if any.
    place: (u8, Option<u8>),
    /// Whose address the parameters name, if anybody's.
    named: Option<u8>,
    is_long: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Nobody,
    Browser(u8),
    Known(u8),
}

#[derive(Clone, Debug)]
struct Request {
    project: usize,
    trust: TrustLevel,
    events: Vec<Drawn>,
}

#[derive(Clone, Debug)]
enum Act {
    /// Requests that come at the same time.
    Store(Vec<Request>),
    Erase(usize, u8),
    /// Take out what came before so many acts ago, at most so many events at once, and go on to the end or not.
    Trim(u64, usize, bool),
    Open,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let who = prop_oneof![1 => Just(Who::Nobody), 4 => (0..3_u8).prop_map(Who::Browser), 2 => (0..2_u8).prop_map(Who::Known)];
    let kind = prop_oneof![3 => Just("product_view"), 2 => Just("basket_add"), 1 => Just("customer_details")];
    let place = (0..3_u8, prop::option::of(0..2_u8));
    let named = prop::option::weighted(0.1, 0..2_u8);
    let event = (any::<u8>(), who, kind, place, named, prop::bool::weighted(0.02));
    event.prop_map(|(id, who, kind, place, named, is_long)| Drawn { id, who, kind, place, named, is_long })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let trust = prop_oneof![4 => Just(TrustLevel::Browser), 1 => Just(TrustLevel::Bot)];
    let events = prop_oneof![3 => prop::collection::vec(drawn(), 1..6), 1 => prop::collection::vec(drawn(), 1..150)];
    let request = (prop_oneof![3 => Just(0_usize), 1 => Just(1)], trust, events);
    let request = request.prop_map(|(project, trust, events)| Request { project, trust, events });
    let act = prop_oneof![
        6 => prop::collection::vec(request, 1..5).prop_map(Act::Store),
        2 => (0..2_usize, 0..2_u8).prop_map(|(project, email)| Act::Erase(project, email)),
        3 => (0..4_u64, 1..40_usize, any::<bool>()).prop_map(|(ago, limit, is_all)| Act::Trim(ago, limit, is_all)),
        1 => Just(Act::Open),
    ];
    prop::collection::vec(act, 1..24)
}

fn address(number: u8) -> String {
    format!("a{number}@x.com")
}

fn key(id: u8) -> Uuid {
    Uuid::from_u128(0x0189_0a5d_0000_7000_8000_0000_0000_0000 + u128::from(id))
}

impl Drawn {
    fn params(&self) -> String {
        let named = self.named.map(address).unwrap_or_default();
        let text = if self.is_long { "long ".repeat(8_000) } else { String::new() };
        json!({"product_id": self.id.to_string(), "quantity": 1, "note": format!("{text}{named}")}).to_string()
    }

    fn page(&self) -> Page {
        let url = ["", "https://x.com/p", "https://x.com/?mail=a1%40x.com"][usize::from(self.place.0)];
        Page { url: url.to_owned(), referrer: String::new(), title: if self.is_long { "é\"".to_owned() } else { String::new() } }
    }

    fn session(&self) -> Option<String> {
        self.place.1.map(|session| format!("s{session}"))
    }

    fn event(&self) -> Event {
        Event {
            id: String::new(),
            kind: self.kind.to_owned(),
            api: "metrilo".to_owned(),
            time: u64::from(self.id),
            visitor: match self.who {
                Who::Nobody => Visitor::Id(String::new()),
                Who::Browser(number) => Visitor::Id(format!("v{number}")),
                Who::Known(number) => Visitor::Email(address(number)),
            },
            session_id: self.session(),
            store_id: None,
            page: self.page(),
            params: EventParams::from_stored(self.params()),
        }
    }
}

/// An event that was stored.
#[derive(Clone, Debug)]
struct Stored {
    project: usize,
    drawn: Drawn,
    trust: TrustLevel,
    received_at: u64,
}

impl Stored {
    /// What an export says of it, but for its place.
    fn line(&self) -> Value {
        let Drawn { id, kind, .. } = &self.drawn;
        let mut page = String::new();
        self.drawn.page().write(&mut page);
        let [page, params] = [page, self.drawn.params()].map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let (visitor, email) = match self.drawn.event().visitor {
            Visitor::Id(id) if id.is_empty() => (None, None),
            Visitor::Id(id) => (Some(id), None),
            Visitor::Email(email) => (None, Some(email)),
        };
        let mut line = json!({
            "id": key(*id).to_string(), "type": kind, "api": "metrilo", "time": id, "received_at": self.received_at, "visitor_id": visitor,
            "email": email, "session_id": self.drawn.session(), "store_id": null, "page": page, "params": params,
        });
        if self.trust == TrustLevel::Bot {
            line["bot"] = json!(true);
        }
        line
    }

    /// Whether it stays for the state after it has left the log, as long as it is needed.
    fn is_step(&self) -> bool {
        match self.drawn.kind {
            "product_view" => false,
            "basket_add" => self.drawn.who != Who::Nobody && self.trust != TrustLevel::Bot,
            _ => self.drawn.who != Who::Nobody,
        }
    }

    fn is_of(&self, project: usize, email: u8, is_shown: bool) -> bool {
        let Drawn { who, named, place, .. } = &self.drawn;
        let is_named = *named == Some(email) || (is_shown && place.0 == 2 && email == 1);
        self.project == project && (*who == Who::Known(email) || is_named)
    }
}

/// A store, and what must be in it.
struct World {
    store: Option<Arc<Store>>,
    projects: [i64; 2],
    folder: TempDir,
    now: u64,
    log: Vec<Stored>,
    /// What has left the log and may still be kept.
    gone: Vec<Stored>,
}

impl World {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), Arc::default()).unwrap();
        let projects = ["t", "u"].map(|token| store.project(token).unwrap());
        Self { store: Some(Arc::new(store)), projects, folder, now: 1_000, log: Vec::new(), gone: Vec::new() }
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

    async fn act(&mut self, act: &Act) {
        self.now += 1;
        match act {
            Act::Store(requests) => self.append(requests).await,
            Act::Erase(project, email) => self.erase(*project, *email).await,
            Act::Trim(ago, limit, is_all) => self.trim(self.now - ago, *limit, *is_all).await,
            Act::Open => {
                self.store = None;
                self.store = Some(Arc::new(Store::open(self.folder.path(), Options::default(), Arc::new(Telemetry::default())).unwrap()));
            }
        }
        self.forget_what_is_not_kept();
        self.check().await;
    }

    /// The requests are put in one after the other before any is answered.
    async fn append(&mut self, requests: &[Request]) {
        let mut answers = Vec::new();
        for Request { project, trust, events } in requests {
            let mut batch = EncodedBatch::new(self.now, *trust);
            events.iter().for_each(|drawn| batch.push(key(drawn.id), &drawn.event()));
            let (store, project) = (self.store(), self.projects[*project]);
            answers.push(tokio::spawn(async move { store.append(project, batch).await.unwrap() }));
        }
        for (Request { project, trust, events }, answer) in requests.iter().zip(answers) {
            let mut wanted = Appended::default();
            for drawn in events {
                let same = |stored: &Stored| stored.project == *project && stored.drawn.id == drawn.id;
                if self.log.iter().chain(&self.gone).any(same) {
                    wanted.duplicates += 1;
                    continue;
                }
                wanted.accepted += 1;
                self.log.push(Stored { project: *project, drawn: drawn.clone(), trust: *trust, received_at: self.now });
            }
            assert_eq!(answer.await.unwrap(), wanted);
        }
    }

    async fn erase(&mut self, project: usize, email: u8) {
        let erased = self.store().erase(self.projects[project], address(email)).await.unwrap();
        let before = self.log.len() + self.gone.len();
        self.log.retain(|stored| !stored.is_of(project, email, true));
        self.gone.retain(|stored| !stored.is_of(project, email, false));
        assert_eq!(erased.events as usize, before - self.log.len() - self.gone.len());
    }

    async fn trim(&mut self, before: u64, limit: usize, is_all: bool) {
        let (mut is_first, mut more) = (true, true);
        while more && (is_first || is_all) {
            let trimmed = self.store().trim(before, limit).await.unwrap();
            let gone: Vec<Stored> = self.log.drain(..trimmed.deleted as usize).collect();
            assert!(gone.iter().all(|stored| stored.received_at < before));
            self.gone.extend(gone.into_iter().filter(Stored::is_step));
            (is_first, more) = (false, trimmed.has_more);
        }
        assert!(!is_all || self.log.iter().all(|stored| stored.received_at >= before));
    }

    /// How long something is needed for the state is tested elsewhere.
    fn forget_what_is_not_kept(&mut self) {
        let database = Connection::open(self.file()).unwrap();
        let query = "SELECT COUNT(*) FROM state_event WHERE project = ?1 AND id = ?2 AND seq <= (SELECT trimmed_until FROM log_head)";
        let mut kept = database.prepare(query).unwrap();
        let projects = self.projects;
        let mut is_kept = |stored: &Stored| {
            let row = (projects[stored.project], key(stored.drawn.id).into_bytes());
            kept.query_row(row, |row| row.get::<_, i64>(0)).unwrap() == 1
        };
        self.gone.retain(|stored| is_kept(stored));
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
            let places: Vec<Cursor> = [Cursor::START].into_iter().chain(events.iter().map(|event| event.cursor)).collect();
            for (at, limit) in [(0, 1), (events.len() / 3, 7), (events.len() / 2, 64), (events.len(), 1)] {
                let page = self.store().read(Range { after: places[at], limit, ..range }).await.unwrap();
                assert_eq!(page, events[at..].iter().take(limit).cloned().collect::<Vec<_>>());
                let newest = self.store().cursor_before_newest(*number, at).await.unwrap();
                assert_eq!(newest, places[events.len() - at]);
            }
            let part = Range { until: places[places.len() / 2], ..range };
            assert_eq!(self.store().read(part).await.unwrap().len(), places.len() / 2);
        }
        let steps = self.log.iter().filter(|stored| stored.is_step()).count() + self.gone.len();
        assert_eq!(self.count("SELECT COUNT(*) FROM event_id"), self.log.len() + self.gone.len());
        assert_eq!(self.count("SELECT COUNT(*) FROM state_event"), steps);
        assert_eq!(self.count("SELECT COUNT(*) FROM state_event JOIN event_id USING (project, seq)"), steps);
    }
}

/// One event of everybody, so that everybody's carts are looked at when it goes.
fn last_of_all() -> Act {
    let people = (0..3).map(Who::Browser).chain((0..2).map(Who::Known));
    let drawn = |(at, who)| Drawn { id: at, who, kind: "basket_add", place: (0, None), named: None, is_long: false };
    let events: Vec<Drawn> = (0..).zip(people).map(drawn).collect();
    Act::Store((0..2).map(|project| Request { project, trust: TrustLevel::Browser, events: events.clone() }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_export_says_what_a_list_says_to_which_the_same_was_done(acts in acts()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let mut world = World::open();
            for act in &acts {
                world.act(act).await;
            }
            for act in [Act::Trim(0, 500, true), last_of_all(), Act::Trim(0, 500, true)] {
                world.act(&act).await;
            }
            world.now += 1;
            world.act(&Act::Trim(0, 500, true)).await;
            for table in ["event_id", "state_event", "segment"] {
                assert_eq!(world.count(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
            }
        });
    }
}

/// Returns a hundred events with ids from `first` on, of these two in turn.
fn hundred(received_at: u64, first: u128, who: [Who; 2]) -> EncodedBatch {
    let mut batch = EncodedBatch::new(received_at, TrustLevel::Browser);
    for at in 0..100_u8 {
        let who = who[usize::from(at) % 2];
        let drawn = Drawn { id: at, who, kind: "basket_add", place: (1, Some(0)), named: None, is_long: false };
        batch.push(Uuid::from_u128(first + u128::from(at)), &drawn.event());
    }
    batch
}

/// Somebody is erased while the log is trimmed and others go on.
#[test]
fn an_erasure_misses_nothing_that_leaves_the_log_meanwhile() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let world = World::open();
        let project = world.projects[0];
        for at in 0..40_u64 {
            world.store().append(project, hundred(at, u128::from(at) * 100, [Who::Known(0), Who::Browser(0)])).await.unwrap();
        }
        let (store, other) = (world.store(), world.store());
        let trims = tokio::spawn(async move {
            for before in 0..35 {
                store.trim(before, 100).await.unwrap();
            }
        });
        let appends = tokio::spawn(async move {
            for at in 0..20_u64 {
                other.append(project, hundred(50, 10_000 + u128::from(at) * 50, [Who::Browser(1), Who::Nobody])).await.unwrap();
            }
        });
        let erased = world.store().erase(project, address(0)).await.unwrap();
        trims.await.unwrap();
        appends.await.unwrap();
        assert_eq!(erased.events, 2_000);
        assert_eq!(world.count("SELECT COUNT(*) FROM state_event WHERE email IS NOT NULL"), 0);
        assert_eq!(world.count("SELECT COUNT(*) FROM segment WHERE instr(body, 'a0@x.com')"), 0);
        let range = Range { project, after: Cursor::START, until: *world.store().head().borrow(), limit: usize::MAX };
        let shown = world.store().read(range).await.unwrap().len();
        let kept = world.count("SELECT COUNT(*) FROM state_event WHERE seq <= (SELECT trimmed_until FROM log_head)");
        assert_eq!(world.count("SELECT COUNT(*) FROM event_id"), shown + kept);
    });
}
