//! Request bodies: every encoding at every route that has a body, byte order marks, lone surrogates, and the limits of decoding.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{Client, TestServer, basic, id, read_json, view};

const BYTE_ORDER_MARK: &str = "\u{feff}";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(body).unwrap();
    encoder.into_inner()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Sends bytes; returns the status and the JSON of the response.
fn send(client: &Client, path: &str, headers: &[(&str, String)], encoding: Option<&str>, body: &[u8]) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = headers.iter().fold(agent.post(client.url(path)), |request, (name, value)| request.header(*name, value));
    let request = encoding.into_iter().fold(request, |request, encoding| request.header("content-encoding", encoding));
    let mut response = request.send(body).unwrap();
    (response.status().as_u16(), read_json(&mut response))
}

/// A route with a valid body, and the headers that depend on it.
struct Route {
    path: &'static str,
    headers: fn(&str) -> Vec<(&'static str, String)>,
    body: Value,
}

fn none(_: &str) -> Vec<(&'static str, String)> {
    Vec::new()
}

fn signed(body: &str) -> Vec<(&'static str, String)> {
    vec![("x-digest", digest(body, "secret"))]
}

fn owner(_: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", basic("t", "secret"))]
}

fn oauth(_: &str) -> Vec<(&'static str, String)> {
    vec![("content-type", "application/json".into())]
}

/// Every route that reads JSON.
fn routes() -> Vec<Route> {
    let order = json!({"id": "1", "createdAt": 1, "amount": 1, "status": "new", "products": []});
    vec![
        Route { path: "/v2/batch", headers: none, body: json!({"token": "t", "events": [view(1, 1, "ab")]}) },
        Route { path: "/page/view", headers: none, body: json!({"token": "t", "time": 1, "visitorId": "ab", "params": {"url": "/"}}) },
        Route { path: "/v2/order", headers: signed, body: json!({"token": "t", "time": 1, "params": order}) },
        Route { path: "/v2/order/batch", headers: signed, body: json!({"token": "t", "time": 1, "batch": [order]}) },
        Route { path: "/tracking/t/activity", headers: signed, body: json!({"type": "integrated"}) },
        Route { path: "/api/track?token=t", headers: none, body: json!({"scope": "view", "data": {}, "user": {"uid": "u"}}) },
        Route { path: "/import/orders", headers: owner, body: json!({"id": "1", "status": "placed"}) },
        Route {
            path: "/oauth/token",
            headers: oauth,
            body: json!({"grant_type": "client_credentials", "client_id": "t", "client_secret": "secret"}),
        },
    ]
}

#[test]
fn every_encoding_is_decoded_at_every_route() {
    let server = TestServer::start();
    for Route { path, headers, body } in routes() {
        for text in [body.to_string(), format!("{BYTE_ORDER_MARK}{body}")] {
            let bytes = text.as_bytes();
            let headers = headers(&text);
            for (encoding, encoded) in [
                (None, bytes.to_vec()),
                (Some("identity"), bytes.to_vec()),
                (Some("gzip"), gzip(bytes)),
                (Some("X-GZIP"), gzip(bytes)),
                (None, gzip(bytes)),
                (Some("gzip"), [gzip(&bytes[..9]), gzip(&bytes[9..])].concat()),
                (Some("br"), brotli(bytes)),
                (Some("zstd"), zstd(bytes)),
                (Some("zstd"), [zstd(&bytes[..9]), zstd(&bytes[9..])].concat()),
            ] {
                let (status, response) = send(&server.client, path, &headers, encoding, &encoded);
                assert!(status == 200 && response["rejected"].as_array().is_none_or(Vec::is_empty), "{path} {encoding:?}: {response}");
            }
            for encoding in ["deflate", "gzip, gzip", "compress"] {
                let (status, response) = send(&server.client, path, &headers, Some(encoding), &gzip(bytes));
                let message = &response["error"]["message"];
                assert!(status == 415 && message.as_str().is_some_and(|text| text.contains("gzip, br, zstd")), "{path}: {response}");
            }
        }
    }
}

#[test]
fn unsupported_encoding_is_answered_with_the_supported_ones() {
    let server = TestServer::start();
    let response = server.client.post_with("/v2/batch", &[("content-encoding", "deflate")], "x");
    assert_eq!((response.status().as_u16(), &response.headers()["accept-encoding"]), (415, &"gzip, br, zstd".parse().unwrap()));
}

#[test]
fn limits_of_decoding() {
    let server = TestServer::start();
    let body = |pad: &str| json!({"token": "t", "events": [], "pad": pad}).to_string().into_bytes();
    // Digits compress about twice.
    let digits = |count: u64| (0..count).map(|at| format!("{:016x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect::<String>();
    let largest = limits::MAX_REQUEST_BYTES as u64 / 16 - 4;
    let mut broken = gzip(&body(&digits(1_000)));
    broken.truncate(broken.len() / 2);
    let cases = [
        ("gzip", gzip(&body(&digits(largest))), 200, ""),
        ("gzip", gzip(&body(&digits(largest + 8))), 413, "body_too_large"),
        ("br", brotli(&body(&digits(largest + 8))), 413, "body_too_large"),
        ("gzip", gzip(&body(&"x".repeat(200_000))), 200, ""),
        ("gzip", gzip(&body(&"x".repeat(4_000_000))), 413, "body_ratio_too_high"),
        ("br", brotli(&body(&"x".repeat(4_000_000))), 413, "body_ratio_too_high"),
        ("zstd", zstd(&body(&"x".repeat(4_000_000))), 413, "body_ratio_too_high"),
        ("gzip", gzip(&body(&"x".repeat(400 << 20))), 413, "body_too_large"),
        ("gzip", broken, 400, "not_decodable"),
        ("gzip", body(""), 400, "not_decodable"),
        ("br", b"{\"token\":\"t\"}".to_vec(), 400, "not_decodable"),
        ("zstd", body(""), 400, "not_decodable"),
        ("gzip", Vec::new(), 400, "not_json"),
    ];
    for (at, (encoding, encoded, status, code)) in cases.into_iter().enumerate() {
        let (found, response) = send(&server.client, "/v2/batch", &[], Some(encoding), &encoded);
        assert_eq!((found, response["error"]["code"].as_str().unwrap_or_default()), (status, code), "{at}: {response}");
    }
}

#[test]
fn lone_surrogate_becomes_the_replacement_character_at_every_route() {
    const CUT: &str = r"Hat \ud83d";
    const WHOLE: &str = "Hat \u{fffd}";
    let server = TestServer::start();
    let with_text = |value: Value| value.to_string().replace("CUT", CUT);
    let custom = json!({"id": id(1), "type": "custom", "api": "metrilo", "time": 1, "visitorId": "ab", "params": {"name": "CUT"}});
    let product = |id: &str, name: &str| json!({"id": id, "name": name, "price": 1});
    let order = json!({"id": "1", "createdAt": 1, "amount": 1, "status": "new", "products": [], "billing": {"firstName": "CUT"}});
    let requests = [
        ("/v2/batch", none as fn(&str) -> _, with_text(json!({"token": "t", "events": [view(2, 1, "ab"), custom, view(3, 1, "ab")]}))),
        ("/page/view", none, with_text(json!({"token": "t", "time": 1, "visitorId": "ab", "params": {"url": "/", "name": "CUT"}}))),
        ("/api/track?token=t", none, with_text(json!({"scope": "view", "data": {"name": "CUT"}, "user": {"uid": "u"}}))),
        ("/v2/order", signed, with_text(json!({"token": "t", "time": 1, "params": order}))),
        (
            "/v2/product/batch",
            signed,
            with_text(json!({"token": "t", "time": 1, "batch": [product("a", "n"), product("b", "CUT"), product("c", "n")]})),
        ),
        ("/import/categories", owner, with_text(json!({"id": "c", "name": "CUT"}))),
        ("/import/orders", owner, with_text(json!({"id": "2", "status": "placed", "placed_at": "2022-01-01T00:00:00Z", "number": "CUT"}))),
    ];
    for (path, headers, body) in requests {
        let (status, response) = send(&server.client, path, &headers(&body), None, body.as_bytes());
        assert!(status == 200 && response["rejected"].as_array().is_none_or(Vec::is_empty), "{path}: {response}");
    }
    let events = server.client.export("");
    assert_eq!((&events[1]["params"]["name"], &events[3]["params"]["name"]), (&json!(WHOLE), &json!(WHOLE)));
    assert_eq!((events.len(), &events[4]["params"]["data"]["name"]), (5, &json!(WHOLE)));
    let products = server.client.list_of("t", "secret", "products");
    assert_eq!((products.len(), &products[1]["name"]), (3, &json!(WHOLE)));
    assert_eq!(server.client.list_of("t", "secret", "categories")[0]["name"], json!(WHOLE));
    let orders = server.client.list_of("t", "secret", "orders");
    assert!(orders.iter().any(|order| order["billing"]["firstName"] == json!(WHOLE)), "{orders:?}");
}
