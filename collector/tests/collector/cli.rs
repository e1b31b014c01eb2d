//! The CLI commands `export`, `import`, `backup` and `restore`, with and without a running server on the data folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::backend::digest;
use crate::server::{Client, ServerProcess, TestServer, basic, id, identify, read_json, run_program};

const LISTS: [&str; 6] = ["customers", "categories", "products", "orders", "carts", "returns"];

/// Runs the program and returns whether it succeeded, and its standard error.
fn run(arguments: &[&str]) -> (bool, String) {
    let (success, _, stderr) = run_program(arguments);
    (success, stderr)
}

/// Runs the program, which must succeed, and returns its standard error.
fn run_ok(arguments: &[&str]) -> String {
    let (success, stderr) = run(arguments);
    assert!(success, "{arguments:?}: {stderr}");
    stderr
}

fn path_str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Sends one backend record with a valid digest.
fn send_record(client: &Client, path: &str, params: &Value) {
    let body = json!({"token": "t", "time": 1_600_000_000_000_u64, "params": params}).to_string();
    assert_eq!(client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body).status(), 200, "{path}");
}

fn event(number: u64, kind: &str, visitor: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "ometria", "time": 1_600_000_000_000_u64 + number, "visitorId": visitor, "params": params})
}

/// Stores some records of every list, from pages, from the shop's server and from imports.
fn fill(client: &Client) {
    send_record(client, "/v2/category", &json!({"id": "c1", "name": "Shirts", "url": "https://x/c1"}));
    let options = json!([{"id": "o1", "name": "S", "price": 3.5}, {"id": "o2", "name": "M", "sku": "m"}]);
    send_record(
        client,
        "/v2/product",
        &json!({"id": "p1", "name": "Shirt", "price": "10.42", "sku": "shirt", "categories": ["c1"], "options": options}),
    );
    send_record(client, "/v2/product", &json!({"id": "p2", "name": "Gift", "price": ""}));
    send_record(
        client,
        "/v2/customer",
        &json!({"email": "a@x.com", "createdAt": 1_500_000_000, "firstName": "Jo", "subscribed": false, "tags": ["VIP", "b"]}),
    );
    send_record(client, "/v2/customer/tag", &json!({"email": "only-tags@x.com", "tags": ["x"]}));
    let billing = json!({"city": "Sofia", "countryCode": "BG", "phone": "1", "paymentMethod": "cod"});
    let lines = json!([{"productId": "o1", "quantity": 2}]);
    send_record(
        client,
        "/v2/order",
        &json!({"id": "000000123", "createdAt": 1_500_000_000, "email": "a@x.com", "amount": 1010.42, "status": "Paid",
        "products": lines, "coupons": ["SALE"], "billing": billing, "ipAddress": "1.2.3.4"}),
    );
    let lines = json!([{"product_id": "p1", "quantity": 2, "price": 5.25}]);
    client.store(&[
        event(1, "basket_add", "ab", &json!({"product_id": "p1", "quantity": 1.5})),
        identify(2, 1_600_000_000_002, "ab", "b@x.com"),
        event(3, "customer_details", "ab", &json!({"last_name": "Bravo", "phone_number": "+46"})),
        event(4, "basket_update", "cd", &json!({"basket_id": "b1", "total": 10.5, "currency": "EUR", "lines": lines, "changes": []})),
        event(5, "order", "ef", &json!({"order_id": "page", "total": 10.5, "tax": 2, "currency": "EUR", "lines": lines})),
    ]);
    let order_return = json!({"scope": "order", "action": "return", "data": {"order_id": "000000123", "order_lines": [{"product_id": "o1", "quantity": 1}]}});
    assert_eq!(client.post_with("/api/track", &[("authorization", &basic("t", "secret"))], &order_return.to_string()).status(), 200);
    let created_at = "2021-06-01T09:00:00.000Z";
    let carts = json!({"id": "imported-cart", "total_amount_with_taxes": 7, "created_at": created_at, "customer": {"email": "c@x.com", "id": "c@x.com"}});
    let orders = json!({"id": "imported-order", "status": "placed", "total_amount_with_taxes": 7.5, "placed_at": created_at, "coupon_code": "x",
        "customer": {"email": "c@x.com"}, "line_items": [{"item_id": "p1", "quantity": 2}], "billing_address": {"city": "Lund", "zip_code": "1"}});
    let returns = json!({"id": "imported-return", "order_id": "imported-order", "status": "received", "created_at": created_at});
    for (list, record) in [("carts", carts), ("orders", orders), ("returns", returns)] {
        let response = client.post_with(&format!("/import/{list}"), &[("authorization", &basic("t", "secret"))], &record.to_string());
        assert_eq!(response.status(), 200, "{list}");
    }
}

