//! `tillroll doctor`, against a healthy server, against none, and behind real proxies that spoil one thing each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::server::{Client, TestServer, run_program};
use tillroll_collector::store::Options;

/// What a proxy does to a request head and to a response head. Lines have no line break; the first is the request or status line.
#[derive(Clone, Default)]
struct Rules {
    /// Request headers that are removed.
    removed: &'static [&'static str],
    /// Response headers that are removed.
    removed_from_response: &'static [&'static str],
    /// The value of `Host` that the server gets.
    host: Option<&'static str>,
    /// Whether `X-Forwarded-For` gets the address of the client.
    is_forwarding: bool,
    /// The largest body.
    max_body: Option<usize>,
    /// Whether a response is sent only when it is complete.
    is_buffering: bool,
    /// The path that is answered with 403.
    blocked: Option<&'static str>,
}

/// Starts a proxy to the server. Returns its address.
fn proxy(server: &Client, rules: Rules) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (upstream, rules) = (server.url("").trim_start_matches("http://").to_owned(), Arc::new(rules));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (upstream, rules) = (upstream.clone(), Arc::clone(&rules));
            std::thread::spawn(move || pass_on(client.unwrap(), &upstream, &rules));
        }
    });
    address
}

fn read_head(stream: &mut impl BufRead) -> Vec<String> {
    stream.lines().map(Result::unwrap).take_while(|text| !text.is_empty()).collect()
}

fn value<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter().filter_map(|text| text.split_once(": ")).find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn without(head: &mut Vec<String>, names: &[&str]) {
    let is_removed =
        |text: &String| text.split_once(':').is_some_and(|(name, _)| names.iter().any(|other| name.eq_ignore_ascii_case(other)));
    head.retain(|text| !is_removed(text));
}

/// Passes one request on, and its response back. Each connection serves one request.
fn pass_on(client: TcpStream, upstream: &str, rules: &Rules) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut client = client;
    let mut head = read_head(&mut reader);
    if head.is_empty() {
        return;
    }
    let length: usize = value(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let refuse = |client: &mut TcpStream, status: &str| {
        let _ = write!(client, "HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy");
    };
    if rules.max_body.is_some_and(|limit| length > limit) {
        return refuse(&mut client, "413 Content Too Large");
    }
    if rules.blocked.is_some_and(|path| head[0].contains(path)) {
        return refuse(&mut client, "403 Forbidden");
    }
    let forwarded = value(&head, "x-forwarded-for").map_or_else(String::new, |before| format!("{before}, "));
    without(&mut head, &[rules.removed, &["connection"]].concat());
    if let Some(host) = rules.host {
        without(&mut head, &["host"]);
        head.push(format!("host: {host}"));
    }
    if rules.is_forwarding {
        without(&mut head, &["x-forwarded-for"]);
        head.push(format!("x-forwarded-for: {forwarded}203.0.113.9"));
    }
    head.push("connection: close".into());
    let mut server = TcpStream::connect(upstream).unwrap();
    write!(server, "{}\r\n\r\n", head.join("\r\n")).unwrap();
    server.write_all(&body).unwrap();
    let mut answers = BufReader::new(server);
    let mut head = read_head(&mut answers);
    without(&mut head, rules.removed_from_response);
    let head = format!("{}\r\n\r\n", head.join("\r\n"));
    if rules.is_buffering {
        let mut whole = head.into_bytes();
        answers.read_to_end(&mut whole).unwrap();
        let _ = client.write_all(&whole);
    } else {
        // The client may have read enough.
        let _ = client.write_all(head.as_bytes()).and_then(|()| std::io::copy(&mut answers, &mut client));
    }
}

/// Runs the command. Returns whether it succeeded, and its lines as level, check and text.
fn doctor(server: &str, more: &[&str]) -> (bool, Vec<(String, String, String)>) {
    let (succeeded, out, _) = run_program(&[&["doctor", "--server", server], more].concat());
    let lines = out.lines().map(|text| {
        assert!(!text.contains('\u{1b}'), "{text}");
        let (level, rest) = text.split_at(9);
        let (check, text) = rest.split_at(15);
        (level.trim().to_owned(), check.trim().to_owned(), text.to_owned())
    });
    (succeeded, lines.collect())
}

