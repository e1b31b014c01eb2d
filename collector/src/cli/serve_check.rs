//! Checks of the settings of `tillroll serve` that no parser of a single flag makes, for the start and for `--check-config`.

use anyhow::{Context, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::config::Serve;
use crate::config::file::Settings;
use crate::jobs::forward;
use crate::projects;
use crate::replication::{self, GroupKey};
use crate::sources::Countries;
use crate::static_files::Assets;
use crate::vendors::FORWARD_FLAG;

/// Returns an error if the server cannot start with these settings. It names the file that some of them come from.
pub(super) fn check(flags: &Serve, matches: &ArgMatches, settings: Option<&Settings>) -> anyhow::Result<()> {
    let Some(settings) = settings else { return check_values(flags) };
    let has_data = settings.has("data") || matches.value_source("data") != Some(ValueSource::DefaultValue);
    if settings.has("ephemeral") && flags.ephemeral && has_data {
        bail!("{}: `ephemeral` cannot be used with `data`: its data folder is a temporary one", settings.path.display());
    }
    check_values(flags)
        .with_context(|| format!("cannot use the settings of {} with the flags and the environment", settings.path.display()))
}

fn check_values(flags: &Serve) -> anyhow::Result<()> {
    flags.tls.check()?;
    projects::check(&flags.all_projects()?)?;
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
    flags.geoip.as_deref().map_or(Ok(()), |path| Countries::open(path).map(|_| ()))
}
