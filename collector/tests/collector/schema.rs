//! A store of the first schema, as its server left it, opened by this version: the same state, and alive.

use serde_json::{Map, Value, json};

use crate::server::{Program, id, read_json};

const STORE: &str = include_str!("schema-1.sql");
const STATE: &str = include_str!("schema-1.json");

#[test]
fn a_store_of_the_first_schema_is_opened_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(tillroll_collector::store::FILE);
    rusqlite::Connection::open(&file).unwrap().execute_batch(STORE).unwrap();
    let wanted: Map<String, Value> = serde_json::from_str(STATE).unwrap();
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    let client = &program.client;
    for (list, wanted) in &wanted {
        assert_eq!(&Value::from(client.list_of("t", "s", list)), wanted, "{list}");
    }
    // What it knew, it still knows; what follows from old events and new ones together is right.
    let add = |number: u64, visitor: &str| json!({"id": id(number), "type": "basket_add", "api": "ometria", "time": 1_600_000_001_000_u64, "visitorId": visitor, "params": {"product_id": "p1", "quantity": 1}});
    assert_eq!(client.store(&[add(2, "ab"), add(100, "ab")]), (1, 1));
    let carts = client.list_of("t", "s", "carts");
    let cart = carts.iter().find(|cart| cart["customer"]["email"] == "b@x.com").unwrap();
    assert_eq!(cart["line_items"][0]["quantity"], 2);
    drop(program);
    let version = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
    assert!(rusqlite::Connection::open(&file).unwrap().query_row("PRAGMA user_version", [], version).unwrap() > 1);
}

#[test]
fn a_backup_of_the_first_schema_is_restored_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let [backup, data] = ["backup", "data"].map(|name| folder.path().join(name));
    std::fs::create_dir(&backup).unwrap();
    std::fs::write(backup.join("backup.json"), "{}").unwrap();
    rusqlite::Connection::open(backup.join(tillroll_collector::store::FILE)).unwrap().execute_batch(STORE).unwrap();
    let program = env!("CARGO_BIN_EXE_tillroll");
    let run = |arguments: &[&str]| std::process::Command::new(program).args(arguments).output().unwrap();
    let [backup, data_text] = [&backup, &data].map(|path| path.to_str().unwrap());
    assert!(run(&["restore", backup, "--data", data_text]).status.success());
    // An export only reads, so it leaves the migration to a server.
    let export = run(&["export", "orders", "--data", data_text]);
    assert!(!export.status.success() && String::from_utf8_lossy(&export.stderr).contains("start this version's server"));
    let program = Program::start(&data, &["--project", "t:s"]);
    assert_eq!(program.client.list_of("t", "s", "orders").len(), 3);
    assert_eq!(read_json(&mut program.client.send(&[]))["accepted"], 0);
}
