//! Whether the server answers, whether the connection is encrypted, and whether it can store.

use super::report::{Finding, Report};
use crate::cli::server::ServerClient;
use crate::clock::Stopwatch;

/// Reports on the address. Returns whether a collector answers there.
pub(super) fn check(server: &ServerClient, report: &mut Report) -> bool {
    let watch = Stopwatch::start();
    let answer = server.get("/healthz", &[]).and_then(|mut response| match response.status().as_u16() {
        200 if response.body_mut().read_to_string().is_ok_and(|text| text == "alive\n") => Ok(watch.elapsed().as_millis()),
        _ => Err(server.unexpected("/healthz", &mut response)),
    });
    match answer {
        Ok(millis) => report.add("address", &Finding::ok(format!("{} answers in {millis} ms", server.url))),
        Err(error) => {
            report.add("address", &Finding::problem(format!("{error:#}")));
            return false;
        }
    }
    report.add("encryption", &encryption(server));
    report.add("store", &store(server));
    true
}

fn encryption(server: &ServerClient) -> Finding {
    match server.url.starts_with("https://") {
        true => Finding::ok("the certificate is valid for this address"),
        false if server.is_local() => Finding::ok("none, on this machine; check the public address too, with --server https://…"),
        false => Finding::warning(
            "none: pages over HTTPS cannot load the script from here; serve HTTPS with --tls-cert and --tls-key, or by a proxy",
        ),
    }
}

fn store(server: &ServerClient) -> Finding {
    let mut response = match server.get("/readyz", &[]) {
        Ok(response) => response,
        Err(error) => return Finding::problem(format!("{error:#}")),
    };
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().unwrap_or_default();
    match (status, text.lines().nth(1)) {
        (200, None) => Finding::ok("events can be stored"),
        (200, Some(note)) => Finding::warning(format!("events can be stored, but metrics queries fail: {note}; see the log of the server")),
        _ if text.contains("disk_full") => {
            Finding::problem("the disk is almost full, and no event is stored: free space, or lower --reserve")
        }
        _ => Finding::problem(format!("no event can be stored (status {status}): see the log of the server: {text}")),
    }
}
