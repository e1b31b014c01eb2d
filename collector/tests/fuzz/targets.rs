//! The fuzz targets: what each parses and what must hold of the result.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue};
use clap::ValueEnum as _;
use serde_json::Value;
use tillroll_collector::auth::access_token::Claims;
use tillroll_collector::auth::basic;
use tillroll_collector::auth::keyring::Keyring;
use tillroll_collector::clock::Clock;
use tillroll_collector::decode::rejection::RejectedEvent;
use tillroll_collector::decode::{self, DecodedEvent, JsonTree};
use tillroll_collector::http::cookie_renewal;
use tillroll_collector::import::validate;
use tillroll_collector::metrics::catalog::Resource as MetricsResource;
use tillroll_collector::metrics::parse::{self, Context, MAX_RANGE_DAYS, QueryError, QueryType};
use tillroll_collector::metrics::rows::Scope;
use tillroll_collector::metrics::{cursor, search_query};
use tillroll_collector::projection::duckdb::DuckDb;
use tillroll_collector::projection::sql;
use tillroll_collector::projects::ProjectRegistry;
use tillroll_collector::resource::Resource;
use tillroll_collector::store::{BackendRecord, Cursor, ListCursor};
use tillroll_collector::time;
use tillroll_collector::vendors::headless::{Request, RequestMeta};
use tillroll_collector::vendors::records::{ENDPOINTS, RequestRecords, is_signed};
use tillroll_collector::vendors::{Envelope, calls};
use tillroll_protocol::call::Call;
use tillroll_protocol::dyn_value::ReadValue as _;
use tillroll_protocol::event_types::EVENT_TYPES;
use tillroll_protocol::flat_format::FlatValue;
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::{email, limits, number_text, params as parameters, price_text};

use crate::{Target, seeds};

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "batch", seeds: seeds::bodies, run: batch },
    Target {
        name: "calls",
        seeds: || {
            let call = "{:time\u{1f}#1518004715732\u{1f}:seed\u{1f}$0a\u{1f}:api\u{1f}$metrilo\u{1f}:type\u{1f}$KIND\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{:product_id\u{1f}$2\u{1f}:email\u{1f}$a@x.com\u{1f}:query\u{1f}$q\u{1f}}}";
            let kinds = ["land", "product_view", "identify", "basket_add", "search", "order", "tag"];
            let all: String = kinds.iter().map(|kind| call.replace("KIND", kind)).collect();
            seeds::texts(&[&format!(
                "{{:token\u{1f}$t\u{1f}:made\u{1f}$0b\u{1f}:visitor\u{1f}$5f2\u{1f}:session\u{1f}$s\u{1f}:calls\u{1f}[{all}]}}"
            )])
        },
        run: calls_of_a_page,
    },
    Target { name: "front_end", seeds: seeds::bodies, run: front_end },
    Target { name: "back_end", seeds: seeds::bodies, run: back_end },
    Target { name: "digest", seeds: || seeds::texts(&["2c4553edb766d24b891ab79e36b9106e", " AB\n", "é0"]), run: digest },
    Target { name: "headless", seeds: seeds::bodies, run: headless },
    Target { name: "metrics", seeds: seeds::queries, run: metrics },
    Target {
        name: "flat",
        seeds: || seeds::texts(&["{:time\u{1f}#5\u{1f}:type\u{1f}$search\u{1f}:params\u{1f}{:a\u{1f}[zyn]}}", "[[{:k\u{1f}$v\u{1f}}]]"]),
        run: flat,
    },
    Target { name: "params", seeds: seeds::bodies, run: params },
    Target { name: "import_events", seeds: seeds::lines, run: import_events },
    Target { name: "import_fields", seeds: seeds::lines, run: import_fields },
    Target { name: "import_documents", seeds: seeds::lines, run: import_documents },
    Target { name: "token", seeds: || vec![TOKEN.1.clone().into_bytes()], run: token },
    Target {
        name: "cookies",
        seeds: || seeds::texts(&["a=b; cbuid=0123\nt.shop.com\nhttps://www.shop.com/x", "cbuid=a%40x.com\n[::1]:80\nhttp://[::1]:8080/"]),
        run: cookies,
    },
    Target {
        name: "cursors",
        seeds: || seeds::texts(&["e1f", "uYUB4LmNvbQ", "OYQ", "cAAAAAAAAAAAAAAAAAAAAAQ", "eyJkIjoxfQ=="]),
        run: cursors,
    },
    Target { name: "authorisation", seeds: || seeds::texts(&["Basic dDpz", "basic  dDpzOnM=", "Bearer x.y.z"]), run: authorisation },
    Target {
        name: "words",
        seeds: || {
            seeds::texts(&["(*@gmail.com | *@hotmail.com) + placed", "\"a b\" -c", "2021-11-31T23:59:59.123Z", "£1,234.50", "A+b@x.com"])
        },
        run: words,
    },
];