const OWNER: [&str; 2] = ["--owner", "t:secret"];

/// A server with a library of its own, so that the tests need no build.
fn server(flags: &[&str]) -> (TestServer, tempfile::TempDir) {
    let library = tempfile::tempdir().unwrap();
    let script = format!("load('assets/core-01234567.js');version:\"{}\";{}", env!("CARGO_PKG_VERSION"), " ".repeat(2_000));
    for (name, bytes) in [("tracking.js", script.as_bytes()), ("tracking.js.gz", b"packed"), ("assets/core-01234567.js", b"core")] {
        let path = library.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let flags = [&["--project", "t:secret", "--assets", library.path().to_str().unwrap()], flags].concat();
    (TestServer::with_clock(&flags, Options::default(), tillroll_collector::clock::Clock::SYSTEM), library)
}

#[test]
fn a_healthy_server_has_no_problem() {
    let (server, _library) = server(&[]);
    server.client.store(&[crate::server::view(1, 1, "ab")]);
    let url = server.client.url("");
    let (succeeded, lines) = doctor(&url, &OWNER);
    assert!(succeeded, "{lines:?}");
    let expected = [
        "address",
        "encryption",
        "store",
        "script",
        "other origins",
        "compression",
        "script's files",
        "script version",
        "cookie",
        "credentials",
        "version",
        "clocks",
        "disk",
        "time to flush",
        "headers",
        "clients",
        "large bodies",
        "live view",
    ];
    assert_eq!(lines.iter().map(|(_, check, _)| check.as_str()).collect::<Vec<_>>(), expected, "{lines:?}");
    // The free space and the time to flush are those of the machine that runs the test.
    let of_machine = ["disk", "time to flush"];
    let not_ok: Vec<_> = lines.iter().filter(|(level, check, _)| level != "ok" && !of_machine.contains(&check.as_str())).collect();
    assert!(not_ok.is_empty(), "{not_ok:?}");
    // Nothing is stored by it.
    assert_eq!(server.client.export("").len(), 1);
    // Without a secret it checks what it can.
    let (succeeded, lines) = doctor(&url, &[]);
    assert!(
        succeeded
            && lines.iter().any(|(level, check, text)| level == "warning" && check == "not checked" && text.contains("TILLROLL_OWNER"))
    );
}

#[test]
fn a_server_that_does_not_answer_is_one_problem() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (succeeded, lines) = doctor(&format!("http://{closed}"), &OWNER);
    assert!(!succeeded && lines.len() == 1, "{lines:?}");
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("problem", "address"));
    assert!(lines[0].2.contains("tillroll serve") && lines[0].2.contains("--server"), "{lines:?}");
}

#[test]
fn a_proxy_that_changes_nothing_is_fine_with_the_right_number_of_trusted_proxies() {
    let (server, _library) = server(&["--trust-proxy"]);
    let address = proxy(&server.client, Rules { is_forwarding: true, ..Rules::default() });
    let (succeeded, lines) = doctor(&address, &OWNER);
    assert!(succeeded, "{lines:?}");
    let clients = lines.iter().find(|(_, check, _)| check == "clients").unwrap();
    assert!(clients.0 == "ok" && clients.2.contains("203.0.113.9"), "{clients:?}");
    // The address behind the proxy is that of this machine.
    let (succeeded, lines) = doctor(&server.client.url(""), &OWNER);
    assert!(succeeded && lines.iter().any(|(level, check, text)| level == "warning" && check == "clients" && text.contains("bypasses")));
}

