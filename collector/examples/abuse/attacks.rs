//! The attacks: the worst requests that a sender with the public token, or with none, can make for each public endpoint.
//!
//! Requests close their connection, so that each attack also pays for connections.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The beginning of each event's id; the digits behind it are new in each request.
const ID_PREFIX: &str = "01a20000-0000-7000-9000-";

/// The largest body.
const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// The separator of the flat format of `/v2/calls`.
const U: char = '\u{1f}';

/// How fast a request is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as the connection takes it.
    Fast,
    /// One byte at a time, over many connections.
    Slow,
}

/// A request, and where the last digits of its events' ids begin.
pub(crate) struct Request {
    text: Vec<u8>,
    ids: Vec<usize>,
}

impl Request {
    fn new(text: Vec<u8>) -> Self {
        let ids = String::from_utf8_lossy(&text).match_indices(ID_PREFIX).map(|(at, _)| at + ID_PREFIX.len()).collect();
        Self { text, ids }
    }

    /// Returns the request with an analyst's access token.
    pub(crate) fn with_access_token(&self, token: &str) -> Self {
        if token.is_empty() {
            return Self { text: self.text.clone(), ids: self.ids.clone() };
        }
        Self::new(String::from_utf8_lossy(&self.text).replace(ACCESS_TOKEN, token).into_bytes())
    }

    /// Returns the request with events that no request had before, in `buffer` if it has events. The buffer is kept between requests, because
    /// fresh memory of megabytes disturbs the other threads of the process.
    pub(crate) fn fresh<'a>(&'a self, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if self.ids.is_empty() {
            return &self.text;
        }
        buffer.clear();
        buffer.extend_from_slice(&self.text);
        for at in &self.ids {
            buffer[*at..at + 12].copy_from_slice(format!("{:012x}", NEXT.fetch_add(1, Relaxed)).as_bytes());
        }
        buffer
    }
}

/// Requests that are sent in turn.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) requests: Arc<Vec<Request>>,
    pub(crate) pace: Pace,
    pub(crate) needs_access_token: bool,
}

/// Stands for the access token in a request.
const ACCESS_TOKEN: &str = "@ACCESS-TOKEN@";