/// Returns every record of every list without its cursor, sorted by id.
fn lists(client: &Client) -> BTreeMap<&'static str, Vec<Value>> {
    let read = |list: &'static str| {
        let mut found = client.list_of("t", "secret", list);
        found.iter_mut().for_each(|record| drop(record.as_object_mut().unwrap().remove("cursor")));
        found.sort_by_key(|record| record.get("id").or(record.get("email")).unwrap().to_string());
        (list, found)
    };
    LISTS.into_iter().map(read).collect()
}

fn export_all(data: &Path, to: &Path, lists: &[&'static str]) {
    for list in lists {
        run_ok(&["export", list, "--data", path_str(data), "--out", path_str(&to.join(list))]);
    }
}

#[test]
fn exported_lists_are_unchanged_after_import_into_another_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, files] = ["from", "to", "files"].map(|name| folder.path().join(name));
    std::fs::create_dir(&files).unwrap();
    let program = ServerProcess::start(&from, &["--project", "t:secret"]);
    fill(&program.client);
    // The server is running.
    export_all(&from, &files, &LISTS);
    let expected = lists(&program.client);
    assert!(expected.values().all(|list| !list.is_empty()));
    let orders = &expected["orders"];
    assert!(orders.iter().any(|order| order["id"] == "imported-order" && order["email"] == "c@x.com" && order["amount"] == 7.5));
    for list in LISTS {
        run_ok(&["import", list, path_str(&files.join(list)), "--data", path_str(&to), "--project", "t"]);
    }
    let other = ServerProcess::start(&to, &["--project", "t:secret"]);
    assert_eq!(lists(&other.client), expected);
    // A second import, now through the server, changes nothing and duplicates nothing.
    for list in LISTS {
        run_ok(&["import", list, path_str(&files.join(list)), "--server", &other.client.url(""), "--owner", "t:secret"]);
    }
    assert_eq!(lists(&other.client), expected);
}

#[test]
fn import_of_a_file_with_a_byte_order_mark_accepts_every_line() {
    let server = TestServer::start();
    let lines = "\u{feff}{\"id\":\"1\",\"name\":\"Shoes\"}\n{\"id\":\"2\",\"name\":\"Hats\"}\n";
    let mut response = server.client.post_with("/import/categories", &[("authorization", &basic("t", "secret"))], lines);
    assert_eq!(read_json(&mut response)["accepted"], 2);
}

#[test]
fn imported_events_produce_the_same_log_and_the_same_derived_carts() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, file] = ["from", "to", "events"].map(|name| folder.path().join(name));
    let program = ServerProcess::start(&from, &["--project", "t:secret"]);
    fill(&program.client);
    run_ok(&["export", "events", "--data", path_str(&from), "--out", path_str(&file)]);
    let other = ServerProcess::start(&to, &["--project", "t:secret"]);
    let (url, owner) = (other.client.url(""), ["--owner", "t:secret"]);
    run_ok(&[&["import", "events", path_str(&file), "--server", &url], &owner[..]].concat());
    let stderr = run_ok(&[&["import", "events", path_str(&file), "--server", &url], &owner[..]].concat());
    assert!(stderr.contains("6 of them were stored already"), "{stderr}");
    let events = |client: &Client| {
        let mut events = client.export("");
        events
            .iter_mut()
            .for_each(|event| ["cursor", "received_at"].iter().for_each(|name| drop(event.as_object_mut().unwrap().remove(*name))));
        events
    };
    assert_eq!(events(&other.client), events(&program.client));
    let carts = |client: &Client| lists(client)["carts"].iter().filter(|cart| cart["id"] != "imported-cart").count();
    assert_eq!((carts(&other.client), carts(&program.client)), (2, 2));
    // A return, or a cart with the id of an event, that is derived from events cannot be imported as well. For a cart with a basket id the
    // imported one stands.
    export_all(&from, folder.path(), &["carts", "returns"]);
    for (list, accepted) in [("carts", "2 lines of"), ("returns", "1 lines of")] {
        let (success, stderr) = run(&[&["import", list, path_str(&folder.path().join(list)), "--server", &url], &owner[..]].concat());
        assert!(!success && stderr.contains("derived from events") && stderr.contains(accepted), "{stderr}");
    }
    assert_eq!(carts(&other.client), 2);
}

