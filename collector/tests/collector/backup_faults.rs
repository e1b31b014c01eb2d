//! Backups and restores that are interrupted, and targets that are no ordinary folders.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tillroll_collector::store::FILE;

use crate::server::{ServerProcess, run_program, view};

/// A folder with a data folder `data` that has one event, and a backup of it, `backup`.
fn backed_up() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let [data, backup] = ["data", "backup"].map(|name| folder.path().join(name));
    let program = ServerProcess::start(&data, &["--project", "t:secret"]);
    program.client.store(&[view(1, 1, "ab")]);
    drop(program);
    succeeds(&["projects", "add", "u", "--data"], &[&data]);
    succeeds(&["backup"], &[&backup, Path::new("--data"), &data]);
    (folder, data, backup)
}

fn run(words: &[&str], paths: &[&Path]) -> (bool, String) {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let (success, _, err) = run_program(&[words, &paths].concat());
    (success, err)
}

fn succeeds(words: &[&str], paths: &[&Path]) {
    let (success, err) = run(words, paths);
    assert!(success, "{words:?}: {err}");
}

/// Returns the error of a command that must fail.
fn error_of(words: &[&str], paths: &[&Path]) -> String {
    let (success, err) = run(words, paths);
    assert!(!success, "{words:?}: {err}");
    err
}

#[test]
fn folder_of_an_interrupted_restore_is_refused_until_the_restore_is_repeated() {
    let (folder, _, backup) = backed_up();
    let restored = folder.path().join("restored");
    std::fs::create_dir(&restored).unwrap();
    for (name, text) in [("lock", ""), ("projects.json", "[]"), ("token-keys.json.part", "["), ("tillroll.sqlite3.part", "SQLite")] {
        std::fs::write(restored.join(name), text).unwrap();
    }
    let import = ["import", "events", "/dev/null", "--project", "t", "--data"];
    for words in [&["serve", "--listen", "127.0.0.1:0", "--data"][..], &import] {
        let err = error_of(words, &[&restored]);
        assert!(err.contains("did not finish; delete the folder and run `tillroll restore`"), "{err}");
    }
    assert!(!restored.join(FILE).exists());
    // A file that the restore did not create is not replaced.
    std::fs::write(restored.join("notes"), "mine").unwrap();
    assert!(error_of(&["restore"], &[&backup, Path::new("--data"), &restored]).contains("is not empty"));
    std::fs::remove_file(restored.join("notes")).unwrap();
    succeeds(&["restore"], &[&backup, Path::new("--data"), &restored]);
    let program = ServerProcess::start(&restored, &["--project", "t:secret"]);
    assert_eq!(program.client.export("").len(), 1);
    assert_eq!(std::fs::read(restored.join("projects.json")).unwrap(), std::fs::read(backup.join("projects.json")).unwrap());
    assert!(std::fs::read_dir(&restored).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().ends_with(".part")));
}
