//! Forwarding: what is handed to a vendor's server with the shop's credentials, depending on the sender. And to a server that fails: every event
//! arrives, in order, and clients of the collector do not wait for it.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{ServerProcess, basic, id, read_json};
use crate::vendor::{Reaction, Received, Vendor};

fn start(folder: &std::path::Path, url: &str) -> ServerProcess {
    start_with(folder, url, &[])
}

fn start_with(folder: &std::path::Path, url: &str, flags: &[&str]) -> ServerProcess {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    command.arg("serve").env("TILLROLL_OMETRIA_CREDENTIALS", "name:secret");
    ServerProcess::run(&mut command, folder, &[&["--project", "t:secret", "--forward-ometria", url], flags].concat())
}

fn event(number: u64, api: &str, kind: &str, params: Value) -> Value {
    json!({"id": id(number), "type": kind, "api": api, "time": number, "visitorId": "ab", "sessionId": "s", "params": params})
}

fn basket(number: u64) -> Value {
    event(number, "ometria", "basket_add", json!({"product_id": number.to_string(), "quantity": 1}))
}

#[test]
fn failing_server_receives_every_event_in_order() {
    const BAD_REQUEST: Reaction = Reaction::Respond("400 Bad Request");
    static REACTIONS: [Reaction; 7] = [
        Reaction::CloseConnection,
        Reaction::Respond("500 Internal Server Error"),
        Reaction::Respond("429 Too Many Requests\r\nretry-after: 1"),
        Reaction::Respond("401 Unauthorized"),
        Reaction::Accept,
        BAD_REQUEST,
        Reaction::CloseConnection,
    ];
    let folder = tempfile::tempdir().unwrap();
    // The vendor's server does not accept connections yet; the collector still stores events.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = start(folder.path(), &format!("http://{}/api/track", listener.local_addr().unwrap()));
    let basket_update = json!({"lines": [{"product_id": "p", "quantity": 2, "price": 1}], "total": 2, "currency": "GBP",
        "changes": [{"product_id": "p", "from": 0, "to": 2}, {"product_id": "q", "from": 3, "to": 0}]});
    program.client.store(&[
        event(1, "ometria", "page_view", json!({"url": "https://shop.example/", "page_type": "homepage"})),
        event(2, "metrilo", "basket_add", json!({"product_id": "p", "quantity": 1})),
        basket(3),
        event(4, "ometria", "basket_update", basket_update),
        basket(5),
    ]);
    let vendor = Vendor::open(listener, &REACTIONS);
    let requests = vendor.receive_until_accepted(&id(5));
    let ids_with = |reaction: Reaction| -> Vec<&str> {
        let matching = requests.iter().filter(|request| request.reaction == reaction);
        matching.map(|request| request.body["request_id"].as_str().unwrap()).collect()
    };
    let basket_update_ids = [format!("{}-0", id(4)), format!("{}-1", id(4))];
    assert_eq!(ids_with(Reaction::Accept), [&id(1), &basket_update_ids[0], &basket_update_ids[1], &id(5)]);
    assert_eq!(ids_with(BAD_REQUEST), [id(3)]);
    assert!(requests.iter().all(|request| request.authorization == basic("name", "secret")));
    let page = &requests[0].body;
    assert_eq!(page["user"], json!({"uid": "ab", "sid": "s"}));
    assert_eq!((&page["scope"], &page["context"]["page_url"]), (&json!("view"), &json!("https://shop.example/")));
    let metrics = program.client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
    assert!(metrics.contains("tillroll_forwarded_total{result=\"refused\"} 1"), "{metrics}");
}

#[test]
fn forwarding_resumes_at_its_position_after_a_kill() {
    const EVENTS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let mut program = start(folder.path(), &vendor.url);
    program.client.store(&(1..=EVENTS).map(basket).collect::<Vec<_>>());
    let mut requests = Vec::new();
    for last in [EVENTS / 3, EVENTS / 2] {
        requests.extend(vendor.receive_until_accepted(&id(last)));
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        program = start(folder.path(), &vendor.url);
    }
    requests.extend(vendor.receive_until_accepted(&id(EVENTS)));
    let mut ids: Vec<_> = requests.iter().map(|request| request.body["request_id"].as_str().unwrap().to_owned()).collect();
    // Each of the two kills may repeat the request that the vendor answered last, and no other.
    assert!(ids.len() as u64 <= EVENTS + 2, "{} requests", ids.len());
    ids.dedup();
    assert_eq!(ids, (1..=EVENTS).map(id).collect::<Vec<_>>());
}

