//! Questions to the metrics API about what the senders have sent.

use serde_json::{Value, json};

use crate::Collector;

/// The setting of a collector that answers the questions: the longest period of a query.
pub const MAX_PERIOD: (&str, &str) = ("TILLROLL_METRICS_DAYS", "4000");

const MEDIA_TYPES: [(&str, &str); 2] = [("accept", "application/vnd.api.v1+json"), ("content-type", "application/vnd.api+json")];

/// The events, visits, carts and customers, in total and in groups.
const QUESTIONS: [(&str, &str, &str); 8] = [
    ("events/stats", "event", r#"{"stats": {"field": "event.id", "operator": "value_count"}}"#),
    ("events/stats", "event", r#"{"stats": {"field": "visitor.id", "operator": "cardinality"}}"#),
    ("events/breakdown", "event", r#"{"breakdown": {"by": "event.type", "field": "event.id", "operator": "value_count"}}"#),
    ("visits/stats", "visit", r#"{"stats": {"field": "visit.events_count", "operator": "sum"}}"#),
    ("visits/breakdown", "visit", r#"{"breakdown": {"by": "visit.is_bounce", "field": "visit.id", "operator": "value_count"}}"#),
    ("carts/stats", "order", r#"{"stats": {"field": "line_items.quantity", "operator": "sum"}}"#),
    (
        "customers/breakdown",
        "customer",
        r#"{"breakdown": {"by": "customer.email", "field": "customer.visits_count", "operator": "sum", "limit": 100}}"#,
    ),
    (
        "customers/search",
        "customer",
        r#"{"search": {"fields": ["customer.*"], "sort_by": "customer.first_seen_at", "sort": "asc", "limit": 100}}"#,
    ),
];

/// Asks for how many events there are.
pub fn count(node: &Collector) -> Option<u64> {
    let (path, record, body) = QUESTIONS[0];
    let answer: Value = serde_json::from_str(&ask(node, path, record, body)?).ok()?;
    answer["data"]["value"].as_f64().map(|count| count as u64)
}

/// Returns the answers to all questions about what the node has now, without what names the request; None if one of them is refused.
pub fn answers(node: &Collector) -> Option<Vec<String>> {
    QUESTIONS.iter().map(|(path, record, body)| ask(node, path, record, body)).collect()
}

fn ask(node: &Collector, path: &str, record: &str, body: &str) -> Option<String> {
    let mut body: Value = serde_json::from_str(body).ok()?;
    body["filter"] = json!({record: {"date_from": "2020-09-01T00:00:00Z", "date_to": "2030-12-31T23:59:00Z"}});
    if record == "customer" {
        body["filter"][record]["date_field"] = "first_seen_at".into();
    }
    let authorization = format!("Bearer {}", token(node)?);
    let headers = [MEDIA_TYPES[0], MEDIA_TYPES[1], ("authorization", &authorization)];
    let (status, text) = node.post(&format!("/metrics/{path}?fresh=1"), &headers, &body.to_string())?;
    assert!(status == 200 || status == 503, "{path} {body}: {status} {text}");
    let answer: Value = serde_json::from_str(&text).ok()?;
    let trace_id = answer["meta"]["trace_id"].as_str().unwrap_or_default();
    (status == 200).then(|| text.replace(trace_id, ""))
}

fn token(node: &Collector) -> Option<String> {
    let owner = node.owner().ok()?;
    let (id, secret) = owner.split_once(':')?;
    let grant = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let (_, text) = node.post("/oauth/token", &[("content-type", "application/x-www-form-urlencoded")], &grant)?;
    serde_json::from_str::<Value>(&text).ok()?["access_token"].as_str().map(str::to_owned)
}
