//! `tillroll tail`: what it prints, to a pipe and to a terminal, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Client, ServerProcess, TestServer, id, identify, run_program, until, view};

/// The command in its own process. Dropping it kills the process.
struct Tail(Child);

impl Tail {
    fn start(client: &Client, flags: &[&str], stdout: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
        command.args(["tail", "--server", &client.url("")]).args(flags);
        command.env("TILLROLL_OWNER", "t:secret").env("TERM", "xterm").env_remove("NO_COLOR").env("TZ", "UTC");
        Self(command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn output(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.0.stdout.take().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for the end. Returns the status and standard error.
    fn end(&mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (self.0.wait().unwrap(), text)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn next(output: &mut impl BufRead) -> Value {
    let mut text = String::new();
    output.read_line(&mut text).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn events_are_piped_as_json_lines_at_once_and_ctrl_c_ends_with_success() {
    let server = TestServer::start();
    server.client.store(&[view(1, 1, "ab")]);
    let mut tail = Tail::start(&server.client, &["--last", "1"], Stdio::piped());
    let mut output = tail.output();
    assert_eq!(next(&mut output), server.client.export("")[0]);
    for number in 2..5 {
        server.client.store(&[view(number, number, "ab")]);
        assert_eq!(next(&mut output), server.client.export("").pop().unwrap());
    }
    let mut event = view(9, 7, "ab");
    event["type"] = json!("nonsense");
    server.client.send(&[event]);
    let rejection = next(&mut output);
    assert_eq!((&rejection["id"], &rejection["code"], &rejection["cursor"]), (&json!(id(9)), &json!("unknown_type"), &Value::Null));
    tail.signal(Signal::INT);
    let (status, stderr) = tail.end();
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    assert_eq!(output.read_line(&mut String::new()).unwrap(), 0);
}

#[test]
fn only_events_that_match_every_filter_are_printed() {
    let server = TestServer::start();
    server.client.store(&[
        view(1, 1, "ab"),
        identify(2, 2, "ab", "a@x.com"),
        view(3, 3, "cd"),
        view(4, 4, "ab"),
        identify(5, 5, "ef", "b@x.com"),
    ]);
    for (flags, expected) in [
        (&["--type", "identify"][..], &[2, 5][..]),
        (&["--visitor", "cd"], &[3]),
        (&["--visitor", "A@x.com"], &[1, 2, 4]),
        (&["--visitor", "cd,b@x.com"], &[3, 5]),
        (&["--type", "product_view", "--visitor", "a@x.com"], &[1, 4]),
        (&["--type", "search", "--type", "identify"], &[2, 5]),
        (&["--only", "stored"], &[1, 2, 3, 4, 5]),
    ] {
        let mut tail = Tail::start(&server.client, &[flags, &["--last", "5"]].concat(), Stdio::piped());
        let mut output = tail.output();
        for number in expected {
            assert_eq!(next(&mut output)["id"], json!(id(*number)), "{flags:?}");
        }
    }
    let mut tail = Tail::start(&server.client, &["--only", "rejected", "--last", "5"], Stdio::piped());
    let mut output = tail.output();
    // Rejections are sent to connections that are open.
    let metrics = "tillroll_connections_open";
    until("the connection", || server.client.metric(metrics) >= 2.0);
    let mut number = 10;
    let found = std::thread::scope(|scope| {
        let first = scope.spawn(|| next(&mut output));
        until("a rejection", || {
            let mut event = view(number, 7, "ab");
            event["type"] = json!("nonsense");
            number += 1;
            server.client.send(&[event]);
            first.is_finished()
        });
        first.join().unwrap()
    });
    assert_eq!(found["code"], "unknown_type");
}

#[test]
fn a_reader_that_ends_ends_the_command_without_another_event() {
    let server = TestServer::start();
    server.client.store(&[view(1, 1, "ab")]);
    let mut tail = Tail::start(&server.client, &["--last", "1"], Stdio::piped());
    let mut output = tail.output();
    next(&mut output);
    drop(output);
    let (status, stderr) = tail.end();
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
}

/// Opens a terminal: the end that a test reads, and the end that a program writes to.
fn terminal() -> (std::fs::File, OwnedFd) {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let reading = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&reading).unwrap();
    unlockpt(&reading).unwrap();
    let name = ptsname(&reading, Vec::new()).unwrap();
    let writing = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (reading.into(), writing)
}

#[test]
fn a_terminal_gets_coloured_text_without_the_control_characters_of_pages() {
    let server = TestServer::start();
    let mut search = view(2, 2, "cd");
    search["type"] = json!("search");
    search["params"] = json!({"query": "sho\u{1b}[2Jes\u{9b}31m\u{202e}", "url": "https://shop.example/s"});
    server.client.store(&[identify(1, 1, "ab", "a@x.com"), search]);
    let (reading, writing) = terminal();
    let _tail = Tail::start(&server.client, &["--last", "2"], Stdio::from(writing.try_clone().unwrap()));
    let mut lines = BufReader::new(reading).lines().map(Result::unwrap);
    let (identified, searched) = (lines.next().unwrap(), lines.next().unwrap());
    for part in ["2020-09-13 12:26:40", "\u{1b}[35midentify", "\u{1b}[36ma@x.com", "email="] {
        assert!(identified.contains(part), "{part}: {identified:?}");
    }
    assert!(searched.contains("sho\\u{1b}[2Jes\\u{9b}31m\\u{202e}"), "{searched:?}");

    // The same text in a pipe has no colours.
    let mut tail = Tail::start(&server.client, &["--last", "1", "--format", "text"], Stdio::piped());
    let mut text = String::new();
    tail.output().read_line(&mut text).unwrap();
    assert!(text.contains("search") && !text.contains('\u{1b}'), "{text:?}");
    // In JSON they are escapes, which have the same meaning.
    let mut tail = Tail::start(&server.client, &["--last", "1", "--format", "json"], Stdio::piped());
    let mut text = String::new();
    tail.output().read_line(&mut text).unwrap();
    assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), server.client.export("")[1]);
}

#[test]
fn after_a_restart_of_the_server_the_missed_events_follow() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = ServerProcess::start(&data, &["--project", "t:secret"]);
    let address: SocketAddr = first.client.url("").trim_start_matches("http://").parse().unwrap();
    first.client.store(&[view(1, 1, "ab")]);
    let mut tail = Tail::start(&first.client, &["--last", "1"], Stdio::piped());
    let mut output = tail.output();
    assert_eq!(next(&mut output)["id"], json!(id(1)));
    drop(first);
    let listen = address.to_string();
    let mut second = None;
    until("the second start", || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
        command.args(["serve", "--project", "t:secret", "--listen", &listen]).arg("--data").arg(&data);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let has_started = !line.is_empty();
        second = Some(ServerProcess { client: Client::new(&format!("http://{listen}")), child, first_line: line });
        has_started
    });
    let client = second.as_ref().unwrap().client.clone();
    client.store(&[view(2, 2, "ab")]);
    assert_eq!(next(&mut output)["id"], json!(id(2)));
    tail.signal(Signal::TERM);
    let (status, stderr) = tail.end();
    assert!(status.success() && stderr.contains("Connection lost"), "{stderr}");
}

#[test]
fn a_server_that_cannot_be_used_is_an_error_with_its_remedy() {
    let server = TestServer::start();
    let url = server.client.url("");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    for (flags, parts) in [
        (
            &["--server", &closed, "--owner", "t:secret"][..],
            &["cannot reach the server", closed.as_str(), "tillroll serve", "--server"][..],
        ),
        (&["--server", &url, "--owner", "t:wrong"], &["does not accept", "tillroll projects"]),
        (&["--server", &url], &["requires the secret", "TILLROLL_OWNER"]),
        (&["--server", &url, "--owner", "t"], &["--owner has no colon"]),
        (&["--server", "localhost:7070"], &["--server", "https://"]),
        (&["--server", &format!("{url}/elsewhere"), "--owner", "t:secret"], &["/elsewhere/live/events", "404", "--server"]),
        (&["--server", &url, "--last", "1001"], &["--last", "1000"]),
    ] {
        let (succeeded, out, stderr) = run_program(&[&["tail"], flags].concat());
        assert!(!succeeded && out.is_empty() && parts.iter().all(|part| stderr.contains(part)), "{flags:?}: {stderr}");
        assert!(!stderr.contains("wrong"), "a secret must not be repeated: {stderr}");
    }
    let demo = TestServer::with(&["--project", "t:secret", "--demo"], tillroll_collector::store::Options::default());
    demo.client.store(&[view(1, 1, "ab")]);
    let mut tail = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    let tail = tail.args(["tail", "--last", "1", "--server", &demo.client.url("")]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = Tail(tail.spawn().unwrap());
    assert_eq!(next(&mut tail.output())["id"], json!(id(1)));
}
