//! How an input becomes another: at random as bytes, or, where it is JSON, as a tree that stays JSON.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// The longest input that is kept.
const LONGEST: usize = 200_000;

/// What parsers trip over.
const SHARDS: &[&str] = &[
    "",
    "\0",
    "\u{1f}",
    "\u{feff}",
    "\u{2028}",
    "\\u0000",
    "\\ud800",
    "\\udc00\\ud800",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "9007199254740993",
    "18446744073709551616",
    "0.1e1",
    "00",
    "1_000",
    "%",
    "%4",
    "%zz",
    "%00",
    "=",
    ";",
    "&",
    " ",
    "\n",
    "\r\n",
    "é",
    "日本",
    "🦀",
    "a@x.com",
    "@",
    "..",
    "z",
    "$x\u{1f}",
    "#1\u{1f}",
    ":k\u{1f}",
    "eyJhbGciOiJub25lIn0",
    ".",
    "Basic ",
    "dDpz",
];

/// Changes an input one to four times.
pub(crate) fn change(input: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _ in 0..=dice.below(4) {
        changed = match serde_json::from_slice::<Value>(&changed) {
            Ok(mut tree) if dice.below(3) > 0 => {
                grow(&mut tree, others, dice);
                tree.to_string().into_bytes()
            }
            _ => scatter(changed, others, dice),
        };
        changed.truncate(LONGEST);
    }
    changed
}

fn scatter(mut bytes: Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let at = dice.below(bytes.len() + 1);
    let to = (at + 1 + dice.below(8)).min(bytes.len());
    match dice.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => bytes[at] = dice.number() as u8,
        2 => drop(bytes.drain(at.min(to)..to)),
        3 => drop(bytes.splice(at..at, dice.pick(SHARDS).bytes())),
        4 => {
            let piece = bytes[at.min(to)..to].repeat(1 + dice.below(60));
            drop(bytes.splice(at..at, piece));
        }
        5 => {
            let other = dice.pick(others).clone();
            bytes.truncate(at);
            bytes.extend(&other[dice.below(other.len() + 1)..]);
        }
        _ => bytes.truncate(at),
    }
    bytes
}

/// Walks down to some place of a tree and changes what is there.
fn grow(tree: &mut Value, others: &[Vec<u8>], dice: &mut Dice) {
    let deeper = dice.below(4) > 0;
    match tree {
        Value::Object(members) if deeper && !members.is_empty() => {
            let name = members.keys().nth(dice.below(members.len())).cloned().unwrap_or_default();
            match dice.below(6) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).unwrap_or_default();
                    members.insert(format!("{name}{}", dice.pick(SHARDS)), value);
                }
                _ => grow(&mut members[&name], others, dice),
            }
        }
        Value::Array(elements) if deeper && !elements.is_empty() => {
            let at = dice.below(elements.len());
            match dice.below(6) {
                0 => drop(elements.remove(at)),
                1 => {
                    let element = elements[at].clone();
                    elements.extend(vec![element; 1 + dice.below(40)]);
                }
                _ => grow(&mut elements[at], others, dice),
            }
        }
        _ => *tree = any(tree.take(), others, dice),
    }
}

fn any(old: Value, others: &[Vec<u8>], dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => (dice.below(2) == 0).into(),
        2 => dice.number().into(),
        3 => (dice.number() as i64 >> dice.below(63)).into(),
        4 => json!(f64::from_bits(dice.number())),
        5 => Value::from(*dice.pick(SHARDS)),
        6 => "x".repeat(1 << dice.below(16)).into(),
        7 => vec![old].into(),
        8 => Map::from_iter([((*dice.pick(SHARDS)).to_owned(), old)]).into(),
        9 => (0..dice.below(140)).fold(old, |inner, _| vec![inner].into()),
        10 => json!([]),
        11 => json!({}),
        12 => old.to_string().into(),
        _ => serde_json::from_slice(dice.pick::<Vec<u8>>(others)).unwrap_or(old),
    }
}
