//! Tests the faults of the pages' network with a group of collectors, one of which is killed and started again meanwhile.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;

use super::result::CheckResult;
use super::runner;
use crate::cluster::Members;
use crate::context::Context;
use crate::process;

/// What pages do while their network fails.
const TESTS: &str = "tests/browser/delivery/network-faults.test.mjs";

/// How many entries the pages send before a collector is killed, and before it starts again.
const ENTRIES: f64 = 40.0;

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let members = Members::start(context)?;
    let (reader, killed) = (&members.collectors[0], &members.collectors[1]);
    let owner = reader.owner()?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let kill = scope.spawn(|| {
            members.wait_for_entries(ENTRIES, &is_over);
            killed.process.kill();
            members.wait_for_entries(ENTRIES, &is_over);
            killed.start()
        });
        let result = runner::run(context, &|_| {
            let mut node = process::node(context);
            node.args(["--test", "--test-reporter=spec", TESTS]);
            node.env("TILLROLL_TEST_BALANCER", format!("http://127.0.0.1:{}", members.balancer));
            node.env("TILLROLL_TEST_READER", reader.address.replacen("http://", &format!("http://{owner}@"), 1));
            node
        });
        is_over.store(true, Relaxed);
        kill.join().unwrap_or(Ok(()))?;
        result
    })
}
