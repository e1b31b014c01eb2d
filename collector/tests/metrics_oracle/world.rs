//! Random records, with few different values, so that there are ties, and with many missing.

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::catalog::{ARRAYS, Field, FieldType, RecordKind};
use tillroll_collector::projection::duckdb::DuckDbEngine;
use tillroll_collector::projection::{AnalyticsEngine, Document, Watermarks};

use super::PROJECT;
use super::dice::Dice;

pub(crate) const TEXTS: &[&str] = &["a", "b", "A", "ä", "ß z", "", "10", "9", "日本", "O'Neil; --"];
pub(crate) const STATUSES: &[&str] = &["draft", "pending", "placed", "approved", "cancelled"];
pub(crate) const MODES: &[&str] = &["live", "test"];
pub(crate) const FULFILLMENTS: &[&str] = &["unfulfilled", "in_progress", "fulfilled"];
pub(crate) const TYPES: &[&str] = &["skus", "bundles", "shipments"];
pub(crate) const AMOUNTS: &[f64] = &[0.0, 0.1, 0.2, 0.3, 5.0, -10.0, 19.99, 1_000_000.5];
pub(crate) const WHOLES: &[i64] = &[0, 1, 2, 3, 7, 60, 3600];
pub(crate) const NUMBERS: &[f64] = &[0.0, 1.0, 2.0, 1.5, 3.0];
pub(crate) const MOMENTS: &[&str] = &[
    "2021-12-31T23:59:59.999Z",
    "2022-01-01T00:00:00.000Z",
    "2022-02-28T12:00:00.000Z",
    "2022-06-05T23:00:00.000Z",
    "2022-06-06T00:00:00.000Z",
    "2022-06-27T06:01:32.361Z",
    "2022-06-30T23:59:59.500Z",
    "2022-07-01T00:00:00.000Z",
];

/// All records of one organization, and some of another that must never be seen.
pub(crate) struct World {
    pub(crate) orders: Vec<Value>,
    pub(crate) returns: Vec<Value>,
    strangers: Vec<Value>,
}

impl World {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut some = |family, count| (0..count).map(|at| record(dice, family, at)).collect();
        Self { orders: some(RecordKind::Orders, 45), returns: some(RecordKind::Returns, 25), strangers: some(RecordKind::Orders, 5) }
    }

    /// In several batches, with earlier states of some records, and with records that are gone again.
    pub(crate) fn put_into(&self, engine: &DuckDbEngine, dice: &mut Dice) {
        let mut changes = Vec::new();
        for (project, family, records) in [
            (PROJECT, RecordKind::Orders, &self.orders),
            (PROJECT, RecordKind::Returns, &self.returns),
            (2, RecordKind::Orders, &self.strangers),
        ] {
            for (at, now) in records.iter().enumerate() {
                let mut change = |json: Option<Value>| {
                    let key = now["id"].as_str().unwrap().to_owned();
                    changes.push(Document { project, family, key, change: 0, json: json.map(|json| json.to_string()) });
                };
                if dice.percent(30) {
                    change(Some(record(dice, family, at)));
                }
                if dice.percent(10) {
                    change(None);
                }
                change(Some(now.clone()));
            }
        }
        let gone = Document { project: PROJECT, family: RecordKind::Orders, key: "gone".into(), change: 0, json: None };
        changes.insert(0, Document { json: Some(json!({"id": "gone", "status": "placed"}).to_string()), ..gone.clone() });
        changes.push(gone);
        for (at, change) in changes.iter_mut().enumerate() {
            change.change = i64::try_from(at).unwrap() + 1;
        }
        let size = 1 + dice.below(changes.len());
        for batch in changes.chunks(size) {
            engine.apply(batch, Watermarks::at(batch.last().unwrap().change)).unwrap();
        }
        assert_eq!(engine.watermarks().unwrap().records, changes.last().unwrap().change);
    }
}

fn record(dice: &mut Dice, family: RecordKind, at: usize) -> Value {
    let mut object = Map::new();
    fill(dice, family, &mut object, family.main(), true);
    object.insert("id".into(), json!(format!("id{at:02}")));
    Value::Object(object)
}

/// Fills in attributes and relations of a record or of a relation.
fn fill(dice: &mut Dice, family: RecordKind, object: &mut Map<String, Value>, owner: &str, is_main: bool) {
    for field in family.fields().filter(|field| field.owner() == owner && field.kind != FieldType::Organization) {
        // Only a return's lines say when it was restocked.
        if dice.percent(70) && field.name != "return.restocked_at" {
            object.insert(field.attribute().into(), value(dice, field));
        }
    }
    for relation in relations(family, owner, is_main) {
        let name = relation.rsplit_once('.').map_or(relation.as_str(), |(_, name)| name).to_owned();
        if dice.percent(15) {
            continue;
        }
        if ARRAYS.contains(&relation.as_str()) {
            let elements = (0..dice.below(4)).map(|_| filled(dice, family, &relation)).collect::<Vec<_>>();
            if !elements.is_empty() {
                object.insert(name, json!(elements));
            }
        } else {
            object.insert(name, filled(dice, family, &relation));
        }
    }
}

fn filled(dice: &mut Dice, family: RecordKind, owner: &str) -> Value {
    let mut object = Map::new();
    fill(dice, family, &mut object, owner, false);
    Value::Object(object)
}

fn relations(family: RecordKind, owner: &str, is_main: bool) -> Vec<String> {
    let prefix = if is_main { String::new() } else { format!("{owner}.") };
    let mut found: Vec<String> = Vec::new();
    for field in family.fields().filter(|field| field.owner() != family.main() && field.kind != FieldType::Organization) {
        let Some(rest) = field.owner().strip_prefix(prefix.as_str()) else { continue };
        let relation = format!("{prefix}{}", rest.split('.').next().unwrap());
        if !rest.is_empty() && !found.contains(&relation) {
            found.push(relation);
        }
    }
    found
}

pub(crate) fn value(dice: &mut Dice, field: &Field) -> Value {
    match (field.name, field.kind) {
        ("order.status", _) => json!(dice.pick(STATUSES)),
        ("order.mode" | "return.mode", _) => json!(dice.pick(MODES)),
        ("order.fulfillment_status", _) => json!(dice.pick(FULFILLMENTS)),
        ("line_items.item_type", _) => json!(dice.pick(TYPES)),
        (_, FieldType::Text | FieldType::Organization) => json!(dice.pick(TEXTS)),
        (_, FieldType::Bool) => json!(dice.percent(50)),
        (_, FieldType::Integer) => json!(dice.pick(WHOLES)),
        (_, FieldType::Number) => {
            let number = *dice.pick(NUMBERS);
            #[expect(clippy::cast_possible_truncation, reason = "small")]
            if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
        }
        (_, FieldType::Amount) => json!(dice.pick(AMOUNTS)),
        (_, FieldType::Timestamp) => json!(dice.pick(MOMENTS)),
    }
}
