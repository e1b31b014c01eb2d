//! The program's own manners: how it starts, refuses to start, and stops.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::process::{Signal, kill_process};

use crate::server::{Program, basic, view};

fn run(more: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tillroll")).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_server_prints_its_address_and_stops_on_a_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start(folder.path(), &["--project", "t:s"]);
        assert!(program.line.starts_with("tillroll listens on http://127.0.0.1:"), "{}", program.line);
        program.client.store(&[view(1, 1, "ab")]);
        // A listener of the live view never ends its request by itself.
        let listener = program.client.get("/live/events", &[("authorization", &basic("t", "s"))]);
        kill_process(program.pid(), signal).unwrap();
        assert!(program.child.wait().unwrap().success());
        drop(listener);
        let again = Program::start(folder.path(), &["--project", "t:s"]);
        assert_eq!(again.client.export("").len(), 1);
    }
}

#[test]
fn what_was_taken_is_answered_before_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--project", "t:s"]);
    let stranger = rusqlite::Connection::open(folder.path().join(tillroll_collector::store::FILE)).unwrap();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let client = program.client.clone();
    let sending = std::thread::spawn(move || client.send(&[view(1, 1, "ab")]).status().as_u16());
    while !program.client.get("/metrics", &[]).body_mut().read_to_string().unwrap().contains("tillroll_queue_depth 1") {}
    kill_process(program.pid(), Signal::TERM).unwrap();
    stranger.execute_batch("ROLLBACK").unwrap();
    // On a stalled machine the store may time out waiting for the lock, and then reports that.
    let status = sending.join().unwrap();
    assert!([200, 503].contains(&status), "{status}");
    assert!(program.child.wait().unwrap().success());
    let again = Program::start(folder.path(), &["--project", "t:s"]);
    assert_eq!(again.client.export("").len(), usize::from(status == 200));
}

#[test]
fn a_first_start_creates_a_project_and_prints_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.unwrap().read_to_string(&mut out).unwrap();
        child.stderr.unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(out, "", "one line on standard output and no more");
        err
    };
    let first = start();
    let path = folder.path().join("projects.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let (token, secret) = (kept[0]["token"].as_str().unwrap(), kept[0]["secrets"][0]["secret"].as_str().unwrap());
    assert!(first.contains(token) && first.contains(secret), "{first}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let second = start();
    assert!(!second.contains(secret), "{second}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Program::start(folder.path(), &["--project", "t:s"]);
    let (success, out, err) = run(&["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    assert!(!success && out.is_empty() && err.contains("in use by another collector"), "{err}");
}

#[test]
fn startup_errors_include_advice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (flags, parts) in [
        (vec!["--listen", &address, "--data", data], vec!["cannot listen on", "--listen"]),
        (vec!["--listen", "nonsense", "--data", data], vec!["cannot listen on nonsense", "--listen"]),
        (vec!["--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()], vec!["cannot use the data folder", "--data"]),
        (vec!["--listen", "127.0.0.1:0", "--data", data, "--project", "hush-hush"], vec!["--project number 1 has no colon"]),
    ] {
        let (success, out, err) = run(&[&["serve"], &flags[..]].concat());
        assert!(!success && out.is_empty(), "{flags:?}");
        assert!(parts.iter().all(|part| err.contains(part)), "{flags:?}: {err}");
        assert!(!err.contains("hush"), "a secret must not be repeated: {err}");
    }
}

#[test]
fn help_and_version_are_there() {
    let (success, out, _) = run(&["--version"]);
    assert!(success && out.starts_with("tillroll "));
    let (success, out, _) = run(&["serve", "--help"]);
    assert!(success && ["--listen", "TILLROLL_DATA", "--project", "--assets", "--demo"].iter().all(|part| out.contains(part)), "{out}");
}
