//! The tracking script and its files, as browsers load them.

use std::fs;

use tillroll_collector::store::Options;

use crate::server::TestServer;

fn dist() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("tracking.js", "script"),
        ("tracking.js.br", "script, br"),
        ("tracking.js.gz", "script, gz"),
        ("assets/core-0123abcd.wasm", "core"),
        ("sibling-0123abcd.js", "sibling"),
    ] {
        fs::create_dir_all(folder.path().join("assets")).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn with_dist(folder: &tempfile::TempDir) -> TestServer {
    TestServer::with(&["--project", "t:secret", "--assets", folder.path().to_str().unwrap()], Options::default())
}

#[test]
fn script_is_served_at_every_documented_path_with_cache_headers() {
    let folder = dist();
    let server = with_dist(&folder);
    for path in ["/tracking.js?token=t", "/tracking.js", "/j/t.js", "/tags/t.js"] {
        let mut response = server.client.get(path, &[("accept-encoding", "identity")]);
        let headers = response.headers().clone();
        assert_eq!(response.body_mut().read_to_string().unwrap(), "script", "{path}");
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(headers["cache-control"], "public, max-age=600");
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let revalidated = server.client.get(path, &[("accept-encoding", "identity"), ("if-none-match", headers["etag"].to_str().unwrap())]);
        assert_eq!(revalidated.status(), 304, "{path}");
        assert_eq!(server.client.get(path, &[("if-none-match", "*")]).status(), 304, "{path}");
    }
    assert_eq!(server.client.get("/j/t.css", &[]).status(), 404);
}

#[test]
fn hashed_files_are_immutable_and_compressed_files_are_preferred() {
    let folder = dist();
    let server = with_dist(&folder);
    for base in ["/assets", "/j/assets", "/tags/assets"] {
        let response = server.client.get(&format!("{base}/core-0123abcd.wasm"), &[]);
        assert_eq!(response.headers()["content-type"], "application/wasm");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(server.client.get(&format!("{base}/sibling-0123abcd.js"), &[]).status(), 200);
        assert_eq!(server.client.get(&format!("{base}/..%2fsecret"), &[]).status(), 404);
    }
    for (accept_encoding, encoding, text) in
        [("gzip, br", Some("br"), "script, br"), ("gzip", Some("gzip"), "script, gz"), ("identity", None, "script")]
    {
        let mut response = server.client.get("/tracking.js", &[("accept-encoding", accept_encoding)]);
        assert_eq!(response.headers().get("content-encoding").map(|value| value.to_str().unwrap()), encoding);
        assert_eq!(response.headers()["vary"], "Accept-Encoding");
        assert_eq!(response.body_mut().read_to_string().unwrap(), text);
    }
}

#[test]
fn file_of_another_version_is_answered_with_the_present_one() {
    let folder = dist();
    let server = with_dist(&folder);
    for (path, text) in [("/assets/core-ffffffff.wasm", "core"), ("/j/assets/sibling-ffffffff.js", "sibling")] {
        let mut response = server.client.get(path, &[]);
        assert_eq!((response.status().as_u16(), &response.headers()["cache-control"]), (200, &"no-store".parse().unwrap()), "{path}");
        assert_eq!(response.body_mut().read_to_string().unwrap(), text);
    }
    for path in ["/assets/core-ffffffff.js", "/assets/other-ffffffff.js", "/assets/core-fff.wasm", "/assets/..%2fcore-ffffffff.wasm"] {
        assert_eq!(server.client.get(path, &[]).status(), 404, "{path}");
    }
}

#[test]
fn script_request_without_a_browser_build_gets_404_with_the_build_command() {
    let empty = tempfile::tempdir().unwrap();
    let server = with_dist(&empty);
    let mut response = server.client.get("/tracking.js", &[]);
    assert_eq!(response.status(), 404);
    assert!(response.body_mut().read_to_string().unwrap().contains("cargo xtask build"));
}

#[test]
fn demo_shop_and_open_live_view_need_the_demo_flag() {
    let server = TestServer::start();
    assert_eq!(server.client.get("/", &[]).status(), 404);
    assert_eq!(server.client.get("/live", &[]).status(), 401);
}

#[test]
fn documents_are_pages_with_a_policy_and_are_not_part_of_the_library() {
    let folder = dist();
    fs::create_dir_all(folder.path().join("docs/recipes")).unwrap();
    for name in ["docs/index.html", "docs/recipes/nginx.html", "docs/book-0123abcd.js"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let server = with_dist(&folder);
    for path in ["/docs", "/docs/"] {
        let mut page = server.client.get(path, &[]);
        assert_eq!(page.body_mut().read_to_string().unwrap(), "docs/index.html", "{path} redirects to the first page");
    }
    for (name, cache_control) in [
        ("docs/index.html", "no-cache"),
        ("docs/recipes/nginx.html", "no-cache"),
        ("docs/book-0123abcd.js", "public, max-age=31536000, immutable"),
    ] {
        let mut response = server.client.get(&format!("/{name}"), &[]);
        assert_eq!((response.status().as_u16(), response.headers()["cache-control"].to_str().unwrap()), (200, cache_control), "{name}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
        assert_eq!(response.body_mut().read_to_string().unwrap(), name);
        assert_eq!(server.client.get(&format!("/assets/{name}"), &[]).status(), 404, "{name}");
    }
    assert_eq!(server.client.get("/docs/none.html", &[]).status(), 404);
}
