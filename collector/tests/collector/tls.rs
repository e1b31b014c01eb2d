//! HTTPS and HTTP/2 without a proxy.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use ureq::http;

use crate::server::{Client, ServerProcess, run_program, until, view};

/// Writes a new certificate and its key to `cert.pem` and `key.pem`; returns the certificate.
fn write_certificate(folder: &Path) -> String {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
    certified.cert.pem()
}

/// Starts a server with the certificate in `files`; returns it and its URL.
fn start(data: &Path, files: &Path, more: &[&str]) -> (ServerProcess, String) {
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| files.join(name).display().to_string());
    let flags = [&["--project", "t:secret", "--tls-cert", &certificate, "--tls-key", &key], more].concat();
    let program = ServerProcess::start(data, &flags);
    let url = program.first_line.split_whitespace().last().unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    (program, url)
}

fn batch() -> String {
    json!({"token": "t", "events": [view(1, 1, "ab")]}).to_string()
}

#[test]
fn events_are_stored_over_https_with_hsts() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &["--hsts", "365d"]);
    let client = Client::trusting(&url, &certificate);
    let response = client.post("/v2/batch", &batch());
    assert_eq!((response.status().as_u16(), response.headers()["strict-transport-security"].to_str().unwrap()), (200, "max-age=31536000"));
    assert!(Client::new(&url).try_post("/v2/batch", &batch()).is_err(), "the certificate is not in the system's list");
    let plain = Client::new(&url.replace("https", "http"));
    assert!(plain.try_post("/v2/batch", &batch()).is_err(), "the port is encrypted only");
}

#[test]
fn requests_without_encryption_are_redirected_and_health_checks_are_answered() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    // The port is free again once the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (_program, url) = start(data.path(), files.path(), &["--redirect-listen", &address]);
    let client = Client::trusting(&format!("http://{address}"), &certificate);
    let response = client.get("/tracking.js?token=t", &[]);
    assert_eq!(
        (response.status().as_u16(), response.headers()["location"].to_str().unwrap()),
        (308, &*format!("{url}/tracking.js?token=t"))
    );
    assert_eq!(client.get("/healthz", &[]).status().as_u16(), 200);
    assert_eq!(client.get("/readyz", &[]).status().as_u16(), 200);
    assert_eq!(client.post("/v2/batch", &batch()).status().as_u16(), 308, "events are not accepted without encryption");
}

#[test]
fn challenges_of_the_authority_are_answered_from_the_webroot_and_nothing_else_is() {
    let (data, files, webroot) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let flags = ["--redirect-listen", &address, "--acme-webroot", webroot.path().to_str().unwrap()];
    let (_program, url) = start(data.path(), files.path(), &flags);
    let tokens = webroot.path().join(".well-known/acme-challenge");
    std::fs::create_dir_all(&tokens).unwrap();
    std::fs::write(tokens.join("to-ken_1"), "to-ken_1.thumbprint").unwrap();
    std::fs::write(webroot.path().join("secret"), "hush").unwrap();
    let client = Client::trusting(&format!("http://{address}"), &certificate);
    let mut response = client.get("/.well-known/acme-challenge/to-ken_1", &[]);
    assert_eq!((response.status().as_u16(), &*response.body_mut().read_to_string().unwrap()), (200, "to-ken_1.thumbprint"));
    for name in ["other", "..%2F..%2Fsecret", "%2Fetc%2Fhostname", "."] {
        assert_ne!(client.get(&format!("/.well-known/acme-challenge/{name}"), &[]).status().as_u16(), 200, "{name}");
    }
    let response = client.get("/.well-known/other", &[]);
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (308, &*format!("{url}/.well-known/other")));
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &[]);
    let is_accepted = |certificate: &str| Client::trusting(&url, certificate).try_post("/v2/batch", &batch()).is_ok();
    assert!(is_accepted(&first));
    let second = write_certificate(files.path());
    until("the renewed certificate is in use", || is_accepted(&second));
    assert!(!is_accepted(&first));
    std::fs::write(files.path().join("key.pem"), "nonsense").unwrap();
    assert!(is_accepted(&second));
}

#[test]
fn http2_is_offered_and_has_the_host_of_the_request() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Cookies are renewed for the host of the request: in HTTP/2 it is part of the URL.
    let (status, cookie) = runtime.block_on(get_over_http2(&url, &certificate)).unwrap();
    assert_eq!(status, 204);
    assert!(cookie.starts_with("cbuid=0123"), "{cookie}");
}

/// Asks for the cookie over HTTP/2; returns the status, and the cookie that the response sets.
async fn get_over_http2(url: &str, certificate: &str) -> Result<(u16, String), Box<dyn std::error::Error>> {
    let (client, connection) = h2::client::handshake(connect_for_http2(url, certificate).await?).await?;
    tokio::spawn(connection);
    let request =
        http::Request::post(format!("{url}/v2/cookie")).header("cookie", "cbuid=0123").header("referer", "https://127.0.0.1/").body(())?;
    let (response, _) = client.ready().await?.send_request(request, true)?;
    let response = response.await?;
    let cookie = response.headers().get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap_or_default());
    Ok((response.status().as_u16(), cookie.to_owned()))
}

/// Opens a connection for HTTP/2.
async fn connect_for_http2(url: &str, certificate: &str) -> Result<TlsStream<TcpStream>, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(url.strip_prefix("https://").unwrap()).await?;
    Ok(TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1")?, stream).await?)
}