/// Checks that a decoded event is normalised: its parameters are JSON and parse to themselves.
fn check_decoded<S: AsRef<str>>(decoded: &DecodedEvent<S>) -> String {
    let event = &decoded.event;
    let params: Value = serde_json::from_str(&event.params).expect("parameters are JSON");
    assert!(params.is_object() && event.time <= limits::MAX_TIME_MS);
    let kind = EVENT_TYPES.iter().find(|kind| kind.name == event.kind.as_ref()).expect("an existing event type");
    let JsonTree(again) = serde_json::from_str(&event.params).expect("parameters are JSON");
    assert_eq!(parameters::parse(kind, &again, "").as_ref(), Ok(&event.params), "{}", kind.name);
    format!("{} {}", kind.name, params.as_object().map_or(0, serde_json::Map::len))
}

/// A receipt that changes no time.
fn receipt() -> Receipt<'static> {
    Receipt::of_server(limits::MAX_TIME_MS)
}

fn batch(input: &[u8]) -> String {
    let batch = match decode::batch(input) {
        Ok(batch) => batch,
        Err(error) => return format!("{error:?}"),
    };
    let events = batch.events.into_iter().take(8).map(|event| match event.decode(&receipt()) {
        Ok(decoded) => check_decoded(&decoded),
        Err(rejected) => rejected.reason.code().to_owned(),
    });
    events.collect()
}

/// An event that the protocol makes of a page's call always has a valid form.
fn calls_of_a_page(input: &[u8]) -> String {
    let calls = match decode::calls(input) {
        Ok(calls) => calls,
        Err(error) => return format!("{error:?}"),
    };
    let mut report = String::new();
    let result = decode::call_events(calls, &receipt(), |event| {
        match event {
            Ok(decoded) => report.push_str(&check_decoded(&decoded)),
            Err(rejected) => report.push_str(rejected.reason.code()),
        }
        true
    });
    report + &result.map_or_else(|error| format!("{error:?}"), |()| String::new())
}

fn front_end(input: &[u8]) -> String {
    let envelope = match Envelope::parse(input) {
        Ok(envelope) => envelope,
        Err(error) => return format!("{error:?}"),
    };
    let all = calls::CALLS.iter().map(|call| match call.event(&envelope, input, &receipt()) {
        Ok(decoded) => check_decoded(&decoded),
        Err(rejected) => rejected.reason.code().to_owned(),
    });
    all.collect()
}

fn back_end(input: &[u8]) -> String {
    let envelope = match Envelope::parse(input) {
        Ok(envelope) => envelope,
        Err(error) => return format!("{error:?}"),
    };
    let all = ENDPOINTS.iter().map(|endpoint| match endpoint.parse(&envelope, &receipt()) {
        Ok((_, RequestRecords::One(record))) => check_record(&record),
        Ok((time, RequestRecords::Many(texts))) => {
            let records = texts.iter().enumerate().map(|(number, text)| endpoint.parse_one_of_many(number, text, time, &receipt()));
            records
                .map(|record| check_record(&record))
                .fold(String::new(), |all, outcome| if all.len() < 200 { all + &outcome } else { all })
        }
        Err(reason) => format!("{reason:?}"),
    });
    all.collect()
}

