//! Backups, restores and imports that are interrupted or fail, and targets that are no ordinary folders.

use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;

use tempfile::TempDir;
#[cfg(target_os = "linux")]
use tillroll_cluster::small_disk;
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
    for (name, text) in [("lock", ""), ("projects.json", "[]"), ("token-keys.json", "["), ("tillroll.sqlite3.part", "SQLite")] {
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

#[test]
fn backup_within_the_data_folder_or_around_it_is_refused() {
    let (folder, data, backup) = backed_up();
    let with_data = [Path::new("--data"), &data];
    let before = names(&data);
    for target in [data.clone(), data.join("backup"), data.join("deep/er"), folder.path().join("data/../data/backup")] {
        let err = error_of(&["backup"], &[&[target.as_path()], &with_data[..]].concat());
        assert!(err.contains("is within the data folder"), "{target:?}: {err}");
    }
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        for (target, with_data) in [(link.join("backup"), with_data), (data.join("backup"), [Path::new("--data"), &link])] {
            let err = error_of(&["backup"], &[&[target.as_path()], &with_data[..]].concat());
            assert!(err.contains("is within the data folder"), "{target:?}: {err}");
        }
    }
    assert_eq!(names(&data), before);
    // A backup can be the parent of another data folder.
    let inner = backup.join("data");
    succeeds(&["projects", "add", "v", "--data"], &[&inner]);
    assert!(error_of(&["backup"], &[&backup, Path::new("--data"), &inner]).contains("contains the data folder"));
}

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn backup_to_a_symbolic_link_replaces_the_folder_that_it_names() {
    let (folder, data, _) = backed_up();
    let [other_disk, link] = ["other-disk", "link"].map(|name| folder.path().join(name));
    std::fs::create_dir(&other_disk).unwrap();
    std::os::unix::fs::symlink(other_disk.join("backup"), &link).unwrap();
    assert!(error_of(&["backup"], &[&link, Path::new("--data"), &data]).contains("cannot write"), "the link leads nowhere");
    std::fs::create_dir(other_disk.join("backup")).unwrap();
    for _ in 0..2 {
        succeeds(&["backup"], &[&link, Path::new("--data"), &data]);
        assert!(link.is_symlink() && other_disk.join("backup").join(FILE).is_file());
        assert_eq!(names(&other_disk), ["backup"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn backup_to_a_mount_point_is_refused() {
    let (_folder, data, _) = backed_up();
    let err = error_of(&["backup"], &[Path::new("/proc"), Path::new("--data"), &data]);
    assert!(err.contains("/proc is a mount point; name a folder inside of it"), "{err}");
}

/// Returns a command that runs the program with a small disk at `folder`, or None if the system does not allow to mount one.
#[cfg(target_os = "linux")]
fn on_small_disk(folder: &Path, megabytes: u32, script: &str) -> Option<Command> {
    let words = small_disk::small_disk(folder, megabytes)?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["sh", "-c", script]).arg(folder).arg(env!("CARGO_BIN_EXE_tillroll"));
    Some(command)
}

#[cfg(target_os = "linux")]
#[test]
fn failed_backup_names_its_target_and_leaves_no_copy() {
    let (folder, data, _) = backed_up();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = "mkdir \"$0/backup\" && dd if=/dev/zero of=\"$0/ballast\" bs=1k count=900 2>/dev/null
        \"$@\"; echo \"status $?\"; ls -A \"$0\"";
    let Some(mut command) = on_small_disk(&disk, 1, script) else {
        println!("SKIPPED: this system does not allow to mount a small disk");
        return;
    };
    let output = command.arg("backup").arg(disk.join("backup")).arg("--data").arg(&data).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(out.lines().collect::<Vec<_>>(), ["status 1", "backup", "ballast"], "{err}");
    assert!(err.contains("cannot make the backup") && err.contains(disk.to_str().unwrap()), "{err}");
    assert!(err.contains("free disk space or choose another folder") && err.matches("is full").count() == 1, "{err}");
}

#[cfg(target_os = "linux")]
#[test]
fn import_onto_a_full_disk_names_the_cause_and_what_was_imported() {
    use std::fmt::Write;
    let folder = tempfile::tempdir().unwrap();
    let [disk, lines] = ["disk", "lines"].map(|name| folder.path().join(name));
    std::fs::create_dir(&disk).unwrap();
    let mut text = String::new();
    for number in 0..20_000_u64 {
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(text, "{{\"id\":\"{number}\",\"name\":\"{random:x}{:x}{:x}\"}}", random.rotate_left(7) ^ number, random ^ 0x5555).unwrap();
    }
    std::fs::write(&lines, text).unwrap();
    let Some(mut command) = on_small_disk(&disk, 2, "exec \"$@\"") else {
        println!("SKIPPED: this system does not allow to mount a small disk");
        return;
    };
    let output = command.args(["import", "categories"]).arg(&lines).args(["--project", "t", "--data"]).arg(&disk).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && err.contains("lines of categories before the error"), "{err}");
    assert!(err.contains("disk") && err.contains("free disk space and try again"), "{err}");
}

#[test]
fn damaged_files_of_a_data_folder_are_named_with_their_cause_once() {
    for (name, text, parts) in [
        ("token-keys.json", "[{\"kid\"", &["token-keys.json is damaged", "delete it"][..]),
        (FILE, "no database, but a text that is longer than a header of one", &["file is not a database", "restore a backup"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let err = error_of(&["serve", "--listen", "127.0.0.1:0", "--project", "t:secret", "--data"], &[folder.path()]);
        assert!(parts.iter().all(|part| err.matches(part).count() == 1), "{name}: {err}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FILE)).unwrap();
    let err = error_of(&["serve", "--listen", "127.0.0.1:0", "--data"], &[folder.path()]);
    assert!(err.contains("must own the data folder") && err.matches("unable to open").count() == 1, "{err}");
}

#[test]
fn positions_of_forwarding_are_copied_whatever_the_token_of_the_project() {
    let (folder, data, _) = backed_up();
    let tokens = ["t", "woodblock", "shop", "shop.new", "shop.part"];
    for token in tokens {
        std::fs::write(data.join(format!("forwarded.{token}")), token).unwrap();
    }
    // What a killed process has left of a file that it replaced.
    std::fs::write(data.join(".abc.new"), "").unwrap();
    let [backup, restored] = ["backup2", "restored"].map(|name| folder.path().join(name));
    succeeds(&["backup"], &[&backup, Path::new("--data"), &data]);
    succeeds(&["restore"], &[&backup, Path::new("--data"), &restored]);
    for token in tokens {
        assert_eq!(std::fs::read_to_string(restored.join(format!("forwarded.{token}"))).unwrap(), token);
    }
    assert!(!restored.join(".abc.new").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_the_user_may_not_read_is_not_called_empty() {
    let (folder, data, backup) = backed_up();
    if rustix::process::geteuid().is_root() {
        return; // The administrator may read all.
    }
    use std::os::unix::fs::PermissionsExt;
    let close = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    [&data, &backup].iter().for_each(|path| close(path, 0o000));
    let restored = folder.path().join("restored");
    for err in [error_of(&["export", "events", "--data"], &[&data]), error_of(&["restore"], &[&backup, Path::new("--data"), &restored])] {
        assert!(err.contains("Permission denied"), "{err}");
    }
    [&data, &backup].iter().for_each(|path| close(path, 0o700));
}
