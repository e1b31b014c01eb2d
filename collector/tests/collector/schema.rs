//! Stores of another schema version are refused, and stay as they are.

use std::process::{Command, Output};

use rusqlite::Connection;
use tillroll_collector::store::FILE;

use crate::server::{ServerProcess, view};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tillroll")).args(arguments).output().unwrap()
}

#[test]
fn a_store_of_another_version_is_refused_with_the_folder_and_the_versions() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    drop({
        let program = ServerProcess::start(&data, &["--project", "t:secret"]);
        program.client.store(&[view(1, 1, "ab")]);
        program
    });
    let database = Connection::open(data.join(FILE)).unwrap();
    let data_text = data.to_str().unwrap();
    for version in [0, 7, 999] {
        database.pragma_update(None, "user_version", version).unwrap();
        let serve = ["serve", "--data", data_text, "--project", "t:secret", "--listen", "127.0.0.1:0"];
        for arguments in [&serve[..], &["export", "events", "--data", data_text]] {
            let output = run(arguments);
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{arguments:?}");
            let file = data.join(FILE);
            for part in [file.to_str().unwrap(), &format!("has schema version {version}"), "supports version 1", "--data"] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
    }
    database.pragma_update(None, "user_version", 1).unwrap();
    drop(database);
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    assert_eq!(program.client.export("").len(), 1);
}

#[test]
fn a_backup_of_another_version_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let [backup, data] = ["backup", "data"].map(|name| folder.path().join(name));
    std::fs::create_dir(&backup).unwrap();
    std::fs::write(backup.join("backup.json"), "{}").unwrap();
    Connection::open(backup.join(FILE)).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let output = run(&["restore", backup.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("has schema version 7"));
    assert!(!data.join(FILE).exists());
}
