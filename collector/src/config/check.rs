//! Checks of settings that no parser of a single flag makes: those of `tillroll serve` and of `--check-config`.

use anyhow::bail;

use crate::config::Serve;
use crate::jobs::forward;
use crate::projects;
use crate::replication::{self, GroupKey};
use crate::sources::Countries;
use crate::static_files::Assets;

impl Serve {
    /// Returns an error if the server cannot start with these settings.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.tls.check()?;
        projects::check(&self.all_projects()?)?;
        if let Some(folder) = &self.assets
            && !Assets::Folder(folder.clone()).exist()
        {
            bail!("--assets {} has no tracking.js; name the folder that has it, or leave out --assets", folder.display());
        }
        forward::check_urls(&self.forwarding.to)?;
        if self.log.is_set() {
            replication::check_servers(&self.log.servers)?;
            GroupKey::from_environment()?;
        }
        Ok(())
    }

    /// Returns an error if a file that the server opens when it starts cannot be used.
    pub(crate) fn check_files(&self) -> anyhow::Result<()> {
        self.geoip.as_deref().map_or(Ok(()), |path| Countries::open(path).map(|_| ()))
    }
}

/// Parses `HOST:PORT`.
pub(super) fn host_port(text: &str) -> Result<String, String> {
    let is_valid = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let is_host_port = is_valid && !text.contains("//");
    is_host_port.then(|| text.to_owned()).ok_or_else(|| {
        "write HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:7070, or 0.0.0.0:7070 for all addresses of this machine".into()
    })
}
