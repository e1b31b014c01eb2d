//! The file behind the flags: TOML, each setting under the name of its flag.
//!
//! A setting of the file becomes the default of its flag. So flags win over the environment and the environment over the file, and a value
//! means the same wherever it stands. A value that its flag would refuse is refused by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use crate::Error;

/// Settings that would make no sense in the file itself.
const ELSEWHERE: &[&str] = &["config", "check-config", "help", "version"];

/// The settings of a file, each as it would stand on the command line.
pub(super) struct Settings {
    pub(super) path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

/// Reads the file and checks every setting in it.
pub(super) fn read(path: &Path, command: &Command) -> Result<Settings, Error> {
    let fault = |reason: String| Error::ConfigFile { path: path.into(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| fault(at_line(&text, &error)))?;
    let flags = command.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    let flags: BTreeMap<&str, &Arg> = flags.filter_map(|flag| Some((flag.get_long()?, flag))).collect();
    let mut values = BTreeMap::new();
    for (name, value) in &table {
        let setting = |reason: String| Error::Setting { path: path.into(), name: name.clone(), reason };
        let flag = flags.get(name.as_str()).filter(|_| !ELSEWHERE.contains(&name.as_str()));
        let flag = flag.ok_or_else(|| setting("there is no such setting; `tillroll serve --help` lists them".into()))?;
        values.insert(name.clone(), check(flag, value).map_err(setting)?);
    }
    Ok(Settings { path: path.into(), values })
}

/// The text of the line is not repeated, because it may hold a secret.
fn at_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// Returns the setting as its flag would be given.
fn check(flag: &Arg, value: &Value) -> Result<Vec<String>, String> {
    let texts = match (flag.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(on)) => return Ok(vec![on.to_string()]),
        (ArgAction::SetTrue, _) => return Err("must be true or false".into()),
        (ArgAction::Append, Value::Array(values)) => {
            values.iter().map(text).collect::<Option<Vec<_>>>().ok_or("must be a list of strings")?
        }
        (_, value) => vec![text(value).ok_or("must be a string or a number")?],
    };
    let alone = Command::new("tillroll").no_binary_name(true).arg(flag.clone());
    let words = texts.iter().map(|text| format!("--{}={text}", flag.get_long().unwrap_or_default()));
    match alone.try_get_matches_from(words) {
        Ok(_) => Ok(texts),
        Err(error) => Err(reason(&error)),
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
    /// Returns whether the file says this setting.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Puts the settings behind the flags of `serve`.
    pub(super) fn behind(&self, command: Command) -> Command {
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
