//! How the server process starts, fails to start, and stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rustix::process::{Signal, kill_process};

use crate::server::{ServerProcess, basic, run_program, view};

#[test]
fn server_prints_its_address_and_exits_on_sigterm_sigint_and_sighup() {
    // Under `nohup` the server ignores SIGHUP as well.
    let hangup = (!ignores_hangup()).then_some(Signal::HUP);
    for signal in [Signal::TERM, Signal::INT].into_iter().chain(hangup) {
        let folder = tempfile::tempdir().unwrap();
        let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        assert!(program.first_line.starts_with("tillroll listens on http://127.0.0.1:"), "{}", program.first_line);
        program.client.store(&[view(1, 1, "ab")]);
        // A subscriber of the live view never ends its request itself.
        let subscriber = program.client.get("/live/events", &[("authorization", &basic("t", "secret"))]);
        kill_process(program.pid(), signal).unwrap();
        assert!(program.child.wait().unwrap().success());
        drop(subscriber);
        let restarted = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        assert_eq!(restarted.client.export("").len(), 1);
    }
}

/// Whether this process ignores SIGHUP, as every process that it starts does then.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    // Bit 0 is signal 1.
    u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn queued_request_is_answered_before_the_server_exits() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let other_process = rusqlite::Connection::open(folder.path().join(tillroll_collector::store::FILE)).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let client = program.client.clone();
    let sending = std::thread::spawn(move || client.send(&[view(1, 1, "ab")]).status().as_u16());
    while !program.client.get("/metrics", &[]).body_mut().read_to_string().unwrap().contains("tillroll_queue_depth 1") {}
    kill_process(program.pid(), Signal::TERM).unwrap();
    other_process.execute_batch("ROLLBACK").unwrap();
    // On a stalled machine the store's busy timeout may have expired; the response is then 503.
    let status = sending.join().unwrap();
    assert!([200, 503].contains(&status), "{status}");
    assert!(program.child.wait().unwrap().success());
    let restarted = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    assert_eq!(restarted.client.export("").len(), usize::from(status == 200));
}

#[test]
fn unfinished_request_delays_the_exit_at_most_by_the_shutdown_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret", "--shutdown-deadline", "100ms"]);
    let address = program.client.url("").replace("http://", "");
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"POST /v2/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n").unwrap();
    // The request is in progress once the server asks for the body.
    socket.read_exact(&mut [0; 12]).unwrap();
    kill_process(program.pid(), Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn first_start_creates_a_project_and_prints_its_secret_once() {
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
        assert_eq!(out, "", "standard output has one line only");
        err
    };
    let first = start();
    let path = folder.path().join("projects.json");
    let projects: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let (token, secret) = (projects[0]["token"].as_str().unwrap(), projects[0]["secrets"][0]["secret"].as_str().unwrap());
    assert!(first.contains(token) && first.contains(secret), "{first}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let second = start();
    assert!(!second.contains(secret), "{second}");
}

#[test]
fn secret_of_the_first_project_is_printed_although_the_start_fails() {
    let folder = tempfile::tempdir().unwrap();
    let used_port = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, data) = (used_port.local_addr().unwrap().to_string(), folder.path().to_str().unwrap());
    let (success, _, err) = run_program(&["serve", "--listen", &address, "--data", data]);
    assert!(!success && err.contains("cannot listen on"), "{err}");
    let projects: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.path().join("projects.json")).unwrap()).unwrap();
    assert!(err.contains(projects[0]["secrets"][0]["secret"].as_str().unwrap()), "{err}");
}

#[test]
fn second_server_on_the_same_data_folder_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let _first = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let (success, out, err) = run_program(&["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    assert!(!success && out.is_empty() && err.contains("in use by another collector"), "{err}");
}

#[test]
fn start_error_names_the_cause_and_the_flag_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let used_port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = used_port.local_addr().unwrap().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (flags, parts) in [
        (vec!["--listen", &address, "--data", data], vec!["cannot listen on", "--listen"]),
        (vec!["--listen", "nonsense", "--data", data], vec!["'nonsense'", "--listen", "HOST:PORT"]),
        (vec!["--assets", data, "--data", data], vec!["--assets", "has no tracking.js"]),
        (vec!["--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()], vec!["cannot use the data folder", "--data"]),
        (vec!["--listen", "127.0.0.1:0", "--data", data, "--project", "hush-hush"], vec!["--project number 1 has no colon"]),
    ] {
        let (success, out, err) = run_program(&[&["serve"], &flags[..]].concat());
        assert!(!success && out.is_empty(), "{flags:?}");
        assert!(parts.iter().all(|part| err.contains(part)), "{flags:?}: {err}");
        assert!(!err.contains("hush"), "the error contains a secret: {err}");
    }
}

#[test]
fn help_and_version_are_printed() {
    let (success, out, _) = run_program(&["--version"]);
    assert!(success && out.starts_with("tillroll "));
    let (success, out, _) = run_program(&["serve", "--help"]);
    assert!(success && ["--listen", "TILLROLL_DATA", "--project", "--assets", "--demo"].iter().all(|part| out.contains(part)), "{out}");
}
