//! Checks of the settings of `tillroll serve` that no parser of a single flag makes, for the start and for `--check-config`.

use anyhow::{Context, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::config::file::Settings;
use crate::config::{Serve, per_project};
use crate::jobs::forward;
use crate::projects;
use crate::replication::{self, GroupKey};
use crate::sources::Countries;
use crate::static_files::Assets;
use crate::vendors::{FORWARD_FLAG, FORWARD_SETTING};

/// Settings, the ids of their flags, and the setting and the id without which each has no effect.
const NEEDS: [(&str, &str, &str, &str); 6] = [
    ("log-credentials", "credentials", "log", "servers"),
    ("log-ca", "authorities", "log", "servers"),
    ("log-stream", "stream", "log", "servers"),
    ("log-replicas", "replicas", "log", "servers"),
    ("log-retention", "retention", "log", "servers"),
    ("clickhouse-cluster", "clickhouse_cluster", "analytics", "clickhouse"),
];

/// Settings of a lasting collector, and the ids of their flags. An ephemeral one with the environment of a real one would show the events of
/// its group, replace its analytics database, and forward the events of a test.
const LASTING: [(&str, &str); 4] = [("data", "data"), ("log", "servers"), ("analytics", "clickhouse"), (FORWARD_SETTING, "to")];

/// Returns an error if the server cannot start with these settings. It names the file that some of them come from.
pub(super) fn check(flags: &Serve, matches: &ArgMatches, settings: Option<&Settings>) -> anyhow::Result<()> {
    check_needs(matches, settings)?;
    if flags.ephemeral {
        check_ephemeral(matches, settings)?;
    }
    let Some(settings) = settings else { return check_values(flags) };
    check_values(flags)
        .with_context(|| format!("cannot use the settings of {} with the flags and the environment", settings.path.display()))
}

/// Returns where a setting with this flag is given: as the flag, as its variable or in the file.
fn place(name: &str, id: &str, matches: &ArgMatches, settings: Option<&Settings>) -> Option<String> {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Some(format!("the flag --{name}")),
        Some(ValueSource::EnvVariable) => Some(format!("the variable TILLROLL_{}", name.to_uppercase().replace('-', "_"))),
        _ => settings.filter(|settings| settings.has(name)).map(|settings| format!("`{name}` in {}", settings.path.display())),
    }
}

/// Returns an error if one of the settings of a lasting collector is given.
fn check_ephemeral(matches: &ArgMatches, settings: Option<&Settings>) -> anyhow::Result<()> {
    match LASTING.iter().find_map(|(name, id)| place(name, id, matches, settings)) {
        Some(place) => {
            bail!("`ephemeral` cannot be used with {place}: a collector for tests has nothing of a lasting one; remove one of them")
        }
        None => Ok(()),
    }
}

/// Returns an error if a setting has no effect because another is missing.
fn check_needs(matches: &ArgMatches, settings: Option<&Settings>) -> anyhow::Result<()> {
    let has_value = |id: &str| matches.get_raw(id).is_some_and(|mut values| values.next().is_some());
    match NEEDS.iter().find(|(name, id, _, needed)| place(name, id, matches, settings).is_some() && !has_value(needed)) {
        Some((name, _, needed, _)) => bail!("`{name}` needs `{needed}`: set both, as flags, variables or in the file"),
        None => Ok(()),
    }
}

fn check_values(flags: &Serve) -> anyhow::Result<()> {
    flags.tls.check()?;
    projects::check(&flags.all_projects()?)?;
    per_project::check("--currency", &flags.receipt.currencies)?;
    per_project::check("--time-zone", &flags.time_zones)?;
    if let Some(folder) = &flags.assets
        && !Assets::Folder(folder.clone()).exist()
    {
        bail!("--assets {} has no tracking.js; name the folder that has it, or leave out --assets", folder.display());
    }
    forward::check_urls(&flags.forwarding.to).context(FORWARD_FLAG)?;
    if flags.log.is_set() {
        replication::check_servers(&flags.log.servers)?;
        GroupKey::from_environment()?;
    }
    Ok(())
}

/// Returns an error if a file that the server opens when it starts cannot be used.
pub(super) fn check_files(flags: &Serve) -> anyhow::Result<()> {
    replication::check_files(&flags.log)?;
    flags.geoip.as_deref().map_or(Ok(()), |path| Countries::open(path).map(|_| ()))
}