#[test]
fn what_a_proxy_spoils_is_reported_with_a_remedy() {
    let forwarding = || Rules { is_forwarding: true, ..Rules::default() };
    let table: &[(&str, Rules, &str, &str, &[&str])] = &[
        ("0", forwarding(), "clients", "problem", &["--trust-proxy=1"]),
        ("2", forwarding(), "clients", "problem", &["clients choose", "--trust-proxy=1"]),
        ("1", Rules { removed: &["x-forwarded-for"], ..Rules::default() }, "clients", "problem", &["does not arrive"]),
        ("0", Rules { removed: &["x-forwarded-for"], ..Rules::default() }, "clients", "problem", &["--trust-proxy"]),
        ("1", Rules { removed: &["accept-encoding"], ..forwarding() }, "compression", "warning", &["Accept-Encoding"]),
        ("1", Rules { removed_from_response: &["set-cookie"], ..forwarding() }, "cookie", "problem", &["Set-Cookie"]),
        (
            "1",
            Rules { removed_from_response: &["access-control-allow-origin"], ..forwarding() },
            "other origins",
            "problem",
            &["Access-Control"],
        ),
        ("1", Rules { removed_from_response: &["content-type"], ..forwarding() }, "script", "problem", &["Content-Type"]),
        ("1", Rules { removed: &["authorization"], ..forwarding() }, "credentials", "problem", &["Authorization"]),
        ("1", Rules { removed: &["x-digest", "last-event-id"], ..forwarding() }, "headers", "problem", &["x-digest", "last-event-id"]),
        ("1", Rules { host: Some("internal:80"), ..forwarding() }, "headers", "problem", &["Host", "internal:80"]),
        ("1", Rules { max_body: Some(1 << 20), ..forwarding() }, "large bodies", "problem", &["client_max_body_size"]),
        ("1", Rules { is_buffering: true, ..forwarding() }, "live view", "warning", &["proxy_buffering off"]),
        ("1", Rules { blocked: Some("/tracking.js"), ..forwarding() }, "script", "problem", &["403"]),
        ("1", Rules { blocked: Some("/readyz"), ..forwarding() }, "store", "problem", &["403"]),
        ("1", Rules { blocked: Some("/healthz"), ..forwarding() }, "address", "problem", &["403"]),
    ];
    for trusted in ["0", "1", "2"] {
        let (server, _library) = server(&[&format!("--trust-proxy={trusted}")]);
        for (_, rules, check, level, parts) in table.iter().filter(|(number, ..)| *number == trusted) {
            let (succeeded, lines) = doctor(&proxy(&server.client, rules.clone()), &OWNER);
            let found = lines.iter().find(|(_, other, _)| other == check).unwrap_or_else(|| panic!("{check}: {lines:?}"));
            assert_eq!(found.0, *level, "{found:?}");
            assert!(parts.iter().all(|part| found.2.contains(part)), "{found:?}");
            assert_eq!(succeeded, !lines.iter().any(|(level, ..)| level == "problem"), "{lines:?}");
            assert!(*level == "warning" || !succeeded, "{lines:?}");
        }
    }
}

#[test]
fn a_shop_at_another_domain_a_missing_library_and_a_wrong_clock_are_reported() {
    let empty = tempfile::tempdir().unwrap();
    // The clock of the tests is years behind.
    let server = TestServer::with(&["--project", "t:secret", "--assets", empty.path().to_str().unwrap()], Options::default());
    let (succeeded, lines) = doctor(&server.client.url(""), &[&OWNER[..], &["--shop", "https://www.shop.example"]].concat());
    assert!(!succeeded);
    for (check, level, part) in [("script", "problem", "--assets"), ("clocks", "problem", "chrony"), ("cookie", "warning", "subdomain")] {
        let found = lines.iter().find(|(_, other, _)| other == check).unwrap_or_else(|| panic!("{check}: {lines:?}"));
        assert!(found.0 == level && found.2.contains(part), "{found:?}");
    }
}

#[test]
fn what_the_server_received_is_for_owners_only() {
    let server = TestServer::start();
    assert_eq!(server.client.get("/diagnostics", &[]).status(), 401);
    let owner = crate::server::basic("t", "secret");
    let mut response =
        server.client.get("/diagnostics", &[("authorization", &owner), ("cookie", "cbuid=ab"), ("x-digest", "d"), ("x-internal", "hush")]);
    let text = response.body_mut().read_to_string().unwrap();
    assert!(
        text.contains("\"x-digest\":[\"d\"]") && text.contains("\"cookie\":[\"\"]") && !text.contains("cbuid") && !text.contains("Basic"),
        "{text}"
    );
}
