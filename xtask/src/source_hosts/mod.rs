//! Writes the table of the hosts of search engines and social networks that the collector is compiled with, from a public list.
//!
//! The table is committed, so a build needs no network. The list is Matomo's, which is in the public domain; Debian archives it, and keeps it
//! as long as the release that contains it. Tillroll's own table, `collector/src/sources/hosts.rs`, has what the list lacks, and wins over it.

mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::{files, process};

/// The pinned version, as the list of the packages' components names it.
pub(crate) const VERSION: &str = "3.14.0";
/// The repository of the list.
pub(crate) const OWNER: &str = "matomo-org";
pub(crate) const NAME: &str = "searchengine-and-social-list";
/// The licence: a dedication to the public domain.
pub(crate) const LICENSE: &str = "CC0-1.0";

/// The archive as its authors published it, and the SHA-256 of its bytes. The hash protects the download, so it needs no TLS.
const ARCHIVE: &str = "http://deb.debian.org/debian/pool/main/m/matomo-searchengine-and-social-list/\
                       matomo-searchengine-and-social-list_3.14.0.orig.tar.gz";
const ARCHIVE_SHA256: &str = "d67f8c4c7d2ed1a10aff7cf4b240f59c863881cf9133066aa1aa5328491b9ba2";
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the archive is stored, and the table that this task writes.
const FOLDER: &str = "target/tools/source-hosts";
const TABLE: &str = "collector/src/sources/public_hosts.tsv";

/// Writes the table.
pub(crate) fn run(context: &Context) -> Result<()> {
    let archive = download(context)?;
    let (table, count) = generate(&archive)?;
    files::write(&context.path(TABLE), table.as_bytes())?;
    println!("{TABLE}: {count} hosts");
    Ok(())
}

/// Returns the path of the archive, which is downloaded unless an earlier run did. Its content is not checked yet.
pub(crate) fn download(context: &Context) -> Result<PathBuf> {
    let path = context.path(FOLDER).join(format!("{VERSION}.tar.gz"));
    if !path.is_file() {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(DOWNLOAD_TIMEOUT)).build().into();
        let mut response = agent.get(ARCHIVE).call().with_context(|| format!("cannot download {ARCHIVE}"))?;
        let bytes = response.body_mut().read_to_vec().with_context(|| format!("cannot download {ARCHIVE}"))?;
        files::write(&path, &bytes)?;
    }
    Ok(path)
}

/// Whether the committed table is what this task writes.
pub(crate) fn is_current(context: &Context, archive: &Path) -> Result<bool> {
    Ok(files::read_text(&context.path(TABLE))? == generate(archive)?.0)
}

/// Returns the text of the table, and its number of hosts.
fn generate(archive: &Path) -> Result<(String, usize)> {
    check_hash(&files::read(archive)?)?;
    let rows = table::rows(&file_of(archive, "SearchEngines.yml")?, &file_of(archive, "Socials.yml")?)?;
    let lines: String = rows.iter().map(|row| format!("{}\t{}\t{}\n", row.kind, row.name, row.host)).collect();
    Ok((format!("{}{lines}", header()), rows.len()))
}

fn header() -> String {
    format!(
        "# Hosts of search engines and social networks: kind, name, host. `cargo xtask source-hosts` writes this file; do not edit it.\n\
         # Origin: {OWNER}/{NAME} {VERSION}, {LICENSE}, {ARCHIVE}\n\
         # docs/attribution.md explains the forms of a host, the names, and which entries of the list are left out.\n"
    )
}

fn check_hash(bytes: &[u8]) -> Result<()> {
    let hash = files::sha256(&[bytes]);
    ensure!(hash == ARCHIVE_SHA256, "the SHA-256 of {ARCHIVE} is {hash} instead of {ARCHIVE_SHA256}; delete {FOLDER} and try again");
    Ok(())
}

fn file_of(archive: &Path, name: &str) -> Result<String> {
    let path = format!("{NAME}-{VERSION}/{name}");
    process::run_captured(Command::new("tar").args(["--extract", "--gzip", "--to-stdout", "--file"]).arg(archive).arg(path))
}
