//! What operators meet: mount points, read-only mounts, and projects that were added a moment ago.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::server::{ServerProcess, run_program, view};

fn run_ok(arguments: &[&str]) -> (String, String) {
    let (success, stdout, stderr) = run_program(arguments);
    assert!(success, "{arguments:?}: {stderr}");
    (stdout, stderr)
}

fn path_str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Fills a data folder with two events, and stops the server.
fn fill(folder: &Path) {
    let mut server = ServerProcess::start(folder, &["--project", "t:secret"]);
    server.client.store(&[view(1, 1, "ab"), view(2, 2, "ab")]);
    rustix::process::kill_process(server.pid(), rustix::process::Signal::TERM).unwrap();
    server.child.wait().unwrap();
}

#[test]
fn folder_with_only_lost_and_found_counts_as_empty() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
    fill(&data);
    for root in [&data, &restored] {
        std::fs::create_dir_all(root.join("lost+found")).unwrap();
    }
    run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
    run_ok(&["restore", path_str(&backup), "--data", path_str(&restored)]);
    let (exported, _) = run_ok(&["export", "events", "--data", path_str(&restored)]);
    assert_eq!(exported.lines().count(), 2);
    let (success, _, stderr) = run_program(&["restore", path_str(&backup), "--data", path_str(&restored)]);
    assert!(!success && stderr.contains("not empty"), "{stderr}");
}

#[test]
fn the_copy_of_a_store_that_a_killed_server_has_left_is_not_backed_up_and_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup] = ["data", "backup"].map(|name| folder.path().join(name));
    fill(&data);
    let copy = data.join(".copy-ab12");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("tillroll.sqlite3"), "SQLite").unwrap();
    run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
    let names = || std::fs::read_dir(&backup).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names().any(|name| name.starts_with(".copy")) && names().any(|name| name == "tillroll.sqlite3"));
    let _server = ServerProcess::start(&data, &["--project", "t:secret"]);
    assert!(!copy.exists());
}

/// A folder that nothing can be written to. Dropping it makes it writable again.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// Mounts a folder read-only, as an administrator can; or takes away its permission to write.
    fn new(folder: &Path) -> Option<Self> {
        let is_done =
            |program: &str, arguments: &[&str]| Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
        let path = path_str(folder);
        if !is_done("mount", &["--bind", path, path]) || !is_done("mount", &["-o", "remount,ro,bind", path]) {
            is_done("chmod", &["-R", "a-w", path]);
        }
        let read_only = Self(folder.to_owned());
        std::fs::write(folder.join("probe"), "").is_err().then_some(read_only)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let path = path_str(&self.0);
        let _ = Command::new("umount").arg(path).output();
        let _ = Command::new("chmod").args(["-R", "u+w", path]).output();
    }
}

#[test]
fn read_only_data_folder_is_exported_and_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    for is_killed in [false, true] {
        let [data, backup] = ["data", "backup"].map(|name| folder.path().join(format!("{name} {is_killed}?")));
        fill(&data);
        if is_killed {
            // The server leaves a write-ahead log with the newest event.
            let server = ServerProcess::start(&data, &["--project", "t:secret"]);
            server.client.store(&[view(3, 3, "ab")]);
            drop(server);
        }
        let Some(read_only) = ReadOnly::new(&data) else {
            eprintln!("this system cannot make a folder read-only for this user; nothing is tested");
            return;
        };
        let count = if is_killed { 3 } else { 2 };
        let (exported, _) = run_ok(&["export", "events", "--data", path_str(&data)]);
        assert_eq!(exported.lines().count(), count, "{exported}");
        run_ok(&["backup", path_str(&backup), "--data", path_str(&data)]);
        let (exported, _) = run_ok(&["export", "events", "--data", path_str(&backup)]);
        assert_eq!(exported.lines().count(), count, "{exported}");
        drop(read_only);
    }
}

#[test]
fn import_finds_a_project_that_was_added_a_moment_ago() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("orders"));
    std::fs::write(&file, json!({"id": "1", "status": "placed", "placed_at": "2022-01-01T00:00:00Z"}).to_string()).unwrap();
    run_ok(&["projects", "add", "new", "--data", path_str(&data)]);
    run_ok(&["import", "orders", path_str(&file), "--data", path_str(&data)]);
    let (exported, _) = run_ok(&["export", "orders", "--data", path_str(&data)]);
    assert_eq!(exported.lines().count(), 1);

    let server = ServerProcess::start(&data, &[]);
    let (owner, _) = run_ok(&["projects", "add", "newer", "--data", path_str(&data)]);
    let owner = owner.split_whitespace().find(|word| word.starts_with("newer:")).unwrap().to_owned();
    run_ok(&["import", "orders", path_str(&file), "--server", &server.client.url(""), "--owner", &owner]);
    let (success, _, stderr) =
        run_program(&["import", "orders", path_str(&file), "--server", &server.client.url(""), "--owner", "newer:wrong"]);
    assert!(!success && stderr.contains("401"), "{stderr}");
}
