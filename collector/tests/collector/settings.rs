//! Settings: where they can be set, which source has precedence, and the errors of invalid ones.

use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use serde_json::{Value, json};
use tillroll_collector::cli::Cli;

use crate::server::{ServerProcess, run_program};

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
        "listen = \"127.0.0.1:1\"\nmetrics-days = 10\nbody-timeout = \"5s\"\ndemo = true\nproject = [\"t:hush-hush\", \"u:hush-hush\"]\n",
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
    let assets = tempfile::tempdir().unwrap();
    std::fs::write(assets.path().join("tracking.js"), "").unwrap();
    let assets = assets.path().to_str().unwrap();
    let environment = [
        ("TILLROLL_LISTEN", "127.0.0.1:9"),
        ("TILLROLL_DATA", "/somewhere"),
        ("TILLROLL_PROJECTS", "t:hush-hush,u:hush-hush"),
        ("TILLROLL_ASSETS", assets),
    ];
    let (success, out, err) = check(&environment, &[]);
    assert!(success, "{err}");
    for (name, value) in [("listen", "127.0.0.1:9"), ("data", "/somewhere"), ("project", "t,u"), ("assets", assets)] {
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
    for listen in ["", "7070", ":7070", "127.0.0.1:99999", "http://127.0.0.1:1"] {
        let (success, out, err) = check(&[], &["--listen", listen]);
        assert!(!success && out.is_empty() && err.contains("--listen"), "{listen}: {err}");
    }
    for listen in ["[::1]:7070", "localhost:0", "0.0.0.0:65535"] {
        assert!(check(&[], &["--listen", listen]).0, "{listen}");
    }
    for (text, parts) in [
        ("listn = \"x\"", &["`listn`", "unknown setting"][..]),
        ("check-config = true", &["`check-config`", "unknown setting"]),
        ("metrics-days = \"many\"", &["`metrics-days`", "many"]),
        ("attribution-days = 200000000", &["`attribution-days`", "36500"]),
        ("currency = \"EUR,USD\"", &["--currency has two values for all projects"]),
        ("currency = [\"x=EUR\", \"USD\", \"x = USD\"]", &["--currency has two values for the project `x`"]),
        ("time-zone = \"Europe/Berlin,UTC\"", &["--time-zone has two values for all projects"]),
        ("project = \"t:secret,hush\"", &["--project number 2 has no colon", "--project-file"]),
        ("header-timeout = 5", &["`header-timeout`", "30s"]),
        ("keep-events = \"0s\"", &["`keep-events`", "longer than zero"]),
        ("log-format = \"xml\"", &["`log-format`", "text, json"]),
        ("demo = \"yes\"", &["`demo`", "true or false"]),
        ("project = \"hush\"", &["--project number 1 has no colon"]),
        ("tls-cert = \"cert.pem\"", &["`tls-cert` needs `tls-key`"]),
        ("tls-key = \"key.pem\"", &["`tls-key` needs `tls-cert`"]),
        ("hsts = \"30d\"", &["`hsts` needs `tls-cert`"]),
        ("redirect-listen = \"127.0.0.1:1\"", &["`redirect-listen` needs `tls-cert`"]),
        ("acme-webroot = \"/var/lib/acme\"", &["`acme-webroot` needs `redirect-listen`"]),
        ("listen = hush", &["line 1"]),
        ("ephemeral = true\ndata = \"somewhere\"", &["`ephemeral` cannot be used with `data` in", "tillroll.toml"]),
        ("project = [\"hush\"]", &["tillroll.toml", "--project number 1 has no colon"]),
        ("listen = \"7070\"", &["`listen`", "HOST:PORT"]),
        ("listen = \"127.0.0.1:99999\"", &["`listen`", "65535"]),
        ("max-connections = 0", &["`max-connections`", "1.."]),
        ("assets = \"/nowhere\"", &["--assets /nowhere has no tracking.js"]),
        ("geoip = \"/nowhere.mmdb\"", &["cannot read /nowhere.mmdb", "--geoip"]),
        ("geoip = \"/dev/null\"", &["cannot read /dev/null", "--geoip"]),
        ("forward-ometria = \"hush\"", &["--forward-ometria", "is not a URL"]),
        ("log = \"nats://hush@h:4222\"", &["address 1 of --log"]),
        ("log = \"nats://h:4222\"", &["TILLROLL_GROUP_KEY"]),
        ("log = \"nats://h:4222\"\nlog-retention = \"1000y\"", &["`log-retention`", "from 5m to 3650d"]),
        ("log = \"nats://\"", &["address 1 of --log has no host"]),
        ("log = []\nlog-stream = \"other\"", &["`log-stream` needs `log`"]),
        ("log-stream = \"other\"", &["`log-stream` needs `log`"]),
        ("clickhouse-cluster = \"c\"", &["`clickhouse-cluster` needs `analytics`"]),
        ("analytics = \"clickhouse://u@h:99999/a\"", &["`analytics`", "port", "65535"]),
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
fn settings_of_a_log_without_a_server_are_refused() {
    for (variable, value, flags, expected) in [
        ("TILLROLL_LOG", ",,", &[][..], "TILLROLL_LOG"),
        ("TILLROLL_LOG", "", &[], "TILLROLL_LOG"),
        ("TILLROLL_LOG", "nats://", &[], "address 1 of --log has no host"),
        ("TILLROLL_LOG_REPLICAS", "3", &[], "`log-replicas` needs `log`"),
        ("TILLROLL_LOG_CA", "/ca.pem", &[], "`log-ca` needs `log`"),
        ("TILLROLL_LOG_RETENTION", "7d", &[], "`log-retention` needs `log`"),
        ("TILLROLL_CLICKHOUSE_CLUSTER", "c", &[], "`clickhouse-cluster` needs `analytics`"),
        ("TILLROLL_LOG_LEVEL", "info", &["--log-credentials", "/x"], "`log-credentials` needs `log`"),
        ("TILLROLL_ANALYTICS", "clickhouse://u@h:99999/a", &[], "port"),
    ] {
        let (success, out, err) = check(&[(variable, value)], flags);
        assert!(!success && out.is_empty() && err.contains(expected), "{variable}={value} {flags:?}: {out}{err}");
    }
    let key = ("TILLROLL_GROUP_KEY", "00".repeat(32));
    let environment = [(key.0, key.1.as_str()), ("TILLROLL_LOG_STREAM", "other")];
    // The key of the group alone may be in the environment of every service.
    assert!(check(&environment[..1], &[]).0);
    let (success, _, err) = check(&environment, &["--log", "nats://h:4222,", "--log-retention", "30d"]);
    assert!(success, "{err}");
    for (flag, file, expected) in [
        ("--log-credentials", "/nowhere.creds", "cannot read --log-credentials /nowhere.creds"),
        ("--log-ca", "/nowhere.pem", "cannot read --log-ca /nowhere.pem"),
        ("--log-ca", "/dev/null", "contains no certificate"),
    ] {
        let (success, _, err) = check(&environment, &["--log", "nats://h:4222", flag, file]);
        assert!(!success && err.contains(expected), "{err}");
    }
}

#[test]
fn no_secret_of_a_url_is_printed() {
    for (url, shown) in [
        ("https://name:hush@forward.example/api/track", "https://…@forward.example/api/track"),
        ("t=https://na/me:hu@sh/hush@forward.example/x?key=hush", "t=https://…@forward.example/x?…"),
        ("https://forward.example/x#hush", "https://forward.example/x?…"),
        ("https://forward.example/x", "https://forward.example/x"),
    ] {
        for (environment, flags) in [(vec![("TILLROLL_FORWARD_OMETRIA", url)], vec![]), (vec![], vec!["--forward-ometria", url])] {
            let (success, out, err) = check(&environment, &flags);
            let line = out.lines().find(|line| line.starts_with("forward-ometria")).unwrap_or_else(|| panic!("{out}{err}"));
            assert!(success && line.split_whitespace().nth(1) == Some(shown) && !out.contains("hush"), "{line}");
        }
        let help =
            Command::new(env!("CARGO_BIN_EXE_tillroll")).args(["serve", "--help"]).env("TILLROLL_FORWARD_OMETRIA", url).output().unwrap();
        assert!(!String::from_utf8(help.stdout).unwrap().contains("hush"));
    }
}

#[test]
fn no_secret_of_an_invalid_url_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, shown) in [
        ("analytics", "http://u:hush@h:1/db?password=hush", "'http://…@h:1/db?…'"),
        ("analytics", "clickhouse://u:hush@h", "'clickhouse://…@h'"),
        ("analytics", "u:hu@sh@h/db#hush", "'…@h/db?…'"),
        ("redirect-listen", "http://u:hush@h", "'http://…@h'"),
        ("listen", "u:hush@h:99", "'…@h:99'"),
    ] {
        let file = write(folder.path(), &format!("{name} = \"{value}\""));
        let variable = format!("TILLROLL_{}", name.to_uppercase().replace('-', "_"));
        for (environment, flags) in [
            (vec![], vec!["--config", &file]),
            (vec![], vec![format!("--{name}").as_str(), value]),
            (vec![(variable.as_str(), value)], vec![]),
        ] {
            let (success, out, err) = check(&environment, &flags);
            assert!(!success && out.is_empty() && err.contains(shown) && !err.contains("hush"), "{value}: {out}{err}");
        }
    }
    let help = Command::new(env!("CARGO_BIN_EXE_tillroll")).args(["serve", "--help"]).env("TILLROLL_ANALYTICS", "u:hush@h").output();
    assert!(!String::from_utf8(help.unwrap().stdout).unwrap().contains("hush"));
}

