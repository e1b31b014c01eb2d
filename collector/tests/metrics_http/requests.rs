//! Requests of public clients on a few records, with their complete responses.

use serde_json::{Value, json};

use super::api_client::{import, order, query, year};
use super::server::TestServer;

/// Each case: a title, a path, a body, and the `data` of the response.
#[test]
fn public_requests_get_the_documented_responses() {
    assert_responses(include_str!("requests.json"));
}

/// The examples of `docs/metrics.md`.
#[test]
fn arrays_are_grouped_as_documented() {
    assert_responses(include_str!("arrays.json"));
}

fn assert_responses(cases: &str) {
    let cases: Value = serde_json::from_str(cases).unwrap();
    let server = TestServer::start_today();
    for resource in ["orders", "carts", "returns"] {
        let records = cases["records"][resource].as_array().unwrap();
        let response = import(&server.client, resource, records);
        assert_eq!(response, json!({"accepted": records.len(), "rejected": [], "ignored": 0}), "{resource}");
    }
    for case in cases["cases"].as_array().unwrap() {
        let response = query(&server.client, case["path"].as_str().unwrap(), &case["body"]);
        assert_eq!(response["data"], case["data"], "{}", case["title"]);
        let kind = case["path"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!((&response["meta"]["type"], &response["meta"]["mode"]), (&json!(kind), &json!("live")));
        assert_eq!((&response["meta"]["organization_id"], &response["meta"]["market_ids"]), (&json!("t"), &json!([])));
        assert_eq!(response["meta"]["pagination"].is_object(), kind == "search");
        assert!(response["meta"].get("payload").is_none());
    }
}

#[test]
fn filters_hold_at_the_largest_amounts() {
    const LARGEST: f64 = 9.2e12;
    let server = TestServer::start_today();
    import(&server.client, "orders", &[order("least", -LARGEST), order("one", 1.0), order("most", LARGEST)]);
    for (condition, expected) in [
        (json!({"eq": LARGEST}), json!(["most"])),
        (json!({"gte": LARGEST}), json!(["most"])),
        (json!({"gt": LARGEST}), json!([])),
        (json!({"lt": LARGEST}), json!(["least", "one"])),
        (json!({"lte": LARGEST}), json!(["least", "most", "one"])),
        (json!({"ne": LARGEST}), json!(["least", "one"])),
        (json!({"eq": -LARGEST}), json!(["least"])),
        (json!({"gt": -LARGEST}), json!(["most", "one"])),
        (json!({"gte": -LARGEST}), json!(["least", "most", "one"])),
        (json!({"lt": -LARGEST}), json!([])),
        (json!({"lte": -LARGEST}), json!(["least"])),
        (json!({"ne": -LARGEST}), json!(["most", "one"])),
        (json!({"gt_lt": [-1e300, 1e300]}), json!(["least", "most", "one"])),
        (json!({"gt": 1e13}), json!([])),
        (json!({"lt": -1e13}), json!([])),
    ] {
        let mut dates = year();
        dates["total_amount_with_taxes"] = condition.clone();
        let body = json!({"search": {"fields": ["order.id"]}, "filter": {"order": dates}});
        let found = query(&server.client, "orders/search", &body)["data"].as_array().unwrap().clone();
        let mut ids: Vec<_> = found.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        assert_eq!(json!(ids), expected, "{condition}");
    }
}

#[test]
fn end_without_a_fraction_includes_its_second() {
    let server = TestServer::start_today();
    let mut late = order("late", 1.0);
    late["current_date"] = json!("2021-06-01T10:00:59.700Z");
    import(&server.client, "orders", &[order("one", 1.0), late]);
    for (to, expected) in [("2021-06-01T10:00:59Z", 1), ("2021-06-01T10:00:59.600Z", 0), ("2021-06-01T10:00:59.700Z", 1)] {
        let dates = json!({"date_from": "2021-06-01T10:00:59.500Z", "date_to": to});
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": dates}});
        assert_eq!(query(&server.client, "orders/stats", &body)["data"]["value"], expected, "{to}");
    }
}

#[test]
fn free_text_finds_whole_words_of_any_script() {
    let server = TestServer::start_today();
    let names = [("hindi", "नमस्ते"), ("greek", "ΣΟΦΟΣΤΕ ΛΟΓΟΣ"), ("accent", "Cafe\u{301} Noir"), ("heart", "gift\u{2764}\u{fe0f}")];
    let named = |(id, name): &(&str, &str)| {
        let mut named = order(id, 1.0);
        named["customer"] = json!({"group_name": name, "email": format!("{id}@x.com")});
        named
    };
    import(&server.client, "orders", &names.iter().map(named).collect::<Vec<_>>());
    let persons: Vec<_> = names.iter().map(|(id, name)| json!({"email": format!("{id}@x.com"), "firstName": name})).collect();
    import(&server.client, "customers", &persons);
    for (text, expected) in [
        ("नमस्ते", Some("hindi")),
        ("नमस्त", None),
        ("नमस*", Some("hindi")),
        ("ΣΟΦΟΣ*", Some("greek")),
        ("σοφος*", Some("greek")),
        ("λογοσ", Some("greek")),
        ("cafe", None),
        ("CAFE\u{301}", Some("accent")),
        ("gift", Some("heart")),
        (&"*noir* ".repeat(200), Some("accent")),
        (&format!("noir {}", "*a".repeat(400)), Some("accent")),
    ] {
        for (resource, group) in [("orders", "order"), ("customers", "customer")] {
            let mut filter = year();
            filter["aggregated_details"] = json!({"query": text});
            let body = json!({"search": {"fields": ["customer.email"]}, "filter": {group: filter}});
            let found = query(&server.client, &format!("{resource}/search"), &body)["data"].clone();
            let emails: Vec<_> =
                found.as_array().unwrap().iter().map(|one| one["customer"]["email"].as_str().or(one["email"].as_str())).collect();
            assert_eq!(
                emails,
                Vec::from_iter(expected.map(|id| Some(format!("{id}@x.com"))).iter().map(Option::as_deref)),
                "{resource} {text}"
            );
        }
    }
}

#[test]
fn search_that_names_a_field_many_times_shows_it_once() {
    let server = TestServer::start_today();
    import(&server.client, "orders", &[json!({"id": "1", "status": "placed", "current_date": "2021-06-01T10:00:00Z"})]);
    let dates = json!({"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:00Z"});
    let fields = vec!["attribution.visits_count"; 20_000];
    let body = json!({"search": {"fields": fields}, "filter": {"order": dates}});
    let data = query(&server.client, "orders/search", &body)["data"].clone();
    assert_eq!(data, json!([{"id": "1", "attribution": {"visits_count": 0}}]));
}

#[test]
fn payload_contains_the_defaults() {
    let server = TestServer::start_today();
    let body = json!({
        "breakdown": {"by": "market.name", "field": "order.id", "operator": "value_count",
            "breakdown": {"by": "order.status", "field": "order.id", "operator": "value_count", "limit": 3}},
        "filter": {"order": {"date_from": "2022-11-01T00:00:00Z", "date_to": "2022-11-31T23:59:00Z"}},
        "meta": {"payload": true},
    });
    let expected = json!({
        "breakdown": {"by": "market.name", "field": "order.id", "operator": "value_count", "sort": "desc", "limit": 10,
            "breakdown": {"by": "order.status", "field": "order.id", "operator": "value_count", "sort": "desc", "limit": 3}},
        "filter": {"order": {"date_from": "2022-11-01T00:00:00Z", "date_to": "2022-11-30T23:59:00Z", "date_field": "current_date"}},
    });
    assert_eq!(query(&server.client, "orders/breakdown", &body)["meta"]["payload"], expected);
    let dates = json!({"date_from": "2022-01-01T00:00:00.500Z", "date_to": "2022-01-02T01:00:00.250+01:00", "date_field": "created_at"});
    let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": dates}, "meta": {"payload": true}});
    let expected = json!({"date_from": "2022-01-01T00:00:00.500Z", "date_to": "2022-01-02T00:00:00.250Z", "date_field": "created_at"});
    assert_eq!(query(&server.client, "orders/stats", &body)["meta"]["payload"]["filter"]["order"], expected);
    let body = json!({"search": {"fields": ["order.id"]}, "meta": {"payload": true}});
    let payload = query(&server.client, "carts/search", &body)["meta"]["payload"].clone();
    assert_eq!(payload["search"], json!({"fields": ["order.id"], "limit": 50, "sort": "desc", "sort_by": "cart.current_date"}));
    let dates = &payload["filter"]["order"];
    assert!(dates["date_from"].as_str().unwrap().ends_with("T00:00:00Z") && dates["date_to"].as_str().unwrap().ends_with("T23:59:59Z"));
}

#[test]
fn cursor_stays_valid_while_records_arrive() {
    let server = TestServer::start_today();
    let order = |at: usize| json!({"id": format!("o{at}"), "status": "placed", "current_date": format!("2021-06-{at:02}T10:00:00Z")});
    import(&server.client, "orders", &(1..=5).map(order).collect::<Vec<_>>());
    let mut body = json!({"search": {"fields": ["order.id"], "limit": 2, "cursor": null},
        "filter": {"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z"}}});
    let mut seen = Vec::new();
    for (count, new_order) in [(5, 20), (6, 21), (7, 22)] {
        let response = query(&server.client, "orders/search", &body);
        seen.extend(response["data"].as_array().unwrap().iter().map(|order| order["id"].clone()));
        let pagination = &response["meta"]["pagination"];
        assert_eq!(pagination["record_count"], count);
        body["search"]["cursor"] = pagination["cursor"].clone();
        import(&server.client, "orders", &[order(new_order)]);
    }
    assert_eq!(body["search"]["cursor"], Value::Null);
    assert_eq!(json!(seen), json!(["o5", "o4", "o3", "o2", "o1"]));
}
