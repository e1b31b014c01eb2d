//! Servers of the log that require TLS and credentials, as `docs/scale-out.md` describes them.

use tillroll_cluster::{Collector, ServerSettings, event, until};

use crate::certificates::{Account, Certificates};
use crate::group::{Group, PROGRAM, run_program};

const DOCUMENT: &str = include_str!("../../../docs/scale-out.md");

/// How the collectors give the name and the password that the document has.
const SCHEME: &str = "tls://shop:a%20long%20password@";
const PASSWORD: [&str; 2] = ["a%20long", "a long"];

/// Returns the settings that the document adds for TLS and a user.
fn documented_settings(certificates: &Certificates) -> String {
    let block = DOCUMENT.split("```text\n").find(|block| block.starts_with("tls {")).unwrap().split("```").next().unwrap();
    let path = |file: &std::path::Path| file.to_str().unwrap().to_owned();
    block.replace("/etc/nats/certificate.pem", &path(&certificates.certificate)).replace("/etc/nats/key.pem", &path(&certificates.key))
}

/// Waits until the log of a collector contains all of these texts.
fn until_reported(collector: &Collector, texts: &[&str]) {
    until(&format!("{} reports {texts:?}", collector.name), || {
        let log = std::fs::read_to_string(collector.process.log()).unwrap_or_default();
        texts.iter().all(|text| log.contains(text))
    });
}

fn send_and_compare(group: &Group) {
    let token = group.nodes[0].token().unwrap();
    let send = |node: &Collector, events: std::ops::Range<u64>| node.send(&token, &events.map(event).collect::<Vec<_>>()).status;
    until("events are acknowledged", || send(&group.nodes[0], 0..10) == 200 && send(&group.nodes[1], 10..20) == 200);
    assert_eq!(group.until_equal(20).lines().count(), 20);
    group.until_led();
}

#[test]
fn a_group_uses_servers_that_require_tls_and_a_password_and_reports_what_is_wrong_with_either() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::create(folder.path());
    let (tls, authority) = (certificates.block(), certificates.authority.to_str().unwrap());
    let settings = ServerSettings { server: &documented_settings(&certificates), cluster: &tls, max_payload: None };
    let mut group = Group::start_on(2, &[("TILLROLL_LOG_CA", authority)], settings, SCHEME);
    send_and_compare(&group);
    // What an operator may set wrong: the log names the remedy.
    let address = group.nats.servers[0].port;
    let with_ca = [("TILLROLL_LOG_CA", authority)];
    for (name, log, variables, expected) in [
        (
            "wrong-password",
            format!("tls://shop:wrong@127.0.0.1:{address}"),
            &with_ca[..],
            ["authorization violation", "check --log-credentials"],
        ),
        ("no-password", format!("tls://127.0.0.1:{address}"), &with_ca, ["authorization violation", "name and password in --log"]),
        ("unknown-authority", format!("{SCHEME}127.0.0.1:{address}"), &[], ["UnknownIssuer", "--log-ca"]),
        ("other-name", format!("{SCHEME}localhost:{address}"), &with_ca, ["not valid for name", "address in --log"]),
    ] {
        let variables = [&[("TILLROLL_LOG", log.as_str())], variables].concat();
        let collector = Collector::new(PROGRAM.as_ref(), group.folder.path(), name, &variables);
        collector.start().unwrap();
        until_reported(&collector, &expected);
        until_reported(&collector, &["waiting for the log"]);
        let log = std::fs::read_to_string(collector.process.log()).unwrap();
        assert!(!PASSWORD.iter().any(|password| log.contains(password)), "{log}");
    }
    // A node that has its projects starts nevertheless, but is not ready.
    let node = group.nodes.remove(1);
    node.process.kill();
    node.start_with(&[("TILLROLL_LOG", &format!("tls://shop:wrong@127.0.0.1:{address}"))]).unwrap();
    until_reported(&node, &["waiting for the log", "check --log-credentials"]);
    until("the node answers", || node.get("/readyz", None).is_some_and(|(status, _)| status == 503));
    assert_eq!(node.get("/export/events", Some(&node.owner().unwrap())).unwrap().0, 200);
}

#[test]
fn a_group_uses_a_credentials_file() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right.creds"), folder.path().join("wrong.creds"));
    let account = Account::create();
    account.write_credentials(&right);
    Account::create().write_credentials(&wrong);
    let settings = ServerSettings { server: &account.settings, cluster: "", max_payload: None };
    let group = Group::start_on(2, &[("TILLROLL_LOG_CREDENTIALS", right.to_str().unwrap())], settings, "nats://");
    send_and_compare(&group);
    let node = &group.nodes[1];
    node.process.kill();
    node.start_with(&[("TILLROLL_LOG_CREDENTIALS", wrong.to_str().unwrap())]).unwrap();
    until_reported(node, &["waiting for the log", "authorization violation", "check --log-credentials"]);
}

#[test]
fn files_that_cannot_be_read_end_the_start_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, empty) = (folder.path().join("data"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let [data, empty, missing] = [data.to_str().unwrap(), empty.to_str().unwrap(), "/missing/file"];
    for (flag, file, expected) in [
        ("--log-ca", missing, "cannot read --log-ca /missing/file"),
        ("--log-ca", empty, "contains no certificate"),
        ("--log-credentials", missing, "cannot read --log-credentials /missing/file"),
    ] {
        let words = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--log", "nats://127.0.0.1:9", flag, file];
        let output = run_program(&words);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expected), "{text}");
    }
}