#[test]
fn projects_can_be_given_by_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("projects");
    std::fs::write(&path, "\u{feff}t:secret\n# the shop's\n\n v:0ther2 \r\nu:0ther\n").unwrap();
    let flags = ["--project-file", path.to_str().unwrap()];
    for more in [&[][..], &["--project", "w:third"]] {
        let program = ServerProcess::start(&folder.path().join("data"), &[&flags, more].concat());
        assert_eq!(program.client.export_of("t", "").len(), 0);
        assert_eq!(program.client.list_of("u", "0ther", "events").len(), 0);
    }
    let environment = [("TILLROLL_PROJECT_FILE", path.to_str().unwrap())];
    let (success, out, err) = check(&environment, &[]);
    assert!(success && out.contains(path.to_str().unwrap()) && !out.contains("0ther"), "{out}{err}");
    for (text, parts) in [
        ("t:secret\nhush-hush\n", &["line 2 has no colon", "TOKEN:SECRET"][..]),
        ("t:hush", &["line 1", "shorter than 5"]),
        ("t:hush-hush\nt:hush-again", &["repeats the token"]),
    ] {
        std::fs::write(&path, text).unwrap();
        let (success, _, err) = check(&environment, &[]);
        assert!(!success && parts.iter().all(|part| err.contains(part)) && !err.contains("hush"), "{text}: {err}");
    }
    let (success, _, err) = check(&[("TILLROLL_PROJECT_FILE", "/nowhere/at/all")], &[]);
    assert!(!success && err.contains("/nowhere/at/all"), "{err}");
}

