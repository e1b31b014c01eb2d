//! The command line on a data folder: out of it and into it, and safe copies of it while its server works.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::backend::digest;
use crate::server::{Client, Program, Running, basic, id, identify, read_json};

const LISTS: [&str; 6] = ["customers", "categories", "products", "orders", "carts", "returns"];

/// Runs the program, and returns whether it succeeded and its standard error.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillroll")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

fn must(arguments: &[&str]) -> String {
    let (success, output) = run(arguments);
    assert!(success, "{arguments:?}: {output}");
    output
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn send_record(client: &Client, path: &str, params: &Value) {
    let body = json!({"token": "t", "time": 1_600_000_000_000_u64, "params": params}).to_string();
    assert_eq!(client.post_with(path, &[("x-digest", &digest(&body, "s"))], &body).status(), 200, "{path}");
}

fn event(number: u64, kind: &str, visitor: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "ometria", "time": 1_600_000_000_000_u64 + number, "visitorId": visitor, "params": params})
}

/// A shop with some of everything.
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
    let back = json!({"scope": "order", "action": "return", "data": {"order_id": "000000123", "order_lines": [{"product_id": "o1", "quantity": 1}]}});
    assert_eq!(client.post_with("/api/track", &[("authorization", &basic("t", "s"))], &back.to_string()).status(), 200);
    let made = "2021-06-01T09:00:00.000Z";
    let carts =
        json!({"id": "imported-cart", "total_amount_with_taxes": 7, "created_at": made, "customer": {"email": "c@x.com", "id": "c@x.com"}});
    let orders = json!({"id": "imported-order", "status": "placed", "total_amount_with_taxes": 7.5, "placed_at": made, "coupon_code": "x",
        "customer": {"email": "c@x.com"}, "line_items": [{"item_id": "p1", "quantity": 2}], "billing_address": {"city": "Lund", "zip_code": "1"}});
    let returns = json!({"id": "imported-return", "order_id": "imported-order", "status": "received", "created_at": made});
    for (list, record) in [("carts", carts), ("orders", orders), ("returns", returns)] {
        let answer = client.post_with(&format!("/import/{list}"), &[("authorization", &basic("t", "s"))], &record.to_string());
        assert_eq!(answer.status(), 200, "{list}");
    }
}

/// Everything the lists print but for the cursors, in the order of ids.
fn lists(client: &Client) -> BTreeMap<&'static str, Vec<Value>> {
    let read = |list: &'static str| {
        let mut found = client.list_of("t", "s", list);
        found.iter_mut().for_each(|thing| drop(thing.as_object_mut().unwrap().remove("cursor")));
        found.sort_by_key(|thing| thing.get("id").or(thing.get("email")).unwrap().to_string());
        (list, found)
    };
    LISTS.into_iter().map(read).collect()
}

fn export_all(data: &Path, to: &Path, lists: &[&'static str]) {
    for list in lists {
        must(&["export", list, "--data", text(data), "--out", text(&to.join(list))]);
    }
}

#[test]
fn what_is_exported_and_imported_elsewhere_is_exported_there_alike() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, files] = ["from", "to", "files"].map(|name| folder.path().join(name));
    std::fs::create_dir(&files).unwrap();
    let program = Program::start(&from, &["--project", "t:s"]);
    fill(&program.client);
    // While the server runs.
    export_all(&from, &files, &LISTS);
    let expected = lists(&program.client);
    assert!(expected.values().all(|list| !list.is_empty()));
    let orders = &expected["orders"];
    assert!(orders.iter().any(|order| order["id"] == "imported-order" && order["email"] == "c@x.com" && order["amount"] == 7.5));
    for list in LISTS {
        must(&["import", list, text(&files.join(list)), "--data", text(&to), "--project", "t"]);
    }
    let other = Program::start(&to, &["--project", "t:s"]);
    assert_eq!(lists(&other.client), expected);
    // Once more, through the server this time: nothing changes, and nothing is there twice.
    for list in LISTS {
        must(&["import", list, text(&files.join(list)), "--server", &other.client.url(""), "--owner", "t:s"]);
    }
    assert_eq!(lists(&other.client), expected);
}

#[test]
fn a_file_that_begins_with_the_sign_of_utf_8_loses_no_line() {
    let server = Running::start();
    let lines = "\u{feff}{\"id\":\"1\",\"name\":\"Shoes\"}\n{\"id\":\"2\",\"name\":\"Hats\"}\n";
    let mut answer = server.client.post_with("/import/categories", &[("authorization", &basic("t", "s"))], lines);
    assert_eq!(read_json(&mut answer)["accepted"], 2);
}

