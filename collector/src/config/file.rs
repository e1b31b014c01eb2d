//! The configuration file: TOML, with flag names as keys.
//!
//! A setting of the file becomes the default of its flag, so flags override environment variables and those override the file. A value is
//! validated by the parser of its flag.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::builder::OsStr;
use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use crate::config::redact;

/// Flags that are not settings.
pub(crate) const NOT_SETTINGS: &[&str] = &["config", "check-config", "help", "version"];

/// The settings of a file, as command line values.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

/// Reads the file and validates every setting in it.
pub(crate) fn read(path: &Path, command: &Command) -> anyhow::Result<Settings> {
    let context = || format!("cannot read the configuration file {}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| anyhow!(with_line(&text, &error))).with_context(context)?;
    let flags = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    let flags: BTreeMap<&str, &Arg> = flags.filter_map(|flag| Some((flag.get_long()?, flag))).collect();
    let mut values = BTreeMap::new();
    for (name, value) in &table {
        let invalid = |reason: String| anyhow!("{}: `{name}`: {reason}", path.display());
        let flag = flags.get(name.as_str()).filter(|_| !NOT_SETTINGS.contains(&name.as_str()));
        let flag = flag.ok_or_else(|| invalid("unknown setting; `tillroll serve --help` lists all".into()))?;
        values.insert(name.clone(), check(flag, value).map_err(invalid)?);
    }
    Ok(Settings { path: path.into(), values })
}

/// Returns the message with its line number. It does not quote the line, because the line may contain a secret.
fn with_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// Returns the setting as values of its flag.
fn check(flag: &Arg, value: &Value) -> Result<Vec<String>, String> {
    let texts = match (flag.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(on)) => return Ok(vec![on.to_string()]),
        (ArgAction::SetTrue, _) => return Err("must be true or false".into()),
        (ArgAction::Append, Value::Array(values)) => {
            values.iter().map(text).collect::<Option<Vec<_>>>().ok_or("must be a list of strings")?
        }
        (_, value) => vec![text(value).ok_or("must be a string or a number")?],
    };
    let parser = Command::new("tillroll").no_binary_name(true).arg(value_of(flag));
    let arguments = texts.iter().map(|text| format!("--{}={text}", flag.get_long().unwrap_or_default()));
    match parser.try_get_matches_from(arguments) {
        Ok(_) => Ok(texts),
        Err(error) => Err(reason(&redact::error(error))),
    }
}

/// Returns the flag without its rules about other flags, which are not in the file.
fn value_of(flag: &Arg) -> Arg {
    let arg = Arg::new(flag.get_id().clone()).long(flag.get_long().unwrap_or_default().to_owned());
    let arg = arg.action(flag.get_action().clone()).value_parser(flag.get_value_parser().clone());
    let arg = arg.value_names(flag.get_value_names().unwrap_or_default().to_vec());
    match flag.get_value_delimiter() {
        Some(delimiter) => arg.value_delimiter(delimiter),
        None => arg,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Settings {
    /// Returns whether the file has this setting.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Makes the settings the defaults of the flags of `serve`.
    pub(crate) fn as_defaults_of(&self, command: Command) -> Command {
        command.mut_subcommand("serve", |serve| {
            self.values.iter().fold(serve, |serve, (name, values)| {
                let id = serve.get_arguments().find(|flag| flag.get_long() == Some(name)).map(|flag| flag.get_id().clone());
                match id {
                    Some(id) => serve.mut_arg(id, |flag| flag.default_values(values.iter().map(OsStr::from))),
                    None => serve,
                }
            })
        })
    }
}
