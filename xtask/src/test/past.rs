//! Checks that a year of history is taken whole by the real collector, and that bringing it twice changes nothing.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::checks::Verdict;
use crate::context::Context;
use crate::error::Error;
use crate::history::{self, Sender};
use crate::{demo, process};

/// Stops the collector whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn run(context: &Context) -> Result<Verdict, Error> {
    let folder = std::env::temp_dir().join(format!("tillroll-past-{}", std::process::id()));
    let outcome = judge(context, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn judge(context: &Context, folder: &Path) -> Result<Verdict, Error> {
    let mut command = Command::new(context.binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--project", "past:secret", "--data"]).arg(folder).stdout(Stdio::piped());
    let mut running = Running(command.spawn().map_err(|source| process::not_started(&command, source))?);
    let ready = running.0.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten().next().and_then(Result::ok);
    let sender = Sender::new(&demo::address(&ready.unwrap_or_default()), "past", "secret");
    let brought = history::bring(&sender, folder)?;
    let first = totals(&sender)?;
    let again = history::bring(&sender, folder)?;
    // As if the note had been lost: the same records come once more.
    let _ = std::fs::remove_file(folder.join(history::NOTE));
    let repeated = history::bring(&sender, folder)?;
    let second = totals(&sender)?;
    println!("{brought} records: {first}, then {again}, then {repeated}: {second}");
    let same = first == second && repeated == brought && again == 0 && first["orders"].as_i64().is_some_and(|orders| orders > 0);
    Ok(if same { Verdict::PASSED } else { Verdict::FAILED })
}

/// What the collector says of each resource. Nothing in a year is older than two.
fn totals(sender: &Sender) -> Result<Value, Error> {
    let mut out = json!({});
    for (resource, field, group) in [("orders", "order.id", "order"), ("carts", "order.id", "order"), ("returns", "return.id", "return")] {
        let query = json!({"field": field, "operator": "value_count"});
        let filter = json!({group: {"date_from": history::since()?, "date_to": history::until()?, "date_field": "created_at"}});
        out[resource] = sender.total(resource, &query, &filter)?;
    }
    Ok(out)
}