#[test]
fn the_log_is_imported_with_all_that_follows_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, file] = ["from", "to", "events"].map(|name| folder.path().join(name));
    let program = Program::start(&from, &["--project", "t:s"]);
    fill(&program.client);
    must(&["export", "events", "--data", text(&from), "--out", text(&file)]);
    let other = Program::start(&to, &["--project", "t:s"]);
    let (url, owner) = (other.client.url(""), ["--owner", "t:s"]);
    must(&[&["import", "events", text(&file), "--server", &url], &owner[..]].concat());
    let output = must(&[&["import", "events", text(&file), "--server", &url], &owner[..]].concat());
    assert!(output.contains("6 of them were stored already"), "{output}");
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
    // A cart that follows from events cannot be there a second time.
    export_all(&from, folder.path(), &["carts", "returns"]);
    for list in ["carts", "returns"] {
        let (success, output) = run(&[&["import", list, text(&folder.path().join(list)), "--server", &url], &owner[..]].concat());
        assert!(!success && output.contains("derived from events") && output.contains("1 lines of"), "{output}");
    }
}

#[test]
fn an_export_goes_on_behind_a_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("file"));
    let program = Program::start(&data, &["--project", "t:s"]);
    program.client.store(&(1..=1_200).map(|number| event(number, "checkout", "ab", &json!({}))).collect::<Vec<_>>()[700..]);
    let all = program.client.export("");
    let cursor = all[399]["cursor"].as_str().unwrap();
    must(&["export", "events", "--data", text(&data), "--out", text(&file), "--after", cursor]);
    let rest: Vec<Value> = std::fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rest, all[400..]);
    let (success, output) = run(&["export", "events", "--data", text(&data), "--after", "x"]);
    assert!(!success && output.contains("--after is not a cursor"), "{output}");
}

/// Adds to carts until `done` is set, and sends the number of each acknowledged event.
fn shop_until(client: &Client, next: &AtomicU64, done: &AtomicBool, acknowledged: &mpsc::Sender<u64>) {
    while !done.load(Relaxed) {
        let number = next.fetch_add(1, Relaxed);
        let add = event(number, "basket_add", &format!("visitor-{}", number % 5), &json!({"product_id": "p", "quantity": 1}));
        if client.store(&[add]) == (1, 0) {
            let _ = acknowledged.send(number);
        }
    }
}

#[test]
fn a_backup_under_load_restores_to_all_that_was_acknowledged_and_to_a_state_that_fits_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    let program = Program::start(&data, &["--project", "t:s"]);
    let (next, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let (acknowledged, numbers) = mpsc::channel();
    let mut before = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (acknowledged, client, next, done) = (acknowledged.clone(), program.client.clone(), &next, &done);
            scope.spawn(move || shop_until(&client, next, done, &acknowledged));
        }
        // Three times, each in the place of the one before, so that the last is made in the middle of the load.
        for _ in 0..3 {
            before.extend(numbers.iter().take(100));
            before.extend(numbers.try_iter());
            must(&["backup", text(&backup), "--data", text(&data)]);
        }
        done.store(true, Relaxed);
    });
    must(&["restore", text(&backup), "--data", text(&restored)]);
    let other = Program::start(&restored, &["--project", "t:s"]);
    let events = other.client.export("");
    let ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    let lost: Vec<_> = before.iter().filter(|number| !ids.contains(&id(**number).as_str())).collect();
    assert!(lost.is_empty() && before.len() >= 300, "{lost:?} of {}", before.len());
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &events {
        *wanted.entry(event["visitor_id"].as_str().unwrap()).or_default() += 1;
    }
    let carts = other.client.list_of("t", "s", "carts");
    let found: BTreeMap<&str, u64> =
        carts.iter().map(|cart| (cart["customer"]["id"].as_str().unwrap(), cart["skus_count"].as_u64().unwrap())).collect();
    assert_eq!(found, wanted);
    // The restored server has all earlier events and accepts new ones.
    let again = event(before[0], "basket_add", "x", &json!({"product_id": "p", "quantity": 1}));
    assert_eq!(other.client.store(&[again]), (0, 1));
}

