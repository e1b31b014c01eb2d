//! The table of the members and their states.

use std::fmt::Write;

use tillroll_cluster::{Collector, metric_in};

use super::members::Members;

/// Returns the states of all members, one a line.
pub(super) fn states(members: &Members) -> String {
    let mut text = format!(
        "{:<12} {:<24} {:<12} {:>10} {:>10} {:>10} {:>10}\n",
        "member", "address", "state", "published", "applied", "behind", "lag"
    );
    let _ = writeln!(
        text,
        "{:<12} {:<24} passes each connection to the next collector",
        "balancer",
        format!("http://127.0.0.1:{}", members.balancer)
    );
    for collector in &members.collectors {
        let _ = writeln!(text, "{:<12} {:<24} {}", collector.name, collector.address, collector_state(collector));
    }
    let leader = members.stream_leader();
    for (at, server) in members.nats.servers.iter().enumerate() {
        let state = match (server.process.is_running(), leader == Some(at)) {
            (false, _) => "stopped",
            (true, true) => "runs, leads the log",
            (true, false) => "runs",
        };
        let _ = writeln!(text, "{:<12} {:<24} {state}", server.name, format!("nats://127.0.0.1:{}", server.port));
    }
    if let Some(clickhouse) = &members.clickhouse {
        let state = if clickhouse.process.is_running() { "runs" } else { "stopped" };
        let _ = writeln!(text, "{:<12} {:<24} {state}", "clickhouse", format!("http://127.0.0.1:{}", clickhouse.port));
    }
    text
}

fn collector_state(collector: &Collector) -> String {
    let Some((_, metrics)) = collector.get("/metrics", None) else { return "no response".into() };
    let metric = |name: &str| metric_in(&metrics, &format!("tillroll_{name}")).unwrap_or_default();
    let state = match (metric("leader") > 0.0, collector.is_ready()) {
        (_, false) => "not ready",
        (true, true) => "leader",
        (false, true) => "ready",
    };
    format!(
        "{state:<12} {:>10} {:>10} {:>10} {:>8.1} s",
        metric("log_published_total"),
        metric("log_applied_entry"),
        metric("log_lag_entries"),
        metric("log_lag_seconds")
    )
}