/// Returns all attacks.
pub(crate) fn all() -> Vec<Attack> {
    let attack = |name, requests: Vec<Vec<u8>>, pace| Attack {
        name,
        pace,
        needs_access_token: requests
            .iter()
            .any(|text: &Vec<u8>| text.windows(ACCESS_TOKEN.len()).any(|part| part == ACCESS_TOKEN.as_bytes())),
        requests: Arc::new(requests.into_iter().map(Request::new).collect()),
    };
    let fast = |name, requests| attack(name, requests, Pace::Fast);
    let slow = |name, requests| attack(name, requests, Pace::Slow);
    let (nested, compressed) = (nested_lists(), compressed());
    let everywhere = |body: &str| PATHS.iter().map(|path| post(path, "", body)).collect();
    vec![
        fast("nested lists of 5 MB, unknown token", everywhere(&format!(r#"{{"token":"unknown","x":[{nested}]}}"#))),
        fast("nested lists of 5 MB, token at the end", everywhere(&format!(r#"{{"x":[{nested}],"token":"unknown"}}"#))),
        fast("nested lists of 5 MB, public token", everywhere(&format!(r#"{{"token":"token","x":[{nested}],"events":[]}}"#))),
        fast(
            "a million repeated keys, public token",
            everywhere(&format!(r#"{{"token":"token",{}"events":[]}}"#, r#""x":1,"#.repeat(800_000))),
        ),
        fast("deep nesting, public token", everywhere(&format!(r#"{{"token":"token","x":{}"#, "[".repeat(MAX_BODY_BYTES - 100)))),
        fast("one string of 5 MB with escapes", everywhere(&format!(r#"{{"token":"token","x":"{}"}}"#, r"\u0041".repeat(870_000)))),
        fast("calls with 40,000 tags, unknown token", vec![calls("unknown", "tag", &tags(40_000))]),
        fast("calls with 40,000 tags, public token", vec![calls("token", "tag", &tags(40_000))]),
        fast("calls with 40,000 lines, public token", vec![calls("token", "basket_update", &lines(40_000))]),
        fast("unsigned customer with 40,000 tags", vec![post("/customer", "", &customer(40_000))]),
        fast("unsigned customer with 900 tags", vec![post("/customer", "", &customer(900))]),
        fast("batches of 500 events of one visitor", (0..8).map(|at| batch(at, 500, 8_000, false)).collect()),
        fast("batches of 500 events of 500 visitors", (0..8).map(|at| batch(at, 500, 8_000, true)).collect()),
        fast("events of 60 KB of tags of one visitor", (0..8).map(tag_batch).collect()),
        fast("half a MB that decompresses to 512 MB", vec![post_bytes("/v2/batch", "", &compressed)]),
        fast("the same with Content-Encoding", vec![post_bytes("/v2/batch", "content-encoding: gzip\r\n", &compressed)]),
        fast("a head of 60 KB", vec![post("/v2/batch", &format!("x-forwarded-for: {}\r\n", "1.2.3.4, ".repeat(6_000)), "{}")]),
        fast("a wrong signature over 5 MB", vec![post("/v2/order/batch", "x-digest: 00\r\n", &one_string("token"))]),
        fast("5 MB that are no JSON", everywhere(&"x".repeat(MAX_BODY_BYTES))),
        fast("a token request of 5 MB", vec![post("/oauth/token", "content-type: application/json\r\n", &format!("[{nested}]"))]),
        fast("small requests with an unknown token", vec![post("/v2/batch", "", r#"{"token":"unknown","events":[]}"#)]),
        fast("reports of dropped events", vec![post("/v2/batch", "", r#"{"token":"token","events":[],"dropped":1}"#)]),
        fast("readiness probes", vec![b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()]),
        slow("1,000 bodies of 5 MB, two bytes a second", vec![post("/v2/batch", "", &"x".repeat(MAX_BODY_BYTES))]),
        slow("1,000 bodies of unknown length, slow", vec![unknown_length()]),
        slow("1,000 heads, two bytes a second", vec![format!("GET /x HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(60_000)).into_bytes()]),
        fast("free text with 60 stars, access token", vec![free_text()]),
    ]
}

/// The public endpoints that read a body.
const PATHS: &[&str] =
    &["/v2/batch", "/v2/calls", "/customer", "/v2/customer/batch", "/v2/order/batch", "/page/view", "/api/track?token=token"];

pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    post_bytes(path, headers, body.as_bytes())
}

fn post_bytes(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A body of half a megabyte that decompresses to 512 MB.
fn compressed() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&spaces).expect("memory");
    }
    encoder.finish().expect("memory")
}

/// A search that must try many ways to match each record, and matches none.
fn free_text() -> Vec<u8> {
    let pattern = "a*".repeat(60);
    let search = r#""search":{"limit":10,"sort":"asc","sort_by":"order.placed_at","fields":["order.id"]}"#;
    let period = r#""date_from":"2021-01-01T00:00:00Z","date_to":"2021-12-31T23:59:00Z","date_field":"placed_at""#;
    let body = format!(r#"{{{search},"filter":{{"order":{{{period},"aggregated_details":{{"query":"{pattern}b"}}}}}}}}"#);
    let kind = "accept: application/vnd.api.v1+json\r\ncontent-type: application/vnd.api+json\r\n";
    post("/metrics/orders/search", &format!("authorization: Bearer {ACCESS_TOKEN}\r\n{kind}"), &body)
}

/// A body of one string, which costs little but its signature.
fn one_string(token: &str) -> String {
    let start = format!(r#"{{"token":"{token}","time":1795868558845,"batch":[],"x":""#);
    format!(r#"{start}{}"}}"#, "x".repeat(MAX_BODY_BYTES - start.len() - 2))
}

fn unknown_length() -> Vec<u8> {
    let head = "POST /v2/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{}", "1\r\n{\r\n".repeat(1_000)).into_bytes()
}

fn nested_lists() -> String {
    let unit = format!("{}{},", "[".repeat(100), "]".repeat(100));
    let mut lists = unit.repeat((MAX_BODY_BYTES - 200) / unit.len());
    lists.pop();
    lists
}

fn tags(count: usize) -> String {
    let list: String = (0..count).map(|at| format!("${:x}{U}", at + 0x10000)).collect();
    format!("{{:tags{U}[{list}]}}")
}

fn lines(count: usize) -> String {
    let list: String = (0..count).map(|at| format!("{{:product_id{U}${:x}{U}}}", at + 0x10000)).collect();
    format!("{{:lines{U}[{list}]}}")
}

fn calls(token: &str, kind: &str, params: &str) -> Vec<u8> {
    let seed = "ab".repeat(21);
    let call = format!(
        "{{:time{U}#1795868558845{U}:type{U}${kind}{U}:seed{U}${seed}{U}:api{U}$tillroll{U}:url{U}$https://shop/{U}:params{U}{params}}}"
    );
    post("/v2/calls", "", &format!("{{:token{U}${token}{U}:visitor{U}$5f2{U}:session{U}${U}:calls{U}[{call}]}}"))
}

fn customer(tags: usize) -> String {
    let list: Vec<String> = (0..tags).map(|at| format!("\"{at:x}\"")).collect();
    format!(
        r#"{{"token":"token","time":1795868558845,"params":{{"email":"a@x.com","createdAt":1795868558845,"tags":[{}]}}}}"#,
        list.join(",")
    )
}

/// A batch of basket steps, each with this many bytes of parameters.
fn batch(number: usize, events: usize, bytes: usize, is_many_visitors: bool) -> Vec<u8> {
    let padding = "p".repeat(bytes.saturating_sub(400));
    let list: Vec<String> = (0..events)
        .map(|at| {
            let visitor = if is_many_visitors { number * events + at } else { 7 };
            format!(r#"{{"id":"{ID_PREFIX}000000000000","type":"basket_add","api":"tillroll","time":1795868558845,"visitorId":"{visitor:042x}","params":{{"product_id":"{at}{padding}","quantity":1}}}}"#)
        })
        .collect();
    post("/v2/batch", "", &format!(r#"{{"token":"token","events":[{}]}}"#, list.join(",")))
}

fn tag_batch(number: usize) -> Vec<u8> {
    let event = |at: usize| {
        let tags: Vec<String> = (0..6_000).map(|tag| format!("\"{:x}\"", (number * 20 + at) * 6_000 + tag + 0x100000)).collect();
        let tags = tags.join(",");
        format!(
            r#"{{"id":"{ID_PREFIX}000000000000","type":"tag","api":"tillroll","time":1795868558845,"visitorEmail":"a@x.com","params":{{"tags":[{tags}]}}}}"#
        )
    };
    let list: Vec<String> = (0..20).map(event).collect();
    post("/v2/batch", "", &format!(r#"{{"token":"token","events":[{}]}}"#, list.join(",")))
}
