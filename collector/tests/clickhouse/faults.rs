//! Kills and outages: nothing is lost, nothing is twice, and events are stored meanwhile.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::api_client::{import, order, query, query_with, send, token, totals, year};
use super::database::Database;
use super::server::{Client, ServerProcess, basic, identify, until, view};

fn start(folder: &std::path::Path, address: &str) -> ServerProcess {
    ServerProcess::start(folder, &["--project", "t:secret", "--metrics-days", "4000", "--analytics", address])
}

fn with_lines(id: &str, amount: f64) -> Value {
    let mut record = order(id, amount);
    record["line_items"] = json!([{"item_id": "a", "code": "A", "item_type": "skus", "quantity": 1}, {"item_id": "b", "quantity": 2}]);
    record
}

fn quantities(client: &Client) -> Value {
    let body = json!({"stats": {"field": "line_items.quantity", "operator": "sum"}, "filter": {"order": year()}});
    query(client, "orders/stats", &body)["data"]["value"].clone()
}

fn events(client: &Client) -> Value {
    let period = json!({"date_from": "2020-09-01T00:00:00Z", "date_to": "2030-12-31T23:59:00Z"});
    let body = json!({"stats": {"field": "event.id", "operator": "value_count"}, "filter": {"event": period}});
    query(client, "events/stats", &body)["data"]["value"].clone()
}

#[test]
fn kill_between_two_statements_of_a_batch_neither_loses_nor_duplicates() {
    let mut database = Database::start();
    let (folder, address) = (tempfile::tempdir().unwrap(), database.create("shop"));
    let mut server = start(folder.path(), &address);
    import(&server.client, "orders", &[with_lines("0", 1.0), with_lines("again", 1.0)]);
    assert_eq!(totals(&server.client)["sum"], 2.0);
    let statements =
        ["INTO changed", "INTO gone", "INTO orders (", "INTO orders__line_items (", "INTO events", "INTO visits", "INTO projection"];
    for (round, statement) in (1..).zip(statements) {
        database.post("/hold", statement);
        server.client.store(&[view(round, round, "visitor")]);
        import(&server.client, "orders", &[with_lines(&round.to_string(), 1.0), with_lines("again", 1.0)]);
        database.post("/wait", "");
        // The statement that the database holds back never runs if the database dies too.
        drop(server);
        if round % 2 == 0 {
            database.kill();
            database.restart();
        }
        server = start(folder.path(), &address);
        let count = round + 2;
        let found = totals(&server.client);
        assert_eq!((&found["count"], &found["sum"]), (&json!(count), &json!(count as f64)), "after {statement}");
        assert_eq!(quantities(&server.client), json!((3 * count) as f64), "after {statement}");
        assert_eq!(events(&server.client), round, "after {statement}");
        // Or it runs late.
        database.post("/release", "");
        assert_eq!(totals(&server.client)["count"], count, "after {statement}");
    }
}

#[test]
fn without_the_database_events_are_stored_and_queries_refused_until_it_is_back() {
    let mut database = Database::start();
    let (folder, address) = (tempfile::tempdir().unwrap(), database.create("shop"));
    database.kill();
    let server = start(folder.path(), &address);
    let client = &server.client;
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": year()}});
    let ask = || {
        let authorization = format!("Bearer {}", token(client, ""));
        let (accept, kind) = (super::api_client::ACCEPT, super::api_client::CONTENT_TYPE);
        send(client, "POST", "/metrics/orders/stats", &[accept, kind, ("authorization", &authorization)], &body.to_string())
    };
    let assert_refused = || {
        import(client, "orders", &[order("1", 1.0)]);
        let (status, response) = ask();
        assert_eq!(status, 503, "{response}");
        assert!(response.to_string().contains("analytics database is not available"), "{response}");
        let metrics = client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
        assert!(metrics.contains("tillroll_projection_lag_changes"), "{metrics}");
    };
    assert_refused();
    database.restart();
    until("the database is used once it is there", || ask().0 == 200);
    assert_eq!(query_with(client, &token(client, ""), "orders/stats", &body).1["data"]["value"], 1);
    database.kill();
    assert_refused();
    assert_eq!(client.store(&[identify(1, 1, "v", "a@b.c")]), (1, 0));
    import(client, "orders", &[order("2", 1.0)]);
    database.restart();
    until("the projection catches up", || ask().1["data"]["value"] == 2);
}

