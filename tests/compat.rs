//! The compatibility tables, from the core to the store: the `calls` of each row of `compat/<vendor>/*.json` pass through the tracker. The
//! events that it stores must be valid for the collector and equal the row's `out`.
//!
//! The same rows run in Node (from `in` to `calls`) and in a browser (from `in` to the store); `compat/support/tables.mjs` describes them.

use std::path::Path;

use serde_json::{Map, Value, json};
use tillroll::effect::{Action, Effect};
use tillroll::input::{Input, InputKind};
use tillroll::queue::StoredEntry;
use tillroll::tracker::Tracker;
use tillroll_collector::decode;
use tillroll_protocol::cookies::is_public_suffix;
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;

const NOON: u64 = 1_800_000_000_000;
const PAGE: &str = "https://shop.test/page";
const TITLE: &str = "Shirts | Shop";

#[test]
fn metrilo_calls_give_the_expected_events() {
    assert_rows("metrilo", 300);
}

#[test]
fn ometria_calls_give_the_expected_events() {
    assert_rows("ometria", 100);
}

#[test]
fn email_rule_matches_the_table_that_tests_the_form_script() {
    let table = read_table("shared-rules/email-addresses.json");
    let is_address = |text: &Value| tillroll_protocol::email::normalise(text.as_str().unwrap()).is_some();
    for text in table["valid"].as_array().unwrap() {
        assert!(is_address(text), "{text} is valid");
    }
    for text in table["invalid"].as_array().unwrap() {
        assert!(!is_address(text), "{text} is invalid");
    }
}

#[test]
fn cookie_domain_rule_matches_the_table_that_tests_the_page_script() {
    let table = read_table("shared-rules/cookie-domains.json");
    for (host, domains) in table.as_object().unwrap() {
        let is_ip_address = host.starts_with('[') || host.ends_with(|last: char| last.is_ascii_digit());
        let starts = host.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
        let allowed: Vec<_> = starts.map(|at| &host[at..]).filter(|domain| !is_ip_address && !is_public_suffix(domain)).collect();
        assert_eq!(json!(allowed), *domains, "{host}");
    }
}

fn read_table(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs all rows of a vendor, at least `least`, and lists those that fail.
fn assert_rows(vendor: &str, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(vendor);
    let (mut run, mut failed) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("{page}", PAGE).replace("{title}", TITLE);
        let table: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for row in table["rows"].as_array().unwrap() {
            run += 1;
            if let Err(difference) = check(&table["api"], row) {
                failed.push(format!("{}: {}: {difference}", path.display(), row["title"]));
            }
        }
    }
    assert!(run >= least, "only {run} rows were found");
    assert!(failed.is_empty(), "{} of {run} rows fail:\n{}", failed.len(), failed.join("\n"));
}

fn check(api: &Value, row: &Value) -> Result<(), String> {
    let mut visitor = Visitor::new();
    for call in row["calls"].as_array().unwrap() {
        let api = call.get(2).filter(|api| api.is_string()).unwrap_or(api);
        visitor.call(api, &call[0], &expand(&call[1]), &call[3]);
    }
    let (mut known, mut out) = (Value::Null, Vec::new());
    for (at, event) in row["out"].as_array().unwrap().iter().enumerate() {
        let params = expand(&event["params"]);
        let identified = params.get("email").cloned().filter(|_| event["type"] == "identify");
        // An `identify` event has the anonymous id: it links id and e-mail.
        let email = if identified.is_some() { Value::Null } else { known.clone() };
        out.push(json!({"type": event["type"], "api": event.get("api").unwrap_or(api), "visitorEmail": email, "params": params,
            // A row without a store accepts any.
            "store": event.get("store").or(visitor.stored.get(at).map(|stored| &stored["store"]))}));
        known = identified.unwrap_or(known);
    }
    equal("stored", &Value::from(visitor.stored.clone()), &Value::from(out))?;
    equal("ignored", &json!(visitor.ignored), row.get("ignored").unwrap_or(&json!(0)))?;
    match known.as_str() {
        Some(email) => equal("cookie", &json!(visitor.tracker.identity().0), &json!(email)),
        None => equal("digits of the cookie", &json!(visitor.tracker.identity().0.len()), &json!(42)),
    }
}

fn equal(name: &str, found: &Value, wanted: &Value) -> Result<(), String> {
    let short = |value: &Value| value.to_string().chars().take(800).collect::<String>();
    if found == wanted { Ok(()) } else { Err(format!("{name}: {}\n    wanted: {}", short(found), short(wanted))) }
}

