//! Opens the store and the projects: alone, or as a node of a group of collectors.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Serve;
use crate::operator_error;
use crate::projects::{self, Credentials, ProjectRegistry};
use crate::replication::Node;
use crate::store::{Options, Store, StoreError};
use crate::telemetry::Telemetry;

/// Opens the store, and starts the node of a group if there is a replicated log.
pub(super) async fn open_store(
    flags: &Serve,
    options: Options,
    telemetry: &Arc<Telemetry>,
) -> anyhow::Result<(Arc<Store>, Option<Arc<Node>>)> {
    if !flags.log.is_set() {
        let store = Store::open(&flags.data, options, Arc::clone(telemetry)).map_err(operator_error::with_advice)?;
        return Ok((Arc::new(store), None));
    }
    let (store, replica) = Store::open_replicated(&flags.data, options, Arc::clone(telemetry)).map_err(operator_error::with_advice)?;
    let store = Arc::new(store);
    let node = Node::start(&flags.log, &flags.data, Arc::clone(&store), replica).await?;
    Ok((store, Some(node)))
}

/// Opens the projects, and prints the credentials of one that this start created. A node waits for its log if it needs it for that.
pub(super) async fn open_projects(flags: &Serve, store: &Store, node: Option<&Node>, clock: Clock) -> anyhow::Result<ProjectRegistry> {
    let all = flags.all_projects()?;
    let Some(node) = node else {
        let (projects, created) = ProjectRegistry::open(&all, &flags.data, clock, |token| Ok(store.project(token)?))?;
        print_created(flags, created.as_ref());
        return Ok(projects);
    };
    if needs_log(flags, &all, store)? {
        node.wait_until_synchronised().await?;
    }
    let number_of = |token: &str| tokio::task::block_in_place(|| Ok(store.project(token)?));
    let (projects, created) = ProjectRegistry::open(&all, &flags.data, clock, number_of)?;
    print_created(flags, created.as_ref());
    if created.is_some() {
        node.wait_until_files_are_published().await?;
    }
    Ok(projects)
}

/// Prints the credentials at once: the next start does not print them, even if this one fails later.
fn print_created(flags: &Serve, created: Option<&Credentials>) {
    if let Some(Credentials { token, secret }) = created {
        eprintln!("Created a project in {}.\n  token:  {token}\n  secret: {secret}", flags.data.display());
    }
}

/// Returns whether a node cannot start without its log: a project has no number yet, or the projects are not here.
fn needs_log(flags: &Serve, projects: &[String], store: &Store) -> anyhow::Result<bool> {
    let stored = projects::active_tokens(&flags.data)?;
    let mut tokens =
        projects.iter().map(|project| project.trim().split(':').next().unwrap_or_default()).chain(stored.iter().map(String::as_str));
    let has_all =
        tokens.clone().next().is_some() && tokens.try_fold(true, |all, token| Ok::<_, StoreError>(all && store.has_project(token)?))?;
    Ok(!has_all)
}