#[test]
fn http2_has_limits_of_streams_and_headers() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = h2::client::handshake(connect_for_http2(&url, &certificate).await.unwrap()).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        for (padding, status) in [(1_000, 200), (70_000, 431), (1_000, 200)] {
            let request = http::Request::get(format!("{url}/healthz")).header("x-padding", "x".repeat(padding)).body(()).unwrap();
            let (response, _) = client.send_request(request, true).unwrap();
            assert_eq!(response.await.unwrap().status().as_u16(), status, "{padding} bytes");
        }
        assert_eq!(client.current_max_send_streams(), 100);
    });
}

/// The types of frames, see RFC 9113, section 6.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[test]
fn http2_connection_that_resets_its_requests_at_once_is_ended() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut stream = connect_for_http2(&url, &certificate).await.unwrap();
        let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        sent.extend(frame(SETTINGS, 0, 0, &[]));
        for request in (1..800).step_by(2) {
            // `GET / https` by the static table, and an authority; the last headers of a request with a body.
            sent.extend(frame(HEADERS, 4, request, b"\x82\x84\x87\x41\x01a"));
            sent.extend(frame(RST_STREAM, 0, request, &8_u32.to_be_bytes()));
        }
        stream.write_all(&sent).await.unwrap();
        let mut kinds = Vec::new();
        let reason = loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap_or_else(|error| panic!("ended without a reason after {kinds:?}: {error}"));
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            stream.read_exact(&mut payload).await.unwrap();
            kinds.push(head[3]);
            if head[3] == GOAWAY {
                break u32::from_be_bytes(payload[4..8].try_into().unwrap());
            }
        };
        assert_eq!(h2::Reason::from(reason), h2::Reason::ENHANCE_YOUR_CALM);
        assert_eq!(get_over_http2(&url, &certificate).await.unwrap().0, 204, "other connections are served");
    });
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_certificate(files.path());
    let path = |name: &str| files.path().join(name).display().to_string();
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(path("other.pem"), other.serialize_pem()).unwrap();
    let data = data.path().display().to_string();
    for (certificate, key, wanted) in [
        ("missing.pem", "key.pem", "--tls-cert"),
        ("cert.pem", "missing.pem", "--tls-key"),
        ("cert.pem", "other.pem", "do not belong together"),
    ] {
        let (succeeded, _, error) =
            run_program(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--tls-cert", &path(certificate), "--tls-key", &path(key)]);
        assert!(!succeeded && error.contains(wanted), "{error}");
    }
    let (succeeded, _, error) = run_program(&["serve", "--tls-cert", "cert.pem"]);
    assert!(!succeeded && error.contains("--tls-key"), "{error}");
}

#[test]
fn doctor_tail_import_and_join_accept_a_certificate_of_the_given_authority_and_no_other() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_certificate(files.path());
    let (_program, url) = start(data.path(), files.path(), &[]);
    Client::trusting(&url, &certificate).post("/v2/batch", &batch());
    let other = tempfile::tempdir().unwrap();
    write_certificate(other.path());
    let [authority, key, other] =
        [files.path().join("cert.pem"), files.path().join("key.pem"), other.path().join("cert.pem")].map(|path| path.display().to_string());
    let run = |command: &str, more: &[&str]| run_program(&[&[command, "--server", &url, "--owner", "t:secret"], more].concat());

    let (_, lines, _) = run("doctor", &["--ca-file", &authority]);
    let has = |check: &str| lines.lines().any(|text| text.starts_with("ok") && text.contains(check));
    assert!(has("address") && has("encryption") && has("credentials"), "{lines}");
    for more in [&[][..], &["--ca-file", &other]] {
        let (succeeded, lines, _) = run("doctor", more);
        assert!(!succeeded && lines.contains("problem") && lines.contains("--ca-file"), "{lines}");
        let (succeeded, lines, message) = run("tail", more);
        assert!(!succeeded && lines.is_empty() && message.contains("--ca-file"), "{message}");
    }

    let lines = files.path().join("lines");
    std::fs::write(&lines, "{\"id\":\"c\",\"name\":\"A\"}\n").unwrap();
    let import = |authority: &str| run("import", &["categories", lines.to_str().unwrap(), "--ca-file", authority]);
    assert!(import(&authority).2.contains("Imported 1 lines of categories"));
    let (succeeded, _, message) = import(&other);
    assert!(!succeeded && message.contains("--ca-file"), "{message}");

    let secret = files.path().join("group-key");
    std::fs::write(&secret, "ab".repeat(32)).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let [secret, empty] = [secret, empty.path().to_owned()].map(|path| path.display().to_string());
    let join = |more: &[&str]| run_program(&[&["join", "--from", &url, "--secret-file", &secret, "--data", &empty], more].concat());
    let (_, _, message) = join(&["--ca-file", &authority]);
    assert!(message.contains("was started without --log"), "{message}");
    for more in [&[][..], &["--ca-file", &other]] {
        let (succeeded, _, message) = join(more);
        assert!(!succeeded && message.contains("--ca-file"), "{message}");
    }

    let mut tail = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    tail.args(["tail", "--server", &url, "--owner", "t:secret", "--ca-file", &authority, "--last", "1"]).stdout(Stdio::piped());
    let mut tail = tail.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(tail.stdout.take().unwrap()).read_line(&mut line).unwrap();
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(line.contains("\"type\":"), "{line}");

    for (file, part) in [(key.as_str(), "has no certificate"), ("/nonexistent/ca.pem", "cannot read")] {
        let (succeeded, _, message) = run("doctor", &["--ca-file", file]);
        assert!(!succeeded && message.contains(part), "{message}");
    }
}
