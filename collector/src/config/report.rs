//! The report of `--check-config`: each setting, its value and its source, without secrets.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::config::file::{NOT_SETTINGS, Settings};

/// Returns the report, one setting per line.
pub(crate) fn render(command: &Command, matches: &ArgMatches, settings: Option<&Settings>) -> String {
    let mut out = String::from("The configuration is valid.");
    let flags = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    for (id, name) in flags.filter_map(|flag| Some((flag.get_id().as_str(), flag.get_long()?))) {
        if NOT_SETTINGS.contains(&name) {
            continue;
        }
        let values = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
        let values: Vec<_> = values.map(|value| without_secret(name, &value.to_string_lossy())).collect();
        let value = if values.is_empty() { "(not set)".into() } else { values.join(",") };
        let _ = write!(out, "\n{name:<20} {value:<24} {}", source(matches, id, name, settings));
    }
    out
}

/// Returns the public part of a setting: the token of a project without its secret, and a URL without password and query.
fn without_secret(name: &str, value: &str) -> String {
    match (value.split_once(':'), value.split_once("://")) {
        (Some((token, _)), _) if name == "project" => token.to_owned(),
        (_, Some((scheme, rest))) => format!("{scheme}://{}", without_url_secrets(rest)),
        _ => value.to_owned(),
    }
}

/// Returns a URL, without its scheme, up to the query, with `…` in place of what may be secret. A password may contain any character.
fn without_url_secrets(rest: &str) -> String {
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("…@", host));
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (address, query) = rest.split_at(end);
    format!("{user}{address}{}", if query.is_empty() { "" } else { "?…" })
}

fn source(matches: &ArgMatches, id: &str, name: &str, settings: Option<&Settings>) -> String {
    match (matches.value_source(id), settings) {
        (Some(ValueSource::CommandLine), _) => "flag".into(),
        (Some(ValueSource::EnvVariable), _) => "environment".into(),
        (_, Some(settings)) if settings.has(name) => settings.path.display().to_string(),
        _ => "default".into(),
    }
}
