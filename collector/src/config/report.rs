//! What `--check-config` prints: each setting, its value, and who said it. Secrets are left out.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::config::file::Settings;

/// Returns one line a setting.
pub(super) fn print(command: &Command, said: &ArgMatches, settings: Option<&Settings>) -> String {
    let mut out = String::from("The configuration is sound.");
    let flags = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    for (id, name) in flags.filter_map(|flag| Some((flag.get_id().as_str(), flag.get_long()?))) {
        if ["config", "check-config", "help", "version"].contains(&name) {
            continue;
        }
        let values = said.try_get_raw(id).ok().flatten().into_iter().flatten();
        let values: Vec<_> = values.map(|value| open_part(name, &value.to_string_lossy())).collect();
        let value = if values.is_empty() { "(not set)".into() } else { values.join(",") };
        let _ = write!(out, "\n{name:<20} {value:<24} {}", source(said, id, name, settings));
    }
    out
}

/// Of a project the token is public and the secret is not.
fn open_part(name: &str, value: &str) -> String {
    match value.split_once(':') {
        Some((token, _)) if name == "project" => token.to_owned(),
        _ => value.to_owned(),
    }
}

fn source(said: &ArgMatches, id: &str, name: &str, settings: Option<&Settings>) -> String {
    match (said.value_source(id), settings) {
        (Some(ValueSource::CommandLine), _) => "flag".into(),
        (Some(ValueSource::EnvVariable), _) => "environment".into(),
        (_, Some(settings)) if settings.has(name) => settings.path.display().to_string(),
        _ => "default".into(),
    }
}