/// A new visitor with one page, and the events that the collector accepted.
struct Visitor {
    tracker: Tracker,
    calls: u64,
    stored: Vec<Value>,
    ignored: u64,
}

impl Visitor {
    fn new() -> Self {
        let mut visitor = Self { tracker: Tracker::default(), calls: 0, stored: Vec::new(), ignored: 0 };
        let call = visitor.record(&json!("tillroll"), &json!("land"), &json!({}), &Value::Null);
        visitor.dispatch(InputKind::Start, &["granted", &call.key, &call.text]);
        visitor.dispatch(InputKind::Restored, &[]);
        let land = visitor.stored.pop().unwrap();
        assert_eq!((visitor.stored.len(), &land["type"]), (0, &json!("land")), "a page starts with a `land` event");
        visitor
    }

    fn call(&mut self, api: &Value, kind: &Value, params: &Value, store: &Value) {
        let entry = self.record(api, kind, params, store);
        self.dispatch(InputKind::Call, &[&entry.key, &entry.text]);
    }

    /// Returns a call as `js/calls/create-call.js` makes it.
    fn record(&mut self, api: &Value, kind: &Value, params: &Value, store: &Value) -> StoredEntry {
        self.calls += 1;
        let seed = format!("{:042x}", u128::from(self.calls) << 100);
        let record = json!({"time": NOON + self.calls, "seed": seed, "api": api, "type": kind, "url": PAGE, "referrer": "", "title": TITLE, "store": store, "params": params});
        StoredEntry::new(format!("{NOON}-{:06}1", self.calls), flat(&record))
    }

    fn dispatch(&mut self, kind: InputKind, texts: &[&str]) {
        let mut effects = Vec::new();
        self.tracker.handle(NOON + self.calls, Input { kind, texts: &texts.join("\0"), status: 0 }, &mut effects);
        for effect in effects {
            match effect {
                Effect::Act { action: Action::Persist, more, .. } => self.stored.extend(accepted(&more)),
                Effect::Report("error", count) => self.ignored += u64::from(count),
                _ => {}
            }
        }
    }
}

/// Returns the events of an entry, as the collector decodes them.
fn accepted(entry: &str) -> Vec<Value> {
    let body = format!("{{:token\u{1f}$t\u{1f}:form\u{1f}#2\u{1f}:queue\u{1f}[{entry}]}}");
    let mut stored = Vec::new();
    let receipt = Receipt::of_page(limits::MAX_TIME_MS, None);
    decode::call_events(decode::calls(body.as_bytes()).unwrap(), &receipt, |event| {
        let event = event.unwrap_or_else(|refusal| panic!("{:?}: {entry}", refusal.reason)).event;
        let params: Value = serde_json::from_str(&event.params).unwrap();
        let email = match &event.visitor {
            tillroll_protocol::event::Visitor::Email(email) => json!(email),
            tillroll_protocol::event::Visitor::Id(_) => Value::Null,
        };
        stored.push(json!({"type": event.kind, "api": event.api, "visitorEmail": email, "params": params, "store": event.store_id}));
        true
    })
    .unwrap();
    stored
}

/// Returns a value as `js/calls/flat-encode.js` flattens it.
fn flat(value: &Value) -> String {
    match value {
        Value::Null => "z".into(),
        Value::Bool(flag) => String::from(if *flag { "y" } else { "n" }),
        Value::Number(number) => format!("#{number}\u{1f}"),
        Value::String(text) => format!("${text}\u{1f}"),
        Value::Array(elements) => format!("[{}]", elements.iter().map(flat).collect::<String>()),
        Value::Object(members) => match members.get("$number").and_then(Value::as_str) {
            Some(digits) => format!("#{digits}\u{1f}"),
            None => format!("{{{}}}", members.iter().map(|(name, value)| format!(":{name}\u{1f}{}", flat(value))).collect::<String>()),
        },
    }
}

/// Replaces each marker by its value; `calls` and `out` have only markers for plain values.
fn expand(value: &Value) -> Value {
    match (value, value.get("$").and_then(Value::as_str)) {
        (_, Some("repeat")) => value["text"].as_str().unwrap().repeat(value["times"].as_u64().unwrap() as usize).into(),
        (_, Some("any")) => value["such"].clone(),
        (Value::Array(elements), _) => elements.iter().map(expand).collect(),
        (Value::Object(members), _) => members.iter().map(|(name, value)| (name.clone(), expand(value))).collect::<Map<_, _>>().into(),
        _ => value.clone(),
    }
}
