//! A store that follows a log: what its entries change does not depend on how they are grouped, and no entry is skipped or applied twice.

use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row};
use serde_json::json;
use tempfile::TempDir;
use tillroll_collector::resource::Resource;
use tillroll_collector::store::{
    BackendRecord, DiskSpace, EncodedBatch, FILE, FileChange, ImportedRecord, Inbox, Membership, Options, Outbox, RecordBatch, Replica,
    ReplicaStatus, Store, StoreError, TrustLevel,
};
use tillroll_protocol::event::{Event, Page, Visitor};
use tillroll_protocol::params::EventParams;
use tillroll_protocol::unchecked_event::ValidEvent;
use uuid::Uuid;

use crate::server::until;

/// The entries of a log, in their order.
type Log = Arc<Mutex<Vec<Vec<u8>>>>;

/// A store that follows a log, and what the tests drive it with.
struct Node {
    store: Arc<Store>,
    inbox: Inbox,
    status: ReplicaStatus,
}

impl Node {
    fn open(folder: &Path, options: Options) -> (Self, Replica) {
        let mut opened = None;
        // A process that another test starts inherits the lock between fork and exec, so the folder may be in use for a moment.
        until("the lock is free", || {
            opened = Store::open_replicated(folder, options, Arc::default()).ok();
            opened.is_some()
        });
        let (store, replica) = opened.unwrap();
        (Self { store: Arc::new(store), inbox: replica.inbox.clone(), status: replica.status.clone() }, replica)
    }

    /// A node whose own requests become the log.
    async fn recording(folder: &Path, log: Log) -> Self {
        let (node, replica) = Self::open(folder, Options::default());
        node.store.join_log(Membership { group: "g".into(), applied: 0 }).await.unwrap();
        tokio::spawn(record(replica.outbox, replica.inbox, log));
        node
    }

    /// A node that only follows. It goes on after the last entry that it has applied.
    async fn following(folder: &Path, options: Options) -> Self {
        let (node, replica) = Self::open(folder, options);
        if replica.membership.is_none() {
            node.store.join_log(Membership { group: "g".into(), applied: 0 }).await.unwrap();
        }
        node
    }

    async fn push(&self, entries: &[Vec<u8>], last: usize) {
        let from = self.status.applied() as usize;
        for (at, entry) in entries.iter().enumerate().take(last).skip(from) {
            self.inbox.push(at as u64 + 1, entry).await.unwrap();
        }
    }

    async fn applied(&self, number: u64) {
        self.status.watch().wait_for(|progress| progress.applied >= number).await.unwrap();
    }
}

/// Publishes requests in a log of this process, and passes its entries back.
async fn record(mut outbox: Outbox, inbox: Inbox, log: Log) {
    while let Some(entry) = outbox.next(usize::MAX).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(entry.bytes.to_vec());
            log.len() as u64
        };
        inbox.push(number, &entry.bytes).await.unwrap();
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn event(numbers: &mut Numbers) -> (Uuid, Event) {
    let number = numbers.below(4_000);
    let person = numbers.below(12);
    let order = numbers.below(40).to_string();
    let lines = json!([{"product_id": numbers.below(9).to_string(), "quantity": numbers.below(3) + 1, "price": 12.5}]);
    let (kind, params) = match numbers.below(11) {
        0 => ("identify", json!({"email": format!("a{}@x.com", numbers.below(8))})),
        1 => ("basket_add", json!({"product_id": numbers.below(9).to_string(), "quantity": 1})),
        2 => ("basket_update", json!({"total": 25, "currency": "EUR", "lines": lines})),
        3 | 4 => ("order", json!({"order_id": order, "total": 20.25, "currency": "EUR", "lines": lines})),
        5 => ("order_cancel", json!({"order_id": order})),
        6 => ("order_return", json!({"order_id": order, "lines": lines})),
        7 => ("tag", json!({"tags": [format!("tag{}", numbers.below(3))]})),
        8 => ("customer_details", json!({"first_name": format!("Anna {}", numbers.below(4)), "subscribed": true})),
        _ => ("product_view", json!({"product_id": numbers.below(9).to_string()})),
    };
    let visitor = match person {
        0 => Visitor::Id(String::new()),
        1..4 => Visitor::Email(format!("a{person}@x.com")),
        _ => Visitor::Id(format!("v{person}")),
    };
    let page = Page { url: format!("https://x.com/{person}?mail=a2%40x.com"), ..Page::default() };
    let event = Event {
        id: String::new(),
        kind: kind.into(),
        api: "metrilo".into(),
        time: 1_000 + number,
        visitor,
        session_id: (person > 6).then(|| format!("s{person}")),
        store_id: None,
        page,
        params: EventParams::from_stored(params.to_string()),
    };
    (Uuid::from_u128(u128::from(number) + 1), event)
}

