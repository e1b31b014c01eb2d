//! Settings: where they can be set, which source has precedence, and the errors of invalid ones.

use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use tillroll_collector::cli::Cli;

use crate::server::ServerProcess;

fn check(environment: &[(&str, &str)], flags: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillroll"));
    command.args(["serve", "--check-config"]).args(flags).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("tillroll.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "listen = \"127.0.0.1:1\"\nmetrics-days = 10\nbody-timeout = \"5s\"\ndemo = true\nproject = [\"t:hush\", \"u:hush\"]\n",
    );
    let environment = [("TILLROLL_METRICS_DAYS", "20"), ("TILLROLL_BODY_TIMEOUT", "6s")];
    let (success, out, err) = check(&environment, &["--config", &file, "--body-timeout", "7s"]);
    assert!(success, "{err}");
    for (name, value, source) in [
        ("listen", "127.0.0.1:1", file.as_str()),
        ("demo", "true", &file),
        ("project", "t,u", &file),
        ("metrics-days", "20", "environment"),
        ("body-timeout", "7s", "flag"),
        ("header-timeout", "30s", "default"),
        ("keep-events", "(not", "default"),
    ] {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("{name}\n{out}"));
        assert_eq!(line.split_whitespace().nth(1), Some(value), "{line}");
        assert!(line.ends_with(source), "{line}");
    }
    assert!(!out.contains("hush"), "a secret must not be printed: {out}");
}

#[test]
fn the_environment_alone_is_enough_and_lists_projects_with_commas() {
    let environment = [
        ("TILLROLL_LISTEN", "127.0.0.1:9"),
        ("TILLROLL_DATA", "/somewhere"),
        ("TILLROLL_PROJECTS", "t:hush,u:hush"),
        ("TILLROLL_ASSETS", "/elsewhere"),
    ];
    let (success, out, err) = check(&environment, &[]);
    assert!(success, "{err}");
    for (name, value) in [("listen", "127.0.0.1:9"), ("data", "/somewhere"), ("project", "t,u"), ("assets", "/elsewhere")] {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("{name}\n{out}"));
        assert!(line.split_whitespace().nth(1) == Some(value) && line.ends_with("environment"), "{line}");
    }
    let (success, out, _) = check(&[], &[]);
    let listen = out.lines().find(|line| line.starts_with("listen")).unwrap();
    let data = out.lines().find(|line| line.starts_with("data")).unwrap();
    assert!(success && listen.contains("127.0.0.1:7070") && data.contains("./tillroll-data"), "{out}");
}

#[test]
fn an_invalid_setting_is_reported_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (text, parts) in [
        ("listn = \"x\"", &["`listn`", "unknown setting"][..]),
        ("check-config = true", &["`check-config`", "unknown setting"]),
        ("metrics-days = \"many\"", &["`metrics-days`", "many"]),
        ("header-timeout = 5", &["`header-timeout`", "30s"]),
        ("keep-events = \"0s\"", &["`keep-events`", "longer than zero"]),
        ("log-format = \"xml\"", &["`log-format`", "text, json"]),
        ("demo = \"yes\"", &["`demo`", "true or false"]),
        ("project = \"hush\"", &["--project number 1 has no colon"]),
        ("listen = hush", &["line 1"]),
    ] {
        let file = write(folder.path(), text);
        let (success, out, err) = check(&[], &["--config", &file]);
        assert!(!success && out.is_empty(), "{text}: {out}");
        assert!(parts.iter().all(|part| err.contains(part)), "{text}: {err}");
        assert!(!err.contains("hush"), "a secret must not be repeated: {err}");
    }
    let (success, _, err) = check(&[], &["--config", "/nowhere/at/all"]);
    assert!(!success && err.contains("/nowhere/at/all"), "{err}");
}

#[test]
fn a_server_runs_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "project = [\"t:s\"]\nlog-level = \"error\"\n");
    let program = ServerProcess::start(&folder.path().join("data"), &["--config", &file]);
    assert_eq!(program.client.export("").len(), 0);
}

#[test]
fn the_handbook_lists_every_metric_and_no_other() {
    let names = |text: &str| -> std::collections::BTreeSet<String> {
        let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        words.filter(|word| word.starts_with("tillroll_")).map(str::to_owned).collect()
    };
    let listed = names(include_str!("../../../docs/operations.md"));
    let server = crate::server::TestServer::start();
    server.client.store(&[crate::server::view(1, 1, "ab")]);
    let text = server.client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
    let rendered: std::collections::BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    assert!(rendered.is_subset(&listed), "not in docs/operations.md: {:?}", rendered.difference(&listed));
    // Some systems do not report the free space of the disk.
    let silent: Vec<_> = listed.difference(&rendered).filter(|name| !name.contains("forwarded") && !name.contains("disk_free")).collect();
    assert!(silent.is_empty() || cfg!(not(feature = "duckdb")), "only in docs/operations.md: {silent:?}");
}

#[test]
fn the_handbook_lists_every_setting() {
    let handbook = include_str!("../../../docs/operations.md");
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    for flag in serve.get_arguments().filter_map(|flag| flag.get_long()).filter(|flag| *flag != "help") {
        assert!(handbook.contains(&format!("`--{flag}")), "--{flag} is missing in docs/operations.md");
    }
}