#[test]
fn setting_of_an_unknown_project_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let flags = ["--project", "t:secret", "--currency", "EUR,t=USD,gone=BGN", "--time-zone", "t=UTC", "--log-format", "json"];
    let program = ServerProcess::start_with_log(&folder.path().join("data"), &flags, &log);
    assert_eq!(program.client.export("").len(), 0);
    let lines = std::fs::read_to_string(&log).unwrap();
    let warnings: Vec<_> = lines.lines().filter(|line| line.contains("a project that the server does not have")).collect();
    assert!(matches!(warnings[..], [line] if line.contains("--currency") && line.contains("gone")), "{lines}");
}

#[test]
fn help_warns_of_secrets_on_the_command_line() {
    for command in ["serve", "import", "tail", "doctor"] {
        let help = Command::new(env!("CARGO_BIN_EXE_tillroll")).args([command, "--help"]).output().unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains("users of this machine can read a command line"), "{text}");
    }
}

#[test]
fn a_server_runs_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "project = [\"t:secret\"]\nlog-level = \"error\"\n");
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

/// Returns the validator of the schema that the program prints.
fn printed_schema() -> (Value, jsonschema::Validator) {
    let (succeeded, out, err) = run_program(&["config", "schema"]);
    assert!(succeeded, "{err}");
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    (schema, validator)
}

