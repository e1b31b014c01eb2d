//! `tillroll join` and `tillroll leave`: makes a data folder one of a group of collectors, and independent again.
//!
//! A node that joins fetches the store of a running node, which contains the number of the last entry that it has applied. It goes on from there.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use ureq::Agent;

use crate::cli::files::{create_data_folder, create_private, failed, rename, sync_folder};
use crate::cli::progress::byte_bar;
use crate::cli::server::{agent, header, no_response};
use crate::config::DataFolder;
use crate::operator_error::with_advice;
use crate::replication::{FILES_STATE, GroupKey};
use crate::store::{self, FILE};

/// How many bytes are read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The most bytes of an error that are shown.
const MAX_ERROR_BYTES: u64 = 4096;

/// The flags of `tillroll join`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Address of a running collector of the group
    #[arg(long, value_name = "URL")]
    pub from: String,

    /// The file with the key of the group, as TILLROLL_GROUP_KEY has it
    #[arg(long, value_name = "FILE")]
    pub secret_file: PathBuf,

    /// Accept the collector's certificate if one of these (PEM) signed it, as a private authority does, and no other
    #[arg(long, env = "TILLROLL_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Data folder to create; it must be missing or empty
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Fetches the store of a running node.
pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let key = GroupKey::from_file(&flags.secret_file)?;
    let url = flags.from.trim_end_matches('/');
    if !url.starts_with("http://") && !url.starts_with("https://") {
        bail!("--from must be an address with its scheme, such as https://collector.example.com, found {url}");
    }
    // The copy of a large store takes a while, and the response begins after it.
    let agent = agent(flags.ca_file.as_deref(), None)?;
    create_data_folder(&flags.data, &[FILE.into()])?;
    let _lock = store::lock(&flags.data).map_err(with_advice)?;
    let (file, part) = (flags.data.join(FILE), store::unfinished_file(&flags.data));
    let fetched = fetch(&agent, url, &key, &part).and_then(|bytes| {
        store::check_file(&part).map_err(with_advice).context("the store that was fetched is not usable")?;
        rename(&part, &file)?;
        sync_folder(&flags.data)?;
        Ok(bytes)
    });
    match fetched {
        Ok(bytes) => {
            eprintln!("Fetched {bytes} bytes of store into {}; start a server on it with the --log of the group.", flags.data.display());
            Ok(())
        }
        Err(error) => {
            // The next attempt needs an empty folder.
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}

fn fetch(agent: &Agent, url: &str, key: &GroupKey, part: &Path) -> anyhow::Result<u64> {
    let request = agent.get(format!("{url}/group/store")).header("authorization", format!("Bearer {}", key.join_secret()));
    let mut response = request.call().map_err(|error| no_response(url, error, "check --from"))?;
    match response.status().as_u16() {
        200 => {}
        401 => bail!("the server at {url} belongs to a group with another key; check --secret-file"),
        404 => bail!("the server at {url} does not belong to a group: it was started without --log"),
        503 => bail!("the server at {url} cannot copy its store now, or does so for another node; try again"),
        status => {
            let text = response.body_mut().with_config().limit(MAX_ERROR_BYTES).read_to_string().unwrap_or_default();
            bail!("the server at {url} answered with status {status}: {}", text.trim());
        }
    }
    let expected: u64 = header(&response, "content-length").parse().context("the response has no length")?;
    let bar = byte_bar("store", expected);
    let mut target = create_private(part)?;
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader();
    let (mut buffer, mut received) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = reader.read(&mut buffer).with_context(|| format!("the connection to {url} broke; try again"))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        target.write_all(bytes).with_context(failed("write", part))?;
        received += read as u64;
        bar.inc(read as u64);
    }
    bar.finish_and_clear();
    if received != expected {
        bail!("{received} of {expected} bytes arrived from {url}; try again");
    }
    File::sync_all(&target).with_context(failed("write", part))?;
    Ok(received)
}

/// Makes a data folder independent of its group. No server may have it open.
pub fn leave(folder: &DataFolder) -> anyhow::Result<()> {
    let data = &folder.data;
    if !store::leave_log(data).map_err(with_advice)? {
        bail!("the data folder {} belongs to no group", data.display());
    }
    let state = data.join(FILES_STATE);
    if state.exists() {
        std::fs::remove_file(&state).with_context(failed("remove", &state))?;
    }
    eprintln!("{} is independent: a server without --log continues alone, and one with a new log begins another group.", data.display());
    Ok(())
}