#[test]
fn erased_person_leaves_responses_at_once_and_the_tables_soon() {
    let database = Database::start();
    let (folder, address) = (tempfile::tempdir().unwrap(), database.create("shop"));
    let server = start(folder.path(), &address);
    let client = &server.client;
    let mut record = with_lines("1", 5.0);
    record["customer"] = json!({"email": "jo@secret.example"});
    record["billing_address"] = json!({"first_name": "Josephine"});
    import(client, "orders", &[record, with_lines("2", 7.0)]);
    client.store(&[view(1, 1, "phone-of-jo"), identify(2, 2, "phone-of-jo", "jo@secret.example"), view(3, 3, "other")]);
    let traces = ["jo@secret", "phone-of-jo", "Josephine"];
    let stored = || {
        let names = database.execute("SELECT name FROM system.tables WHERE database = 'shop'");
        names.lines().map(|name| database.execute(&format!("SELECT * FROM shop.{name}"))).collect::<String>()
    };
    assert_eq!(totals(client)["count"], 2);
    let before = stored();
    assert!(traces.iter().all(|trace| before.contains(trace)), "{before}");
    let (status, response) = send(client, "DELETE", "/customers/jo@secret.example", &[("authorization", &basic("t", "secret"))], "");
    assert_eq!(status, 200, "{response}");
    let body = json!({"search": {"fields": ["order.*", "customer.*", "billing_address.*"]}, "filter": {"order": year()}});
    let orders = query(client, "orders/search", &body)["data"].to_string();
    assert!(traces.iter().all(|trace| !orders.contains(trace)), "{orders}");
    until("the tables contain nothing of the person", || {
        let now = stored();
        traces.iter().all(|trace| !now.contains(trace))
    });
    assert_eq!(totals(client)["sum"], 12.0);
}

/// Sends a query without waiting for its answer.
fn begin(client: &Client, path: &str, body: &Value) -> TcpStream {
    let (address, body) = (client.url("").replace("http://", ""), body.to_string());
    let head = format!(
        "POST /metrics/{path} HTTP/1.1\r\nhost: {address}\r\naccept: application/vnd.api.v1+json\r\ncontent-type: application/vnd.api+json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        token(client, ""),
        body.len()
    );
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

#[test]
fn all_statements_of_a_query_whose_client_has_left_are_named_to_the_database() {
    let database = Database::start();
    let (folder, address) = (tempfile::tempdir().unwrap(), database.create("shop"));
    let server = start(folder.path(), &address);
    let client = &server.client;
    import(client, "orders", &[order("1", 1.0)]);
    assert_eq!(totals(client)["count"], 1);
    database.post("/hold", "orders");
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": year()}});
    let stream = begin(client, "orders/stats", &body);
    let held = database.post("/wait", "");
    let (id, _) = held.split_once('\n').unwrap();
    assert!(!id.is_empty(), "{held}");
    database.post("/hold", "KILL QUERY");
    drop(stream);
    let kill = database.post("/wait", "");
    assert!(kill.contains(&format!("'{id}'")), "{kill}");
    database.post("/release", "");
    assert_eq!(totals(client)["count"], 1);
}

#[test]
fn statements_end_in_the_database_when_the_client_leaves_or_the_collector_is_killed() {
    /// A breakdown by two arrays that measures a third one joins all their elements with each other: 500 billion rows.
    const ELEMENTS: usize = 8_000;
    let database = Database::start();
    let (folder, address) = (tempfile::tempdir().unwrap(), database.create("shop"));
    let server = start(folder.path(), &address);
    let mut large = order("1", 1.0);
    for (array, element) in [("line_items", json!({"code": "x"})), ("tags", json!({"name": "x"})), ("refunds", json!({"amount": 1}))] {
        large[array] = vec![element; ELEMENTS].into();
    }
    import(&server.client, "orders", &[large]);
    assert_eq!(totals(&server.client)["count"], 1);
    let of_query = "SELECT count() FROM system.processes WHERE query LIKE '%orders__refunds%' AND query NOT LIKE '%system.processes%'";
    let running = || database.execute(of_query).trim().parse::<u32>().unwrap();
    let inner = json!({"by": "tags.name", "field": "refunds.amount", "operator": "sum"});
    let body = json!({"breakdown": {"by": "line_items.code", "field": "refunds.amount", "operator": "sum", "breakdown": inner},
        "filter": {"order": year()}});
    let stream = begin(&server.client, "orders/breakdown", &body);
    until("the database works on the query", || running() > 0);
    drop(stream);
    until("the database has stopped", || running() == 0);
    let _stream = begin(&server.client, "orders/breakdown", &body);
    until("the database works on the query", || running() > 0);
    drop(server);
    until("the database has stopped", || running() == 0);
}