/// Returns a configuration file as JSON, as an editor gives it to its validator.
fn toml_as_json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn the_schema_accepts_the_documented_files_as_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let (_, validator) = printed_schema();
    let handbook = include_str!("../../../docs/operations.md");
    let documented: Vec<&str> = handbook.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(!documented.is_empty());
    for text in documented.into_iter().chain([include_str!("../../package/tillroll.toml")]) {
        validator.validate(&toml_as_json(text)).unwrap_or_else(|error| panic!("{error}: {text}"));
        let (success, _, err) = check(&[], &["--config", &write(folder.path(), text)]);
        assert!(success, "{err}: {text}");
    }
}

#[test]
fn schema_and_server_accept_and_refuse_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let (_, validator) = printed_schema();
    for (text, is_valid) in [
        ("listn = \"x\"", false),
        ("config = \"x\"", false),
        ("check-config = true", false),
        ("metrics-days = \"many\"", false),
        ("metrics-days = 7.5", false),
        ("metrics-days = -7", false),
        ("metrics-days = 7", true),
        ("metrics-days = \"7\"", true),
        ("header-timeout = 5", false),
        ("header-timeout = \"5\"", false),
        ("header-timeout = \"5m 30s\"", true),
        ("keep-events = \"0s\"", false),
        ("keep-events = \"400days\"", true),
        ("log-format = \"xml\"", false),
        ("log-level = \"debug\"", true),
        ("demo = \"yes\"", false),
        ("demo = true", true),
        ("trust-proxy = 2", true),
        ("trust-proxy = true", false),
        ("project = [\"t:secret\", \"u:secret\"]", true),
        ("project = [1.5, true]", false),
        ("keep-query = \"page\"", true),
        ("reserve = -1", false),
        ("[listen]\nport = 1", false),
        ("tls-cert = \"cert.pem\"\ntls-key = \"key.pem\"\nhsts = \"365d\"", true),
        ("ephemeral = true", true),
    ] {
        let (success, _, err) = check(&[], &["--config", &write(folder.path(), text)]);
        assert_eq!(success, is_valid, "the server: {text}: {err}");
        assert_eq!(validator.is_valid(&toml_as_json(text)), is_valid, "the schema: {text}");
    }
}

#[test]
fn the_schema_describes_every_setting_with_its_default() {
    let (schema, _) = printed_schema();
    let command = Cli::command();
    for flag in command.find_subcommand("serve").unwrap().get_arguments().filter_map(|flag| flag.get_long()) {
        let property = &schema["properties"][flag];
        let is_setting = !["config", "check-config", "help", "version"].contains(&flag);
        assert_eq!(property["description"].as_str().is_some_and(|text| text.len() > 10), is_setting, "{flag}: {property}");
    }
    for (name, default) in
        [("listen", json!("127.0.0.1:7070")), ("reserve", json!(64)), ("body-timeout", json!("30s")), ("demo", Value::Null)]
    {
        assert_eq!(schema["properties"][name]["default"], default, "{name}");
    }
}