#[test]
fn export_after_a_cursor_writes_only_later_events() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("file"));
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    program.client.store(&(1..=1_200).map(|number| event(number, "checkout", "ab", &json!({}))).collect::<Vec<_>>()[700..]);
    let all = program.client.export("");
    let cursor = all[399]["cursor"].as_str().unwrap();
    run_ok(&["export", "events", "--data", path_str(&data), "--out", path_str(&file), "--after", cursor]);
    let rest: Vec<Value> = std::fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rest, all[400..]);
    let (success, stderr) = run(&["export", "events", "--data", path_str(&data), "--after", "x"]);
    assert!(!success && stderr.contains("--after is not a cursor"), "{stderr}");
}

/// Sends cart events until `done` is set, and sends the number of each acknowledged event to `acknowledged`.
fn send_until_done(client: &Client, next: &AtomicU64, done: &AtomicBool, acknowledged: &mpsc::Sender<u64>) {
    while !done.load(Relaxed) {
        let number = next.fetch_add(1, Relaxed);
        let add = event(number, "basket_add", &format!("visitor-{}", number % 5), &json!({"product_id": "p", "quantity": 1}));
        if client.store(&[add]) == (1, 0) {
            let _ = acknowledged.send(number);
        }
    }
}

#[test]
fn backup_under_load_restores_every_acknowledged_event_and_a_state_consistent_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    let (next, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (sender, client, next, done) = (sender.clone(), program.client.clone(), &next, &done);
            scope.spawn(move || send_until_done(&client, next, done, &sender));
        }
        // Each backup replaces the one before, so the last one is made in the middle of the load.
        for _ in 0..3 {
            acknowledged.extend(receiver.iter().take(100));
            acknowledged.extend(receiver.try_iter());
            run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
        }
        done.store(true, Relaxed);
    });
    run_ok(&["restore", path_str(&backup), "--data", path_str(&restored)]);
    let other = ServerProcess::start(&restored, &["--project", "t:secret"]);
    let events = other.client.export("");
    let ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !ids.contains(&id(**number).as_str())).collect();
    assert!(lost.is_empty() && acknowledged.len() >= 300, "{lost:?} of {} are lost", acknowledged.len());
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &events {
        *expected.entry(event["visitor_id"].as_str().unwrap()).or_default() += 1;
    }
    let carts = other.client.list_of("t", "secret", "carts");
    let found: BTreeMap<&str, u64> =
        carts.iter().map(|cart| (cart["customer"]["id"].as_str().unwrap(), cart["skus_count"].as_u64().unwrap())).collect();
    assert_eq!(found, expected);
    // The restored server still detects duplicates.
    let duplicate = event(acknowledged[0], "basket_add", "x", &json!({"product_id": "p", "quantity": 1}));
    assert_eq!(other.client.store(&[duplicate]), (0, 1));
}

#[test]
fn backup_after_an_erasure_contains_no_data_of_the_erased_customer() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    program.client.store(&[identify(1, 1, "ab", "jo@secret.example")]);
    let backup_has_email = || {
        run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
        let bytes = std::fs::read(backup.join(tillroll_collector::store::FILE)).unwrap();
        bytes.windows(17).any(|window| window == b"jo@secret.example")
    };
    assert!(backup_has_email());
    let mut erased = program.client.delete("/customers/jo@secret.example", &[("authorization", &basic("t", "secret"))]);
    assert_eq!(read_json(&mut erased)["erased"]["events"], 1);
    assert!(!backup_has_email());
}