fn check_record(record: &Result<BackendRecord, RejectedEvent>) -> String {
    match record {
        Ok(record) => {
            assert!(!record.id.is_empty(), "a record has an id");
            format!("{:?} {}", record.resource, record.fields.len())
        }
        Err(rejected) => rejected.reason.code().to_owned(),
    }
}

fn digest(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let signed = is_signed(input, "s", &text) || is_signed(b"body", &text, &text);
    assert!(!signed, "a guessed digest is wrong");
    text.len().to_string()
}

fn headless(input: &[u8]) -> String {
    let request = match Request::parse(input) {
        Ok(request) => request,
        Err(error) => return format!("{error:?}"),
    };
    if let Some(id) = request.id() {
        assert!(serde_json::from_str::<Value>(&id).is_ok(), "a request id is returned as JSON");
    }
    match request.event(RequestMeta { receipt: &receipt(), body: input, seed: "0123456789abcdef0123456789abcdef0123456789" }) {
        Ok(decoded) => check_decoded(&decoded),
        Err(rejected) => rejected.reason.code().to_owned(),
    }
}

fn metrics(input: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(input) else { return "no JSON".into() };
    let context = Context { organization: "t", now: 1_700_000_000_000, attribution_days: 30, max_range_days: MAX_RANGE_DAYS };
    let markets = ["m".to_owned()];
    let scope = Scope { project: 1, organization: "t".into(), markets: markets.to_vec() };
    let mut outcome = String::new();
    for resource in ["orders", "carts", "returns"].iter().filter_map(|name| MetricsResource::find(name)) {
        for kind in [QueryType::Breakdown, QueryType::DateBreakdown, QueryType::Stats, QueryType::Search, QueryType::BoughtTogether] {
            match parse::parse(resource, kind, &body, context) {
                Ok(query) => {
                    outcome.extend(sql::statements(&query, &scope, &DuckDb::default()).iter().map(|statement| shape(&statement.text)));
                }
                Err(QueryError::BadRequest(_)) => outcome.push('-'),
                Err(QueryError::Unprocessable(errors)) => outcome.extend(errors.all().iter().take(3).map(|error| unquoted(&error.message))),
            }
        }
    }
    outcome
}

/// Returns a few letters that stand for a statement; lists of values of any length have the same.
fn shape(statement: &str) -> String {
    let mut hasher = DefaultHasher::new();
    statement.replace("?, ", "").hash(&mut hasher);
    hasher.finish().to_le_bytes().iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// Returns a message without what it quotes of the input.
fn unquoted(message: &str) -> String {
    message.split(['`', '"', '\'']).step_by(2).collect()
}

fn flat(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut out = String::new();
    FlatValue::new(&text).write(&mut out);
    assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
    assert!(out.len() <= 16 + 8 * text.len(), "no value is written twice");
    let call = Call::parse(&text);
    let read = call.and_then(|call| {
        let kind = EVENT_TYPES.iter().find(|kind| kind.name == call.kind)?;
        parameters::parse(kind, call.params, "https://x/").ok()
    });
    format!("{} {}", out.chars().filter(|letter| "[]{}:".contains(*letter)).take(12).collect::<String>(), read.is_some())
}

fn params(input: &[u8]) -> String {
    let Ok(JsonTree(tree)) = serde_json::from_slice(input) else { return "no JSON".into() };
    let mut outcome = String::new();
    for kind in EVENT_TYPES {
        let inner = tree.get("params");
        for value in [&tree, inner] {
            match parameters::parse(kind, value, "https://x/") {
                Ok(text) => {
                    let JsonTree(again) = serde_json::from_str(&text).expect("parameters are JSON");
                    assert_eq!(parameters::parse(kind, &again, "https://x/"), Ok(text), "parameters parse to themselves");
                    outcome.push('.');
                }
                Err(missing) => outcome.push_str(missing.name),
            }
        }
    }
    outcome
}

fn import_events(input: &[u8]) -> String {
    import(&[Resource::Events], input)
}

fn import_fields(input: &[u8]) -> String {
    import(&[Resource::Customers, Resource::Categories, Resource::Products], input)
}

fn import_documents(input: &[u8]) -> String {
    import(&[Resource::Orders, Resource::Carts, Resource::Returns], input)
}

fn import(resources: &[Resource], input: &[u8]) -> String {
    let all = resources.iter().map(|what| {
        let answer = validate(*what, input);
        let codes: String = answer.rejected.iter().take(3).map(|rejected| rejected.code).collect();
        format!("{} {codes} {}", answer.accepted.min(3), answer.ignored.min(3))
    });
    all.collect()
}

static PROJECTS: LazyLock<ProjectRegistry> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    ProjectRegistry::open(&["t:secret".to_owned()], folder.path(), Clock::SYSTEM, |_| Ok(1)).unwrap().0
});

