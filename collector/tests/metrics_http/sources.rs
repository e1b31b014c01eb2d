//! The source of a visit by the host that it comes from: our own table, the public list, and hosts that only look like one of them.

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::query;
use super::server::{TestServer, basic, id, read_json};
use super::traffic::{LAPTOP, browse, event, search};

/// 10 June 2021, 10:00 UTC, in milliseconds since 1970.
const TEN_OCLOCK_MS: u64 = 1_623_319_200_000;

/// The address before the visit, the channel and the name.
const ARRIVALS: &[(&str, &str, &str)] = &[
    // Hosts of the public list only.
    ("https://www.google.com.bg/", "search", "google"),
    ("https://images.google.de/", "search", "google"),
    ("https://search.lilo.org/", "search", "lilo"),
    ("https://www.mozbot.fr/", "search", "mozbot"),
    ("https://duckduckgo.com/", "search", "duckduckgo"),
    ("https://html.duckduckgo.com/", "search", "duckduckgo"),
    ("https://fosstodon.org/@shop", "social", "mastodon"),
    ("https://www.last.fm/", "social", "last.fm"),
    ("https://old.reddit.com/", "social", "reddit"),
    ("android-app://org.telegram.messenger/", "social", "telegram"),
    // Hosts of our own table, and those to which it gives another name or kind than the list.
    ("https://bsky.app/", "social", "bluesky"),
    ("https://x.com/shop", "social", "x"),
    ("https://twitter.com/shop", "social", "x"),
    ("https://suche.gmx.net/", "search", "gmx search"),
    ("https://digg.com/", "social", "digg"),
    ("https://mail.google.com/", "email", "gmail"),
    ("https://gemini.google.com/", "assistant", "gemini"),
    ("https://yiyan.baidu.com/", "assistant", "ernie"),
    ("https://deref-gmx.net/mail", "email", "gmx"),
    ("https://deref-web.de/mail", "email", "web.de"),
    ("android-app://com.samsung.android.email.provider/", "email", "samsung mail"),
    ("android-app://com.Slack/", "social", "slack"),
    ("android-app://com.facebook.lite/", "social", "facebook"),
    ("android-app://com.discord/", "social", "discord"),
    ("android-app://com.google.android.apps.bard/", "assistant", "gemini"),
    ("android-app://com.microsoft.copilot/", "assistant", "copilot"),
    // Other hosts.
    ("https://notgoogle.com/", "referral", "notgoogle.com"),
    ("https://google.com.evil.example/", "referral", "google.com.evil.example"),
    ("https://google.abc.com/", "referral", "google.abc.com"),
    ("https://duckduckgo.com.example/", "referral", "duckduckgo.com.example"),
    ("https://blog.mozbot.fr/", "referral", "blog.mozbot.fr"),
    ("https://www.cnn.com/", "referral", "cnn.com"),
];

#[test]
fn hosts_of_both_tables_decide_the_channel_and_look_alikes_do_not() {
    let server = TestServer::with(FLAGS, Default::default());
    let events: Vec<Value> = (0..).zip(ARRIVALS).map(|(number, (referrer, ..))| arrival(number, referrer)).collect();
    let body = json!({"token": "t", "events": events}).to_string();
    let mut response = server.client.post_with("/v2/batch", &[], &body);
    assert_eq!(read_json(&mut response)["accepted"], ARRIVALS.len());
    let dates = json!({"date_from": "2021-06-01T00:00:00Z", "date_to": "2021-06-30T23:59:59Z", "date_field": "started_at"});
    let search = json!({"fields": ["visit.id", "source.*"], "sort": "asc", "sort_by": "visit.started_at", "limit": 50});
    let found = query(&server.client, "visits/search", &json!({"search": search, "filter": {"visit": dates}}))["data"].clone();
    let found: Vec<_> = found.as_array().unwrap().iter().map(|visit| (visit["id"].clone(), visit["source"].clone())).collect();
    let expected: Vec<_> = (0..)
        .zip(ARRIVALS)
        .map(|(number, (_, channel, name))| (json!(session(number)), json!({"channel": channel, "name": name})))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn event_without_a_page_has_the_source_of_its_url_in_metrics_and_in_the_timeline() {
    let server = TestServer::with(FLAGS, Default::default());
    let url = "https://shop.example/b?utm_source=tw&utm_medium=social";
    let mut view = event(1, 0, "v", "s", "page_view", "/", &json!({ "url": url }));
    view.as_object_mut().unwrap().remove("page");
    browse(&server.client, LAPTOP, &[view, event(2, 1_000, "v", "s", "identify", "/c", &json!({"email": "jo@x.com"}))]);
    let source = json!({"channel": "social", "name": "tw", "medium": "social"});
    let visit = search(&server.client, "visits", "visit", "started_at", &["visit.entry_path", "source.*"])[0].clone();
    assert_eq!((&visit["entry_path"], &visit["source"]), (&json!("/b"), &source));
    let mut response = server.client.get("/customers/jo@x.com/timeline", &[("authorization", &basic("t", "secret"))]);
    let lines = response.body_mut().read_to_string().unwrap();
    let visit: Value = lines.lines().map(|line| serde_json::from_str(line).unwrap()).find(|line: &Value| line["kind"] == "visit").unwrap();
    assert_eq!((&visit["visit"]["entry_url"], &visit["source"]), (&json!(url), &source));
}

/// The first event of a visit of its own.
fn arrival(number: u64, referrer: &str) -> Value {
    json!({"id": id(number), "type": "land", "api": "tillroll", "time": TEN_OCLOCK_MS + number, "visitorId": format!("v{number}"),
        "sessionId": session(number), "page": {"url": "https://shop.example/", "title": "Home"},
        "params": {"current_url": "https://shop.example/", "source_url": referrer}})
}

fn session(number: u64) -> String {
    format!("s{number:02}")
}
