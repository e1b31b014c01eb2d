//! Checks that the collector imports the whole demo history, and that a second import changes nothing.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::result::CheckResult;
use crate::context::Context;
use crate::demo_history::{self, ImportClient};
use crate::{demo, process};

/// A collector process that is killed on drop.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let folder = std::env::temp_dir().join(format!("tillroll-history-{}", std::process::id()));
    let result = import_twice(context, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn import_twice(context: &Context, folder: &Path) -> Result<CheckResult> {
    let mut command = Command::new(context.collector_binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--project", "history:secret", "--data"]).arg(folder).stdout(Stdio::piped());
    let mut collector = Collector(command.spawn().with_context(|| process::start_failure(&command))?);
    let ready_line = collector.0.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten().next().and_then(Result::ok);
    let client = ImportClient::new(&demo::address_in(&ready_line.unwrap_or_default()), "history", "secret");
    let imported = demo_history::import(&client, folder)?;
    let totals_before = totals(&client)?;
    let unchanged = demo_history::import(&client, folder)?;
    // Without the state file the same records are imported again.
    let _ = std::fs::remove_file(folder.join(demo_history::STATE_FILE));
    let reimported = demo_history::import(&client, folder)?;
    let totals_after = totals(&client)?;
    println!("{imported} records: {totals_before}, then {unchanged}, then {reimported}: {totals_after}");
    let has_orders = totals_before["orders"].as_i64().is_some_and(|orders| orders > 0);
    let passed = totals_before == totals_after && reimported == imported && unchanged == 0 && has_orders;
    Ok(if passed { CheckResult::PASSED } else { CheckResult::FAILED })
}

/// The number of records per resource that the metrics API returns for the period of the history.
fn totals(client: &ImportClient) -> Result<Value> {
    let (date_from, date_to) = demo_history::period();
    let mut totals = json!({});
    for (resource, field, group) in [("orders", "order.id", "order"), ("carts", "order.id", "order"), ("returns", "return.id", "return")] {
        let stats = json!({"field": field, "operator": "value_count"});
        let filter = json!({group: {"date_from": date_from, "date_to": date_to, "date_field": "created_at"}});
        totals[resource] = client.stats(resource, &stats, &filter)?;
    }
    Ok(totals)
}
