//! The report of `--check-config`: each setting, its value and its source, without secrets.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::config::file::{NOT_SETTINGS, Settings};
use crate::config::redact;

/// Returns the report, one setting per line.
pub(crate) fn render(command: &Command, matches: &ArgMatches, settings: Option<&Settings>) -> String {
    let mut out = String::from("The configuration is valid.");
    let flags = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    for (id, name) in flags.filter_map(|flag| Some((flag.get_id().as_str(), flag.get_long()?))) {
        if NOT_SETTINGS.contains(&name) {
            continue;
        }
        let values = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
        let values: Vec<_> = values.map(|value| redact::setting(name, &value.to_string_lossy())).collect();
        let value = if values.is_empty() { "(not set)".into() } else { values.join(",") };
        let _ = write!(out, "\n{name:<20} {value:<24} {}", source(matches, id, name, settings));
    }
    out
}

fn source(matches: &ArgMatches, id: &str, name: &str, settings: Option<&Settings>) -> String {
    match (matches.value_source(id), settings) {
        (Some(ValueSource::CommandLine), _) => "flag".into(),
        (Some(ValueSource::EnvVariable), _) => "environment".into(),
        (_, Some(settings)) if settings.has(name) => settings.path.display().to_string(),
        _ => "default".into(),
    }
}