#[cfg(unix)]
#[test]
fn backup_is_readable_by_its_user_only_and_restores_projects_and_keys() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    drop(ServerProcess::start(&data, &[]));
    std::fs::create_dir(data.join("notes")).unwrap();
    std::fs::write(data.join("notes/file"), "e1 0").unwrap();
    run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
    run_ok(&["restore", path_str(&backup), "--data", path_str(&restored)]);
    for folder in [&backup, &restored] {
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        for name in ["projects.json", "token-keys.json", "notes/file", tillroll_collector::store::FILE] {
            assert_eq!(std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    for name in ["projects.json", "token-keys.json", "notes/file"] {
        assert_eq!(std::fs::read(data.join(name)).unwrap(), std::fs::read(restored.join(name)).unwrap());
    }
}

#[test]
fn error_names_the_cause_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let [data, full, empty, lines] = ["data", "full", "empty", "lines"].map(|name| folder.path().join(name));
    let _program = ServerProcess::start(&data, &["--project", "t:secret", "--project", "u:secret"]);
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("diary"), "mine").unwrap();
    std::fs::write(&lines, "{\"id\":1,\"name\":\"A\"}\nno json\n\n{\"name\":\"B\"}\n").unwrap();
    let [data, full, empty, lines] = [path_str(&data), path_str(&full), path_str(&empty), path_str(&lines)];
    for (arguments, message) in [
        (vec!["export", "orders", "--data", empty], "contains no store"),
        (vec!["export", "orders", "--data", data], "choose one with --project"),
        (vec!["export", "orders", "--data", data, "--project", "x"], "has no project x; it has these projects: t, u"),
        (vec!["import", "orders", lines, "--data", data, "--project", "t"], "a server uses the data folder"),
        (vec!["import", "orders", "nowhere", "--data", empty], "cannot read nowhere"),
        (vec!["import", "orders", lines, "--data", empty], "with --project TOKEN"),
        (vec!["import", "orders", lines, "--server", "http://127.0.0.1:9"], "need --owner TOKEN:SECRET"),
        (
            vec!["import", "orders", lines, "--server", "http://127.0.0.1:9", "--owner", "t:secret"],
            "cannot reach the server at http://127.0.0.1:9",
        ),
        (vec!["import", "orders", lines, "--server", "127.0.0.1:9", "--owner", "t:secret"], "must be an address with its scheme"),
        (vec!["backup", full, "--data", data], "is not a backup; choose another folder"),
        (vec!["backup", "x", "--data", empty], "contains no store"),
        (vec!["restore", full, "--data", empty], "not a backup made by `tillroll backup`"),
    ] {
        let (success, stderr) = run(&arguments);
        assert!(!success && stderr.contains(message), "{arguments:?}: {stderr}");
    }
    assert_eq!(std::fs::read_to_string(Path::new(full).join("diary")).unwrap(), "mine");
    let backup = folder.path().join("backup");
    run_ok(&["backup", path_str(&backup), "--data", data]);
    let (success, stderr) = run(&["restore", path_str(&backup), "--data", full]);
    assert!(!success && stderr.contains("is not empty"), "{stderr}");
    // Valid lines are imported although others are rejected; the exit status reports the failure.
    let (success, stderr) = run(&["import", "categories", lines, "--data", path_str(&folder.path().join("new")), "--project", "t"]);
    assert!(
        !success
            && stderr.contains("line 2: is not JSON: expected ident at column 2")
            && stderr.contains("line 4: `record.id` must be a string"),
        "{stderr}"
    );
    assert!(stderr.contains("Imported 1 lines of categories") && stderr.contains("2 lines were rejected"), "{stderr}");
}

#[test]
fn damaged_backup_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    program.client.store(&(1..=400).map(|number| event(number, "checkout", "ab", &json!({}))).collect::<Vec<_>>());
    run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
    let file = backup.join(tillroll_collector::store::FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 9_000].fill(0x55);
    std::fs::write(&file, bytes).unwrap();
    let (success, stderr) = run(&["restore", path_str(&backup), "--data", path_str(&restored)]);
    assert!(!success && !restored.exists(), "{stderr}");
}