#[test]
fn events_stored_before_forwarding_is_enabled_are_not_forwarded() {
    let folder = tempfile::tempdir().unwrap();
    let before = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    before.client.store(&[basket(1)]);
    drop(before);
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let program = start(folder.path(), &vendor.url);
    program.client.store(&[basket(2)]);
    assert_eq!(vendor.receive_until_accepted(&id(2)).len(), 1);
}

fn result_count(program: &ServerProcess, result: &str) -> f64 {
    program.client.metric(&format!("tillroll_forwarded_total{{result=\"{result}\"}}"))
}

fn request_ids(requests: &[Received]) -> Vec<&str> {
    requests.iter().map(|request| request.body["request_id"].as_str().unwrap()).collect()
}

const UNAVAILABLE: Reaction = Reaction::Respond("503 Service Unavailable");

#[test]
fn event_that_the_server_always_answers_with_5xx_is_set_aside_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let refused = id(1);
    let react = move |body: &Value| if body["request_id"] == refused { UNAVAILABLE } else { Reaction::Accept };
    let vendor = Vendor::reacting(TcpListener::bind("127.0.0.1:0").unwrap(), react);
    let program = start_with(folder.path(), &vendor.url, &["--forward-retry", "0s"]);
    program.client.store(&[basket(1), basket(2), basket(3)]);
    // The second request of the first event is the last attempt, made because the server accepted another event.
    assert_eq!(request_ids(&vendor.receive_until_accepted(&id(3))), [id(1), id(2), id(1), id(3)]);
    assert_eq!(["set_aside", "dropped"].map(|result| result_count(&program, result)), [1.0, 1.0]);
}

#[test]
fn long_outage_of_the_server_loses_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[UNAVAILABLE, UNAVAILABLE]);
    let program = start_with(folder.path(), &vendor.url, &["--forward-retry", "0s"]);
    program.client.store(&[basket(1), basket(2), basket(3)]);
    assert_eq!(request_ids(&vendor.receive_until_accepted(&id(2))), [id(1), id(2), id(3), id(1), id(2)]);
    assert_eq!(["set_aside", "dropped"].map(|result| result_count(&program, result)), [2.0, 0.0]);
}

#[test]
fn event_that_the_server_never_answers_is_set_aside_and_dropped_after_three_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let refused = id(1);
    let react = move |body: &Value| if body["request_id"] == refused { Reaction::CloseConnection } else { Reaction::Accept };
    let vendor = Vendor::reacting(TcpListener::bind("127.0.0.1:0").unwrap(), react);
    let program = start_with(folder.path(), &vendor.url, &["--forward-retry", "0s"]);
    program.client.store(&(1..=6).map(basket).collect::<Vec<_>>());
    let requests = vendor.receive_until_accepted(&id(6));
    let attempts = request_ids(&requests).iter().filter(|request| **request == id(1)).count();
    assert_eq!(attempts, 4, "{:?}", request_ids(&requests));
    assert_eq!(["set_aside", "dropped"].map(|result| result_count(&program, result)), [1.0, 1.0]);
}

#[test]
fn events_that_are_set_aside_survive_a_kill_and_an_erased_one_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[UNAVAILABLE, UNAVAILABLE]);
    let mut program = start_with(folder.path(), &vendor.url, &["--forward-retry", "0s"]);
    let mut erased = basket(2);
    erased.as_object_mut().unwrap().remove("visitorId");
    erased["visitorEmail"] = json!("a@x.com");
    program.client.store(&[basket(1), erased]);
    crate::server::until("both are set aside", || result_count(&program, "set_aside") > 1.5);
    assert_eq!(program.client.delete("/customers/a@x.com", &[("authorization", &basic("t", "secret"))]).status(), 200);
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    program = start_with(folder.path(), &vendor.url, &["--forward-retry", "0s"]);
    program.client.store(&[basket(3), basket(4)]);
    assert_eq!(request_ids(&vendor.receive_until_accepted(&id(4))), [id(1), id(2), id(3), id(1), id(4)]);
    assert_eq!(result_count(&program, "dropped"), 1.0);
}

