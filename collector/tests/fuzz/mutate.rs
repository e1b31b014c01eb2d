//! Mutation of inputs: as random bytes, or, if the input is JSON, as a tree that stays JSON.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// The greatest length of an input.
const MAX_INPUT_BYTES: usize = 200_000;

/// Fragments that parsers often handle wrongly.
const FRAGMENTS: &[&str] = &[
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

/// Mutates an input one to four times.
pub(crate) fn mutate(input: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut mutated = input.to_vec();
    for _ in 0..=random.below(4) {
        mutated = match serde_json::from_slice::<Value>(&mutated) {
            Ok(mut tree) if random.below(3) > 0 => {
                mutate_tree(&mut tree, others, random);
                tree.to_string().into_bytes()
            }
            _ => mutate_bytes(mutated, others, random),
        };
        mutated.truncate(MAX_INPUT_BYTES);
    }
    mutated
}

fn mutate_bytes(mut bytes: Vec<u8>, others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let at = random.below(bytes.len() + 1);
    let to = (at + 1 + random.below(8)).min(bytes.len());
    match random.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.number() as u8,
        2 => drop(bytes.drain(at.min(to)..to)),
        3 => drop(bytes.splice(at..at, random.pick(FRAGMENTS).bytes())),
        4 => {
            let piece = bytes[at.min(to)..to].repeat(1 + random.below(60));
            drop(bytes.splice(at..at, piece));
        }
        5 => {
            let other = random.pick(others).clone();
            bytes.truncate(at);
            bytes.extend(&other[random.below(other.len() + 1)..]);
        }
        _ => bytes.truncate(at),
    }
    bytes
}

/// Descends to a random node of a tree and mutates it.
fn mutate_tree(tree: &mut Value, others: &[Vec<u8>], random: &mut Random) {
    let descends = random.below(4) > 0;
    match tree {
        Value::Object(members) if descends && !members.is_empty() => {
            let name = members.keys().nth(random.below(members.len())).cloned().unwrap_or_default();
            match random.below(6) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).unwrap_or_default();
                    members.insert(format!("{name}{}", random.pick(FRAGMENTS)), value);
                }
                _ => mutate_tree(&mut members[&name], others, random),
            }
        }
        Value::Array(elements) if descends && !elements.is_empty() => {
            let at = random.below(elements.len());
            match random.below(6) {
                0 => drop(elements.remove(at)),
                1 => {
                    let element = elements[at].clone();
                    elements.extend(vec![element; 1 + random.below(40)]);
                }
                _ => mutate_tree(&mut elements[at], others, random),
            }
        }
        _ => *tree = random_value(tree.take(), others, random),
    }
}

fn random_value(old: Value, others: &[Vec<u8>], random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => (random.below(2) == 0).into(),
        2 => random.number().into(),
        3 => (random.number() as i64 >> random.below(63)).into(),
        4 => json!(f64::from_bits(random.number())),
        5 => Value::from(*random.pick(FRAGMENTS)),
        6 => "x".repeat(1 << random.below(16)).into(),
        7 => vec![old].into(),
        8 => Map::from_iter([((*random.pick(FRAGMENTS)).to_owned(), old)]).into(),
        9 => (0..random.below(140)).fold(old, |inner, _| vec![inner].into()),
        10 => json!([]),
        11 => json!({}),
        12 => old.to_string().into(),
        _ => serde_json::from_slice(random.pick::<Vec<u8>>(others)).unwrap_or(old),
    }
}