static TOKEN: LazyLock<(Keyring, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path(), 0).unwrap();
    let owner = PROJECTS.authenticate("t", "secret").unwrap();
    let token = keyring.sign(Claims::new("t", "market:id:a", 1_000, "r".into()).unwrap(), &owner).unwrap();
    (keyring, token)
});

/// An accepted token has the claims of the signed one. Base64 has several spellings of the same bytes.
fn token(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    match TOKEN.0.verify(&text, 1_000, &PROJECTS) {
        Some((claims, _)) => {
            assert_eq!(Claims { grant: String::new(), ..claims }, Claims::new("t", "market:id:a", 1_000, "r".into()).unwrap());
            "accepted".into()
        }
        None => text.matches('.').count().to_string(),
    }
}

fn cookies(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(4, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (cookies, host, page, wanted) = (next(), next(), next(), next());
    let renewed = cookie_renewal::renewed_cookie(cookies, host, page, wanted);
    if let Some(header) = &renewed {
        assert!(header.starts_with("cbuid=") && header.matches(";Path=/;").count() >= 1);
    }
    format!("{} {}", renewed.is_some(), renewed.is_some_and(|header| header.contains("Domain")))
}

fn cursors(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut outcome = String::new();
    if let Ok(place) = text.parse::<Cursor>() {
        assert_eq!(place.to_string().parse(), Ok(place));
        outcome.push('e');
    }
    for list in Resource::value_variants() {
        outcome.push(if ListCursor::parse(*list, &text).is_some() { '+' } else { '-' });
    }
    outcome.push(if cursor::decode(&text, "fits").is_some() { '+' } else { '-' });
    outcome
}

fn authorisation(input: &[u8]) -> String {
    let Ok(value) = HeaderValue::from_bytes(input) else { return "no header".into() };
    let headers = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, value)]);
    basic::owner(&PROJECTS, &headers).map_or_else(|error| error.code().to_owned(), |project| project.credentials.token.clone())
}

fn words(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let found = search_query::parse(&text).map(|query| search_query::matches(&query, &["jo@gmail.com placed".to_owned(), "x".to_owned()]));
    let time = time::parse_rfc3339(&text).map(|read| time::format_rfc3339_millis(read.millis).len());
    let address = email::normalise(&text);
    if let Some(address) = &address {
        assert_eq!(email::normalise(address).as_ref(), Some(address));
    }
    let money = price_text::parse_price(&text, "");
    if let Some(money) = &money {
        assert!(money.parse::<f64>().is_ok_and(f64::is_finite), "{money}");
    }
    let quantity = number_text::parse_quantity(&text);
    assert!(quantity.parse::<f64>().is_ok_and(|quantity| quantity > 0.0 && quantity.is_finite()), "{quantity}");
    format!("{found:?} {time:?} {} {}", address.is_some(), money.is_some())
}