/// Who sends an event.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    /// A page, with calls of Ometria's library.
    Page,
    /// A page that names the headless API.
    PageAsHeadless,
    /// A program with the public token, through the headless API.
    Token,
    BotPage,
    BotToken,
    Owner,
}

/// The scope and the action of a headless request, and the type of the event that a page sends for it.
type Action = (&'static str, &'static str, &'static str);

const ACTIONS: [Action; 5] = [
    ("view", "page", "page_view"),
    ("basket", "add", "basket_add"),
    ("order", "add", "order"),
    ("order", "cancel", "order_cancel"),
    ("order", "return", "order_return"),
];

/// A response, and whether the event is forwarded.
type Response = (&'static str, bool);

/// What each sender gets in response, for views and baskets and for orders: the status, or the code of a rejection; and whether the event is
/// forwarded.
const ALLOWED: [(Sender, Response, Response); 6] = [
    (Sender::Page, ("200", true), ("200", false)),
    (Sender::PageAsHeadless, ("headless_from_page", false), ("headless_from_page", false)),
    (Sender::Token, ("200", true), ("401", false)),
    (Sender::BotPage, ("200", false), ("200", false)),
    (Sender::BotToken, ("200", false), ("401", false)),
    (Sender::Owner, ("200", true), ("200", true)),
];

const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// Sends an action that names `name`, and returns the status or the code of the rejection.
fn send(program: &ServerProcess, number: u64, sender: Sender, (scope, action, kind): Action, name: &str) -> String {
    let authorization = basic("t", "secret");
    let is_bot = matches!(sender, Sender::BotPage | Sender::BotToken);
    let mut headers = vec![("user-agent", if is_bot { BOT } else { "Mozilla/5.0" })];
    let (path, body) = match sender {
        Sender::Page | Sender::PageAsHeadless | Sender::BotPage => {
            let api = if sender == Sender::PageAsHeadless { "headless" } else { "ometria" };
            let params = json!({"url": name, "product_id": name, "quantity": 1, "order_id": name});
            ("/v2/batch", json!({"token": "t", "events": [event(number, api, kind, params)]}))
        }
        Sender::Token | Sender::BotToken | Sender::Owner => {
            let data = json!({"product_id": name, "quantity": 1, "order_id": name, "name": name});
            let body = json!({"scope": scope, "action": action, "user": {"uid": "u"}, "data": data, "context": {"page_url": name}});
            (if sender == Sender::Owner { "/api/track" } else { "/api/track?token=t" }, body)
        }
    };
    if sender == Sender::Owner {
        headers.push(("authorization", &authorization));
    }
    let mut answer = program.client.post_with(path, &headers, &body.to_string());
    let read = read_json(&mut answer);
    read["rejected"][0]["code"].as_str().map_or_else(|| answer.status().as_str().to_owned(), str::to_owned)
}

#[test]
fn each_sender_has_forwarded_what_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::open(TcpListener::bind("127.0.0.1:0").unwrap(), &[]);
    let program = start(folder.path(), &vendor.url);
    let (mut expected, mut number) = (Vec::new(), 0);
    for (sender, visit, order) in ALLOWED {
        for action in ACTIONS {
            let name = format!("https://shop.example/{sender:?}/{}", action.2);
            let (response, is_forwarded) = if action.0 == "order" { order } else { visit };
            number += 1;
            assert_eq!(send(&program, number, sender, action, &name), response, "{sender:?} {action:?}");
            expected.extend(is_forwarded.then(|| (action.0.to_owned(), name)));
        }
    }
    program.client.store(&[basket(99)]);
    let mut forwarded = vendor.receive_until_accepted(&id(99));
    forwarded.pop();
    let named = |request: &Received| {
        let (body, scope) = (&request.body, request.body["scope"].as_str().unwrap());
        let name = match scope {
            "view" => &body["context"]["page_url"],
            "basket" => &body["data"]["product_id"],
            _ => &body["data"]["order_id"],
        };
        (scope.to_owned(), name.as_str().unwrap().to_owned())
    };
    assert_eq!(forwarded.iter().map(named).collect::<Vec<_>>(), expected);
}