#[test]
fn the_next_backup_no_longer_holds_who_was_erased() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let program = Program::start(&data, &["--project", "t:s"]);
    program.client.store(&[identify(1, 1, "ab", "jo@secret.example")]);
    let holds = || {
        must(&["backup", text(&backup), "--data", text(&data)]);
        let bytes = std::fs::read(backup.join(tillroll_collector::store::FILE)).unwrap();
        bytes.windows(17).any(|window| window == b"jo@secret.example")
    };
    assert!(holds());
    let url = program.client.url("/customers/jo@secret.example");
    let request = ureq::http::Request::delete(url).header("authorization", basic("t", "s")).body(()).unwrap();
    assert_eq!(read_json(&mut ureq::run(request).unwrap())["erased"]["events"], 1);
    assert!(!holds());
}

#[cfg(unix)]
#[test]
fn what_a_backup_holds_is_for_its_owner_alone_and_keys_come_back() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    drop(Program::start(&data, &[]));
    std::fs::create_dir(data.join("notes")).unwrap();
    std::fs::write(data.join("notes/one"), "e1 0").unwrap();
    must(&["backup", text(&backup), "--data", text(&data)]);
    must(&["restore", text(&backup), "--data", text(&restored)]);
    for folder in [&backup, &restored] {
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        for name in ["projects.json", "token-keys.json", "notes/one", tillroll_collector::store::FILE] {
            assert_eq!(std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    for name in ["projects.json", "token-keys.json", "notes/one"] {
        assert_eq!(std::fs::read(data.join(name)).unwrap(), std::fs::read(restored.join(name)).unwrap());
    }
}

#[test]
fn errors_of_commands_include_advice() {
    let folder = tempfile::tempdir().unwrap();
    let [data, full, empty, lines] = ["data", "full", "empty", "lines"].map(|name| folder.path().join(name));
    let _program = Program::start(&data, &["--project", "t:s", "--project", "u:s"]);
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("diary"), "mine").unwrap();
    std::fs::write(&lines, "{\"id\":1,\"name\":\"A\"}\nno json\n\n{\"name\":\"B\"}\n").unwrap();
    let [data, full, empty, lines] = [text(&data), text(&full), text(&empty), text(&lines)];
    for (arguments, part) in [
        (vec!["export", "orders", "--data", empty], "contains no store"),
        (vec!["export", "orders", "--data", data], "choose one with --project"),
        (vec!["export", "orders", "--data", data, "--project", "x"], "has no project x; it has these projects: t, u"),
        (vec!["import", "orders", lines, "--data", data, "--project", "t"], "a server uses the data folder"),
        (vec!["import", "orders", "nowhere", "--data", empty], "cannot read nowhere"),
        (vec!["import", "orders", lines, "--data", empty], "with --project TOKEN"),
        (vec!["import", "orders", lines, "--server", "http://127.0.0.1:9"], "need --owner TOKEN:SECRET"),
        (vec!["import", "orders", lines, "--server", "http://127.0.0.1:9", "--owner", "t:s"], "does not answer"),
        (vec!["backup", full, "--data", data], "is not a backup; choose another folder"),
        (vec!["backup", "x", "--data", empty], "contains no store"),
        (vec!["restore", full, "--data", empty], "not a backup made by `tillroll backup`"),
    ] {
        let (success, output) = run(&arguments);
        assert!(!success && output.contains(part), "{arguments:?}: {output}");
    }
    assert_eq!(std::fs::read_to_string(Path::new(full).join("diary")).unwrap(), "mine");
    let backup = folder.path().join("backup");
    must(&["backup", text(&backup), "--data", data]);
    let (success, output) = run(&["restore", text(&backup), "--data", full]);
    assert!(!success && output.contains("is not empty"), "{output}");
    // An invalid line does not affect the others, and the exit status reports it.
    let (success, output) = run(&["import", "categories", lines, "--data", text(&folder.path().join("new")), "--project", "t"]);
    assert!(!success && output.contains("line 2: ") && output.contains("line 4: `record.id` must be a string"), "{output}");
    assert!(output.contains("Imported 1 lines of categories") && output.contains("2 lines were rejected"), "{output}");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    let program = Program::start(&data, &["--project", "t:s"]);
    program.client.store(&(1..=400).map(|number| event(number, "checkout", "ab", &json!({}))).collect::<Vec<_>>());
    must(&["backup", text(&backup), "--data", text(&data)]);
    let file = backup.join(tillroll_collector::store::FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 9_000].fill(0x55);
    std::fs::write(&file, bytes).unwrap();
    let (success, output) = run(&["restore", text(&backup), "--data", text(&restored)]);
    assert!(!success && !restored.exists(), "{output}");
}
