//! Whether the server counts each client by its own address: `X-Forwarded-For` and `--trust-proxy` against a header that was forged on purpose.

use super::report::Finding;
use crate::diagnostics::Diagnostics;

/// The address that the request claims in `X-Forwarded-For`, as an attacker could. It belongs to no client (RFC 5737).
pub(super) const FORGED: &str = "192.0.2.1";

/// Returns what the server made of the forged header.
pub(super) fn finding(found: &Diagnostics, is_local: bool) -> Finding {
    let values = found.headers.get("x-forwarded-for");
    let entries: Vec<&str> = values.into_iter().flatten().flat_map(|value| value.split(',')).map(str::trim).collect();
    let is_kept = entries.first() == Some(&FORGED);
    let proxies = entries.len() - usize::from(is_kept);
    let (client, trusted) = (found.client.as_deref(), found.trusted_proxies);
    let counted = client.unwrap_or("no address");
    match (proxies, trusted) {
        (0, 0) if is_kept => Finding::ok(format!("no proxy, and requests count for {counted}")),
        (0, 0) => Finding::problem(
            "a proxy removes X-Forwarded-For, so all clients count as one: let it add the client's address, and start the server with --trust-proxy",
        ),
        (0, _) if is_kept && is_local => Finding::warning(format!(
            "this address bypasses the proxy that --trust-proxy={trusted} expects: check the public address, and let only the proxy reach this one"
        )),
        (0, _) if is_kept => Finding::problem(format!(
            "clients choose the address that they count for: --trust-proxy={trusted} expects a proxy, and there is none; start without it, or let \
             only the proxy reach the server"
        )),
        (0, _) => Finding::problem(format!(
            "X-Forwarded-For does not arrive, although --trust-proxy={trusted} expects it: let the proxy add the client's address"
        )),
        (proxies, 0) => Finding::problem(format!(
            "requests come through {proxies} proxies that add to X-Forwarded-For, and all count for {counted}: start the server with \
             --trust-proxy={proxies}"
        )),
        (proxies, trusted) if trusted > proxies => Finding::problem(format!(
            "clients choose the address that they count for: --trust-proxy is {trusted}, and {proxies} proxies add to X-Forwarded-For; start the \
             server with --trust-proxy={proxies}"
        )),
        (proxies, trusted) if trusted < proxies => Finding::problem(format!(
            "requests count for the proxy {counted}: --trust-proxy is {trusted}, and {proxies} proxies add to X-Forwarded-For; start the server with \
             --trust-proxy={proxies}"
        )),
        _ if client.is_none() => Finding::problem("the proxy adds no address to X-Forwarded-For: let it add that of its client"),
        _ => Finding::ok(format!("{proxies} proxies, and requests count for {counted}")),
    }
}
