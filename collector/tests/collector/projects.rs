//! `tillroll projects`: added, rotated and retired beside a running server, which notices.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::server::{Client, ServerProcess, basic, until, view};

fn projects(folder: &Path, words: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    command.arg("projects").args(words).args(["--data", folder.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn reads(client: &Client, token: &str, secret: &str) -> bool {
    client.get("/export/events", &[("authorization", &basic(token, secret))]).status() == 200
}

fn sends(client: &Client, token: &str) -> bool {
    client.post("/v2/batch", &json!({"token": token, "events": [view(1, 1, "ab")]}).to_string()).status() == 200
}

#[test]
fn a_running_server_notices_what_becomes_of_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let client = &program.client;
    let added = projects(folder.path(), &["add", "new"], "").unwrap();
    let (token, first) = added.split_once(':').unwrap();
    assert_eq!((token, first.len()), ("new", 48));
    until("the project is served", || sends(client, "new"));
    assert!(reads(client, "new", first) && reads(client, "t", "secret") && !reads(client, "new", "secret"));

    let rotated = projects(folder.path(), &["rotate-secret", "new", "--secret-stdin"], "second\n").unwrap();
    assert_eq!(rotated, "new:second");
    until("the new secret is good", || reads(client, "new", "second"));
    assert!(reads(client, "new", first), "the old one is good for a day");

    projects(folder.path(), &["rotate-secret", "new", "--grace", "0s", "--secret-stdin"], "third").unwrap();
    until("the newest secret is good", || reads(client, "new", "third"));
    assert!(!reads(client, "new", first) && !reads(client, "new", "second"), "without grace the old ones end at once");

    projects(folder.path(), &["retire", "new"], "").unwrap();
    until("the project is gone", || !sends(client, "new"));
    assert!(!reads(client, "new", "third"));
    projects(folder.path(), &["add", "new", "--secret-stdin"], "fourth").unwrap();
    until("the project is back, and its events with it", || {
        let key = [("authorization", basic("new", "fourth"))].map(|(name, value)| (name, value));
        let mut answer = client.get("/export/events", &[(key[0].0, &key[0].1)]);
        answer.status() == 200 && answer.body_mut().read_to_string().unwrap().lines().count() == 1
    });
}

#[test]
fn both_secrets_sign_while_one_replaces_the_other() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    projects(&folder, &["add", "t", "--secret-stdin"], "old-secret").unwrap();
    projects(&folder, &["rotate-secret", "t", "--secret-stdin"], "new-secret").unwrap();
    let program = ServerProcess::start(&folder, &[]);
    let body = json!({"token": "t", "time": 1, "params": {"email": "a@x.com", "createdAt": 1}}).to_string();
    for (secret, status) in [("old-secret", 200), ("new-secret", 200), ("other", 403)] {
        let answer = program.client.post_with("/v2/customer", &[("x-digest", &crate::backend::digest(&body, secret))], &body);
        assert_eq!(answer.status(), status, "{secret}");
    }
}

#[test]
fn the_list_shows_no_secret_and_errors_include_advice() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str], input: &str| projects(folder.path(), words, input);
    assert_eq!(run(&["list"], ""), Ok(String::new()));
    run(&["add", "a", "--secret-stdin"], "\u{feff}hush-once\r\n").unwrap();
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.path().join("projects.json")).unwrap()).unwrap();
    assert_eq!(file[0]["secrets"][0]["secret"], "hush-once");
    run(&["add", "b"], "").unwrap();
    run(&["rotate-secret", "a", "--secret-stdin"], "hush-hush").unwrap();
    run(&["retire", "b"], "").unwrap();
    let list = run(&["list"], "").unwrap();
    assert!(!list.contains("hush"), "{list}");
    assert!(list.lines().any(|line| line.starts_with('a') && line.contains("active, previous secret valid until 20")), "{list}");
    assert!(list.lines().any(|line| line.starts_with('b') && line.contains("retired 20")), "{list}");
    for (words, input, part) in [
        (&["add", "a"][..], "", "rotate-secret"),
        (&["add", "a b"], "", "other than letters"),
        (&["add", "c", "--secret-stdin"], " ", "no secret"),
        (&["add", "c", "--secret-stdin"], "hush", "shorter than 5"),
        (&["rotate-secret", "a", "--secret-stdin"], "hush:hush", "second colon"),
        (&["rotate-secret", "a", "--secret-stdin"], "hush\u{7}hush", "control characters"),
        (&["rotate-secret", "b"], "", "b is retired; `tillroll projects add b` activates it again"),
        (&["retire", "b"], "", "b is retired; `tillroll projects add b` activates it again"),
        (&["retire", "x"], "", "no project with this token"),
    ] {
        let error = run(words, input).unwrap_err();
        assert!(error.contains(part) && !error.contains("hush"), "{words:?}: {error}");
    }
}