fn batch(numbers: &mut Numbers, received_at: u64) -> EncodedBatch {
    let trust = [TrustLevel::Browser, TrustLevel::Bot, TrustLevel::Unsigned, TrustLevel::Owner][numbers.below(4) as usize];
    let mut batch = EncodedBatch::new(received_at, trust);
    let most = if numbers.below(8) == 0 { 90 } else { 5 };
    for _ in 0..=numbers.below(most) {
        let (id, event) = event(numbers);
        batch.push(id, &ValidEvent::unchecked(event));
    }
    batch
}

fn record_of(numbers: &mut Numbers) -> BackendRecord {
    let resource = [Resource::Customers, Resource::Products, Resource::Categories, Resource::Orders][numbers.below(4) as usize];
    let number = numbers.below(8);
    let id = if resource == Resource::Customers { format!("a{number}@x.com") } else { number.to_string() };
    let fields = vec![("name".to_owned(), json!(format!("name {number}"))), ("price".to_owned(), json!(0.1 + number as f64))];
    BackendRecord::new(resource, id, fields)
}

fn import_of(numbers: &mut Numbers) -> ImportedRecord {
    let number = numbers.below(30);
    let email = format!("a{}@x.com", numbers.below(8));
    let json = json!({"id": format!("i{number}"), "customer": {"email": email}, "total": 3.5, "note": number}).to_string();
    ImportedRecord { resource: Resource::Orders, id: format!("i{number}"), email: Some(email), json }
}

/// Sends requests of all kinds, many at the same time, so that entries hold several.
async fn drive(store: &Arc<Store>) {
    let mut numbers = Numbers(7);
    let projects = [store.add_project("t").await.unwrap(), store.add_project("u").await.unwrap()];
    assert_eq!(store.add_project("t").await.unwrap(), projects[0]);
    for round in 0..40 {
        let now = 10_000 + round * 100;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (own, project) = (Arc::clone(store), projects[numbers.below(2) as usize]);
            match numbers.below(10) {
                0 => {
                    let records = (0..=numbers.below(6)).map(|_| record_of(&mut numbers)).collect();
                    let batch = RecordBatch { project, time: now, trust: TrustLevel::Owner, records };
                    requests.spawn(async move { own.apply_records(batch).await.map(drop).unwrap() });
                }
                1 => {
                    let records = (0..=numbers.below(6)).map(|_| import_of(&mut numbers)).collect();
                    requests.spawn(async move { own.import(project, records).unwrap().stored().await.unwrap() });
                }
                _ => {
                    let batch = batch(&mut numbers, now);
                    requests.spawn(async move { own.append(project, batch).await.map(|_| ()).unwrap() });
                }
            }
        }
        requests.join_all().await;
        if round % 9 == 8 {
            store.erase(projects[0], format!("a{}@x.com", numbers.below(8))).await.unwrap();
        }
        if round % 10 == 9 {
            while store.trim(now - 1_500, 40).await.unwrap().has_more {}
        }
    }
    for (replaces, sealed) in [(0, b"one".to_vec()), (0, b"too late".to_vec())] {
        store.change_group_file(FileChange { name: "f".into(), replaces, sealed }).await.unwrap();
    }
    let files = store.group_files().await.unwrap();
    assert_eq!(files.iter().map(|file| file.sealed.as_slice()).collect::<Vec<_>>(), [b"one"]);
}

/// Returns every row of every table. Exports, cursors and answers are made of these.
fn content(folder: &Path) -> String {
    let database = Connection::open(folder.join(FILE)).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut text = String::new();
    for table in tables.iter().filter(|table| *table != "disk_probe") {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let row = |row: &Row<'_>| (0..columns).map(|at| row.get::<_, Sql>(at)).collect::<Result<Vec<_>, _>>();
        for values in statement.query_map([], row).unwrap() {
            let _ = writeln!(text, "{table} {:?}", values.unwrap());
        }
    }
    text
}

