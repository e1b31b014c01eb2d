//! The JSON schema of the configuration file, made from the flags of `serve`. Editors complete and check the file with it.
//!
//! The schema accepts no file with a key or a type of value that the server refuses. Rules that concern several settings, and what a value
//! means (does a file exist, is a port free), are the server's alone.

use std::any::TypeId;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

use crate::config::file::NOT_SETTINGS;

/// The draft that editors of TOML support.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The name of a value that is a duration.
const DURATION: &str = "TIME";

/// One or more numbers with their units.
const DURATION_PATTERN: &str = "^\\s*([0-9]+(\\.[0-9]+)?\\s*[A-Za-zµ]+\\s*)+$";

/// A duration of zero.
const ZERO_PATTERN: &str = "^[^1-9]*$";

/// Returns the schema of the file for the flags of the subcommand `serve` of `program`.
pub fn schema(program: &Command) -> Value {
    let flags = program.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    let flags = flags.filter_map(|flag| Some((flag.get_long()?, flag))).filter(|(name, _)| !NOT_SETTINGS.contains(name));
    let properties: Map<String, Value> = flags.map(|(name, flag)| (name.to_owned(), property(flag))).collect();
    json!({
        "$schema": DRAFT,
        "title": "Settings of tillroll serve",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(flag: &Arg) -> Value {
    let mut property = value_type(flag);
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let variable = flag.get_env().map(|name| format!(". Environment: {}", name.to_string_lossy())).unwrap_or_default();
    property["description"] = format!("{help}{variable}").into();
    let default = flag.get_default_values().first().filter(|_| !matches!(flag.get_action(), ArgAction::SetTrue));
    if let Some(default) = default.map(|value| value.to_string_lossy()) {
        property["default"] = match default.parse::<i64>() {
            Ok(number) if is_integer(flag.get_value_parser()) => number.into(),
            _ => default.into_owned().into(),
        };
    }
    property
}

/// Returns what a value may be, as `file::read` accepts it.
fn value_type(flag: &Arg) -> Value {
    let choices: Vec<String> = flag.get_possible_values().iter().map(|choice| choice.get_name().to_owned()).collect();
    let is_duration = flag.get_value_names().is_some_and(|names| names.iter().any(|name| name == DURATION));
    match flag.get_action() {
        ArgAction::SetTrue => json!({"type": "boolean"}),
        ArgAction::Append => json!({"type": ["array", "string"], "items": {"type": "string"}}),
        _ if !choices.is_empty() => json!({"type": "string", "enum": choices}),
        _ if is_integer(flag.get_value_parser()) => json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"}),
        _ if is_duration => json!({"type": "string", "pattern": DURATION_PATTERN, "not": {"pattern": ZERO_PATTERN}}),
        _ => json!({"type": "string"}),
    }
}

fn is_integer(parser: &ValueParser) -> bool {
    let id = parser.type_id();
    [TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>(), TypeId::of::<i64>()]
        .iter()
        .any(|integer| id == *integer)
}
