//! What the server reports of itself and of a request: credentials, version, clock, disk, time to flush, and what a proxy does to headers.

use super::forwarding;
use super::report::{Finding, Report};
use crate::cli::server::ServerClient;
use crate::clock::{Clock, Stopwatch};
use crate::diagnostics::Diagnostics;

const PATH: &str = "/diagnostics";

/// Headers that reach the server only if every proxy passes them on, and what needs them.
const PROBES: &[(&str, &str, &str)] = &[
    ("accept-encoding", "br, gzip", "compressed files"),
    ("cookie", "tillroll-doctor=1", "the visitor's cookie"),
    ("last-event-id", "e0", "the live view"),
    ("origin", "https://doctor.invalid", "the visitor's cookie"),
    ("referer", "https://doctor.invalid/", "the visitor's cookie"),
    ("user-agent", "tillroll-doctor", "bots and devices"),
    ("x-digest", "doctor", "back ends that sign"),
    ("x-request-id", "doctor", "the log"),
];

/// Above this difference, times of events are shifted by the difference of the clocks.
const MAX_CLOCK_DIFFERENCE_MS: u64 = 60_000;
const NOTABLE_CLOCK_DIFFERENCE_MS: u64 = 2_000;

/// Below this much free space the disk deserves attention.
const LOW_DISK_BYTES: u64 = 1 << 30;

/// A local disk flushes within a few milliseconds.
const SLOW_COMMIT_MS: f64 = 50.0;
const VERY_SLOW_COMMIT_MS: f64 = 1_000.0;

/// Reports what needs the secret of a project.
pub(super) fn check(server: &ServerClient, clock: Clock, report: &mut Report) {
    if server.authorization().is_none() {
        return report.add(
            "not checked",
            &Finding::warning(
                "version, clock, disk, time to flush, proxy headers, live view: they need TILLROLL_OWNER=TOKEN:SECRET, or --owner",
            ),
        );
    }
    let watch = Stopwatch::start();
    let diagnostics = match request(server) {
        Ok(diagnostics) => diagnostics,
        Err(finding) => return report.add("credentials", &finding),
    };
    let round_trip = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.add("credentials", &Finding::ok("the server accepts token and secret"));
    report.add("version", &version(&diagnostics));
    report.add("clocks", &clocks(&diagnostics, clock.millis(), round_trip));
    report.add("disk", &disk(&diagnostics));
    report.add("time to flush", &flush(&diagnostics));
    report.add("headers", &headers(server, &diagnostics));
    report.add("clients", &forwarding::finding(&diagnostics, server.is_local()));
}

fn request(server: &ServerClient) -> Result<Diagnostics, Finding> {
    let headers = PROBES.iter().map(|(name, value, _)| (*name, *value)).chain([("x-forwarded-for", forwarding::FORGED)]);
    let headers: Vec<_> = headers.collect();
    let mut response = server.get(PATH, &headers).map_err(|error| Finding::problem(format!("{error:#}")))?;
    let text = response.body_mut().read_to_string().unwrap_or_default();
    match response.status().as_u16() {
        200 => serde_json::from_str(&text).map_err(|_| Finding::problem(format!("{PATH} is no answer of a collector of this version"))),
        401 => Err(Finding::problem(
            "the server does not accept token and secret, or the proxy removes the header Authorization; `tillroll projects list` prints the tokens",
        )),
        404 => Err(Finding::problem(format!("{PATH} is missing: the server is older than this program, or the proxy does not pass it on"))),
        status => Err(Finding::problem(format!("{PATH} has status {status}: {text}"))),
    }
}

fn version(found: &Diagnostics) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    match found.version == own {
        true => Finding::ok(own),
        false => Finding::warning(format!("the server is {}, this program {own}: restart the server after an upgrade", found.version)),
    }
}

fn clocks(found: &Diagnostics, now: u64, round_trip: u64) -> Finding {
    let difference = now.abs_diff(found.time).saturating_sub(round_trip);
    let text =
        format!("the clocks of server and this machine differ by {:.1} s", f64::from(u32::try_from(difference).unwrap_or(u32::MAX)) / 1e3);
    match difference {
        0..NOTABLE_CLOCK_DIFFERENCE_MS => Finding::ok(text),
        NOTABLE_CLOCK_DIFFERENCE_MS..MAX_CLOCK_DIFFERENCE_MS => {
            Finding::warning(format!("{text}: synchronise both, for example with chrony"))
        }
        _ => Finding::problem(format!(
            "{text}: times of events are corrected by the clock of the server, so synchronise it, for example with chrony"
        )),
    }
}

fn disk(found: &Diagnostics) -> Finding {
    match found.disk_free_bytes {
        None => Finding::warning("the system reports no free space"),
        Some(bytes) if bytes < LOW_DISK_BYTES => {
            Finding::warning(format!("{} MB free: free space, or shorten --keep-events, before --reserve is reached", bytes >> 20))
        }
        Some(bytes) => Finding::ok(format!("{} GB free", bytes >> 30)),
    }
}

fn flush(found: &Diagnostics) -> Finding {
    let (count, mean) = (found.commits, found.mean_commit_millis);
    let text = format!("{mean:.1} ms, the mean of {count} commits");
    if count == 0 {
        Finding::ok("nothing was stored since the start")
    } else if mean >= VERY_SLOW_COMMIT_MS {
        Finding::problem(format!("{text}: put the data folder on a local SSD"))
    } else if mean >= SLOW_COMMIT_MS {
        Finding::warning(format!("{text}: a network disk or other programs slow the flush; a local SSD needs a few milliseconds"))
    } else {
        Finding::ok(text)
    }
}

/// Compares the headers that were sent with those that arrived.
fn headers(server: &ServerClient, found: &Diagnostics) -> Finding {
    let arrived = |name: &str| found.headers.get(name).and_then(|values| values.first());
    let is_same = |name: &str, value: &str| arrived(name).is_some_and(|other| name == "cookie" || other == value);
    let lost: Vec<_> = PROBES.iter().filter(|(name, value, _)| !is_same(name, value)).collect();
    if !lost.is_empty() {
        let list = lost.iter().map(|(name, _, purpose)| format!("{name} (for {purpose})")).collect::<Vec<_>>().join(", ");
        return Finding::problem(format!("a proxy removes or changes {list}: let it pass request headers on"));
    }
    match arrived("host") {
        Some(host) if host != server.authority() => Finding::problem(format!(
            "a proxy changes Host from {} to {host}, so cookies are set for the wrong domain: let it keep Host",
            server.authority()
        )),
        _ => Finding::ok("all arrive unchanged"),
    }
}
