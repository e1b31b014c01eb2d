//! Random records: few distinct values, so that ties occur, and many missing values.

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::catalog::{ARRAYS, Field, FieldType, RecordKind};
use tillroll_collector::projection::source::{Position, TrackedChanges};
use tillroll_collector::projection::{AnalyticsEngine, Document, JsonText};

use super::ask_between;
use super::random::Random;
use super::random_traffic::Traffic;

pub(crate) const TEXTS: &[&str] = &["a", "b", "A", "ä", "ß z", "", "10", "9", "日本", "O'Neil; --"];
pub(crate) const STATUSES: &[&str] = &["draft", "pending", "placed", "approved", "cancelled"];
pub(crate) const MODES: &[&str] = &["live", "test"];
const FULFILLMENTS: &[&str] = &["unfulfilled", "in_progress", "fulfilled"];
const SOURCES: &[&str] = &["backend", "headless", "page", "import"];
pub(crate) const ITEM_TYPES: &[&str] = &["skus", "bundles", "shipments"];
pub(crate) const AMOUNTS: &[f64] = &[0.0, 0.1, 0.2, 0.3, 5.0, -10.0, 19.99, 1_000_000.5];
pub(crate) const INTEGERS: &[i64] = &[0, 1, 2, 3, 7, 60, 3600];
pub(crate) const NUMBERS: &[f64] = &[0.0, 1.0, 2.0, 1.5, 3.0];
pub(crate) const TIMES: &[&str] = &[
    "2021-12-31T23:59:59.999Z",
    "2022-01-01T00:00:00.000Z",
    "2022-02-28T12:00:00.000Z",
    "2022-06-05T23:00:00.000Z",
    "2022-06-06T00:00:00.000Z",
    "2022-06-27T06:01:32.361Z",
    "2022-06-30T23:59:59.500Z",
    "2022-07-01T00:00:00.000Z",
];

/// The project of the queries.
pub(crate) const PROJECT: i64 = 1;

/// The records of one organization, and some of another one, which no query may return.
pub(crate) struct RandomRecords {
    pub(crate) orders: Vec<Value>,
    pub(crate) returns: Vec<Value>,
    /// Events and visits, once they are stored.
    pub(crate) traffic: Option<Traffic>,
    other_project: Vec<Value>,
}

impl RandomRecords {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut records = |kind, count| (0..count).map(|at| record(random, kind, at)).collect();
        Self {
            orders: records(RecordKind::Orders, 45),
            returns: records(RecordKind::Returns, 25),
            traffic: None,
            other_project: records(RecordKind::Orders, 5),
        }
    }

    /// Stores the records in several batches, with earlier versions of some records and with deleted records.
    pub(crate) fn store_in(&self, engine: &dyn AnalyticsEngine, random: &mut Random) {
        let mut changes = Vec::new();
        for (project, kind, records) in [
            (PROJECT, RecordKind::Orders, &self.orders),
            (PROJECT, RecordKind::Returns, &self.returns),
            (2, RecordKind::Orders, &self.other_project),
        ] {
            for (at, now) in records.iter().enumerate() {
                let mut change = |json: Option<Value>| {
                    let key = now["id"].as_str().unwrap().to_owned();
                    changes.push(Document {
                        project,
                        record_kind: kind,
                        key,
                        change: 0,
                        json: json.map(|json| JsonText::Plain(json.to_string())),
                    });
                };
                if random.percent(30) {
                    change(Some(record(random, kind, at)));
                }
                if random.percent(10) {
                    change(None);
                }
                change(Some(now.clone()));
            }
        }
        let deleted = Document { project: PROJECT, record_kind: RecordKind::Orders, key: "deleted".into(), change: 0, json: None };
        changes.insert(
            0,
            Document { json: Some(JsonText::Plain(json!({"id": "deleted", "status": "placed"}).to_string())), ..deleted.clone() },
        );
        changes.push(deleted);
        for (at, change) in changes.iter_mut().enumerate() {
            change.change = i64::try_from(at).unwrap() + 1;
        }
        let size = 1 + random.below(changes.len());
        for batch in changes.chunks(size) {
            let position = Position { change: batch.last().unwrap().change, ..Position::default() };
            engine.apply(batch, &TrackedChanges::default(), position).unwrap();
            ask_between(engine, random);
        }
        assert_eq!(engine.watermark().unwrap().change, changes.last().unwrap().change);
    }
}

fn record(random: &mut Random, kind: RecordKind, at: usize) -> Value {
    let mut object = Map::new();
    fill(random, kind, &mut object, kind.main(), true);
    object.insert("id".into(), json!(format!("id{at:02}")));
    Value::Object(object)
}

/// Adds random attributes and relations to a record or a relation.
fn fill(random: &mut Random, kind: RecordKind, object: &mut Map<String, Value>, owner: &str, is_main: bool) {
    for field in kind.fields().filter(|field| field.owner() == owner && field.kind != FieldType::Organization && !field.is_derived) {
        // The restocking date of a return is derived from its lines.
        if random.percent(70) && field.name != "return.restocked_at" {
            object.insert(field.attribute().into(), value(random, field));
        }
    }
    for relation in relations(kind, owner, is_main) {
        let name = relation.rsplit_once('.').map_or(relation.as_str(), |(_, name)| name).to_owned();
        if random.percent(15) {
            continue;
        }
        if ARRAYS.contains(&relation.as_str()) {
            let elements = (0..random.below(4)).map(|_| related_object(random, kind, &relation)).collect::<Vec<_>>();
            if !elements.is_empty() {
                object.insert(name, json!(elements));
            }
        } else {
            object.insert(name, related_object(random, kind, &relation));
        }
    }
}

fn related_object(random: &mut Random, kind: RecordKind, owner: &str) -> Value {
    let mut object = Map::new();
    fill(random, kind, &mut object, owner, false);
    Value::Object(object)
}

fn relations(kind: RecordKind, owner: &str, is_main: bool) -> Vec<String> {
    let prefix = if is_main { String::new() } else { format!("{owner}.") };
    let mut found: Vec<String> = Vec::new();
    for field in kind.fields().filter(|field| field.owner() != kind.main() && field.kind != FieldType::Organization && !field.is_derived) {
        let Some(rest) = field.owner().strip_prefix(prefix.as_str()) else { continue };
        let relation = format!("{prefix}{}", rest.split('.').next().unwrap());
        if !rest.is_empty() && !found.contains(&relation) {
            found.push(relation);
        }
    }
    found
}

pub(crate) fn value(random: &mut Random, field: &Field) -> Value {
    match (field.name, field.kind) {
        ("order.status", _) => json!(random.pick(STATUSES)),
        ("order.mode" | "return.mode", _) => json!(random.pick(MODES)),
        ("order.fulfillment_status", _) => json!(random.pick(FULFILLMENTS)),
        ("order.source", _) => json!(random.pick(SOURCES)),
        ("line_items.item_type", _) => json!(random.pick(ITEM_TYPES)),
        (_, FieldType::Text | FieldType::Texts | FieldType::Organization) => json!(random.pick(TEXTS)),
        (_, FieldType::Bool) => json!(random.percent(50)),
        (_, FieldType::Integer) => json!(random.pick(INTEGERS)),
        (_, FieldType::Number) => {
            let number = *random.pick(NUMBERS);
            #[expect(clippy::cast_possible_truncation, reason = "small")]
            if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
        }
        (_, FieldType::Amount) => json!(random.pick(AMOUNTS)),
        (_, FieldType::Timestamp) => json!(random.pick(TIMES)),
    }
}
