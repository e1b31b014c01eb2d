//! The initial corpus: requests of real senders, from the tables of the other tests.

use serde_json::Value;

const TABLES: &[&str] = &[
    include_str!("../../../tests/compat/metrilo-backend/digest.json"),
    include_str!("../../../tests/compat/metrilo-backend/customers.json"),
    include_str!("../../../tests/compat/metrilo-backend/catalogue.json"),
    include_str!("../../../tests/compat/metrilo-backend/orders.json"),
    include_str!("../../../tests/compat/metrilo-backend/carts.json"),
    include_str!("../../../tests/compat/metrilo-backend/calls.json"),
    include_str!("../../../tests/compat/ometria-headless/track.json"),
];

/// Returns the bodies of all requests in the tables.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for table in TABLES {
        let cases: Vec<Value> = serde_json::from_str(table).unwrap();
        for request in cases.iter().filter_map(|case| case["requests"].as_array()).flatten() {
            let text = request["text"].as_str().map(str::to_owned);
            let whole = |body: &Value| {
                let mut body = body.clone();
                body["token"] = "t".into();
                if body["time"].is_null() {
                    body["time"] = 1_600_000_000_000_u64.into();
                }
                body.to_string()
            };
            found.extend(
                text.or_else(|| Some(request["body"].clone()).filter(Value::is_object).map(|body| whole(&body))).map(String::into_bytes),
            );
        }
    }
    found
}

/// Returns the bodies of metrics requests.
pub(crate) fn queries() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for table in [include_str!("../metrics_http/requests.json"), include_str!("../metrics_http/invalid_requests.json")] {
        collect(&serde_json::from_str(table).unwrap(), &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<Vec<u8>>) {
    let Value::Object(members) = value else {
        return value.as_array().into_iter().flatten().for_each(|element| collect(element, found));
    };
    if ["breakdown", "date_breakdown", "stats", "search", "filter"].iter().any(|name| members.contains_key(*name)) {
        found.push(value.to_string().into_bytes());
    }
    members.values().for_each(|member| collect(member, found));
}

/// Returns lines of exports and imports.
pub(crate) fn lines() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for table in TABLES {
        let cases: Vec<Value> = serde_json::from_str(table).unwrap();
        for list in cases.iter().filter_map(|case| case["state"].as_object()).flat_map(|state| state.values()) {
            found.extend(list.as_array().into_iter().flatten().map(|thing| thing.to_string().into_bytes()));
        }
    }
    found.push(br#"{"cursor":"e1","id":"01890a5d-0000-7000-8000-000000000001","type":"basket_add","api":"headless","time":5,"received_at":6,"visitor_id":null,"email":null,"session_id":null,"store_id":"s","page":{"url":"","referrer":"","title":""},"params":{"product_id":"2","quantity":1}}"#.to_vec());
    found.push(br#"{"id":"o","status":"placed","total_amount_with_taxes":1.5,"placed_at":"2021-06-01T10:00:00Z","line_items":[{"code":"c","quantity":1}]}"#.to_vec());
    found
}

/// Returns texts as inputs.
pub(crate) fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