/// A log that was recorded from a store, and the content of that store.
async fn recorded() -> (Vec<Vec<u8>>, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::default();
    let node = Node::recording(folder.path(), Arc::clone(&log)).await;
    drive(&node.store).await;
    let entries = log.lock().unwrap().clone();
    node.applied(entries.len() as u64).await;
    drop(node);
    (entries, content(folder.path()))
}

#[test]
fn stores_that_have_applied_the_same_log_are_equal_however_it_was_grouped() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (entries, expected) = recorded().await;
        let folders: [TempDir; 2] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
        // One has all entries at once, as a node that was away.
        let node = Node::following(folders[0].path(), Options::default()).await;
        node.push(&entries, entries.len()).await;
        node.applied(entries.len() as u64).await;
        drop(node);
        // The other has them in groups of changing sizes, and is restarted in between.
        let mut numbers = Numbers(3);
        let mut last = 0;
        while last < entries.len() {
            let node = Node::following(folders[1].path(), Options::default()).await;
            for _ in 0..5 {
                last = entries.len().min(last + 1 + numbers.below(9) as usize);
                node.push(&entries, last).await;
                node.applied(last as u64).await;
            }
        }
        let lines = expected.lines().count();
        assert!(entries.len() > 60 && lines > 2_000, "{} entries, {lines} rows", entries.len());
        for folder in &folders {
            let found = content(folder.path());
            let different = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
            assert!(found == expected, "the first different rows: {different:?}");
        }
    });
}

#[test]
fn an_entry_that_is_in_the_log_twice_is_applied_once() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (mut entries, expected) = recorded().await;
        let folder = tempfile::tempdir().unwrap();
        let node = Node::following(folder.path(), Options::default()).await;
        let count = entries.len();
        let rest = entries.split_off(count / 2);
        entries.extend(entries.clone());
        entries.extend(rest);
        node.push(&entries, entries.len()).await;
        node.applied(entries.len() as u64).await;
        drop(node);
        // Only the numbers of entries differ.
        let without_numbers = |text: &str| {
            let is_numbered = |line: &&str| ["replica", "replica_entry", "group_file"].contains(&line.split(' ').next().unwrap());
            text.lines().filter(|line| !is_numbered(line)).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(without_numbers(&content(folder.path())) == without_numbers(&expected));
    });
}

static IS_FULL: AtomicBool = AtomicBool::new(false);

fn free_space(_: &Path) -> Option<DiskSpace> {
    Some(DiskSpace { free: if IS_FULL.load(Relaxed) { 0 } else { 1 << 40 }, total: 1 << 41 })
}

#[test]
fn an_entry_that_cannot_be_applied_stops_the_store_and_is_not_skipped() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (entries, _) = recorded().await;
        let folder = tempfile::tempdir().unwrap();
        let options = Options { reserve_bytes: 1 << 20, free_space, ..Options::default() };
        let node = Node::following(folder.path(), options).await;
        node.push(&entries, 5).await;
        node.applied(5).await;
        // Without space it stops, and goes on when there is space again.
        IS_FULL.store(true, Relaxed);
        node.push(&entries, 9).await;
        node.status.watch().wait_for(|progress| progress.stopped.is_some()).await.unwrap();
        assert!(node.status.applied() < 9 && node.status.stopped().unwrap().contains("disk space"));
        IS_FULL.store(false, Relaxed);
        node.applied(9).await;
        assert_eq!(node.status.stopped(), None);
        // An entry of a newer version stops it until a newer build starts. What comes before it is applied, and does not hide the reason.
        node.push(&entries, 30).await;
        let newer = [b"tr\xff", &entries[30][3..]].concat();
        let error = node.inbox.push(31, &newer).await.unwrap_err();
        assert!(matches!(&error, StoreError::LogStopped(reason) if reason.contains("version 255")), "{error}");
        node.applied(30).await;
        assert_eq!(node.status.applied(), 30);
        assert!(node.status.stopped().unwrap().contains("version 255"));
    });
}

#[test]
fn a_store_of_a_group_is_not_opened_without_its_log() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        drop(Node::following(folder.path(), Options::default()).await);
        let mut error = None;
        until("the lock is free", || {
            error = Store::open(folder.path(), Options::default(), Arc::default()).err();
            !matches!(error, Some(StoreError::InUse(_)))
        });
        assert!(matches!(error, Some(StoreError::InGroup(_))), "{error:?}");
        assert!(tillroll_collector::store::leave_log(folder.path()).unwrap());
        assert!(Store::open(folder.path(), Options::default(), Arc::default()).is_ok());
    });
}
