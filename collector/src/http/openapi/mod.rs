//! The description of the HTTP interface as OpenAPI 3.1.
//!
//! The paths are those of the router's own list. `operations.json` describes each, by its path without a version, and repeats nothing:
//! `like` names a template, `errors` lists statuses whose text is in `components.json`. The types of events are made from their table.

mod event_schemas;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::http::route_table::Served;
use crate::metrics::catalog::Resource;
use crate::metrics::parse::QueryType;

/// The path of the document.
pub(super) const PATH: &str = "/openapi.json";

/// Versions that may precede a path of vendors' interfaces.
const VERSIONS: &[&str] = &["/v1", "/v2"];

static DESCRIPTIONS: LazyLock<Value> = LazyLock::new(|| read(include_str!("operations.json")));
static COMPONENTS: LazyLock<Value> = LazyLock::new(|| read(include_str!("components.json")));

/// Parses a file of this folder. The tests read every member of it.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns the document.
pub(super) fn document(served: &[Served]) -> Value {
    let mut paths = Map::new();
    for served in served {
        let path = paths.entry(served.path.clone()).or_insert_with(|| json!({}));
        path[served.method.to_lowercase()] = operation(served);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Tillroll collector",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "2xx means stored durably. GET routes answer HEAD too, and routes of pages answer OPTIONS. Repeated and trailing \
                            slashes in a path do not count.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": components(),
    })
}

fn components() -> Value {
    let mut schemas = COMPONENTS["schemas"].clone();
    merge(&mut schemas, &Value::from(event_schemas::schemas()));
    json!({"securitySchemes": COMPONENTS["securitySchemes"], "parameters": COMPONENTS["parameters"], "schemas": schemas})
}

/// Returns the description of one operation. Without an entry in `operations.json` it has no summary, which a test reports.
fn operation(served: &Served) -> Value {
    let entry = described(served).map_or_else(|| json!({}), expanded);
    let mut operation = json!({"operationId": operation_id(served), "responses": {}});
    merge(&mut operation, &entry);
    let error_schema = entry["error_schema"].as_str().unwrap_or("Error");
    for status in entry["errors"].as_array().into_iter().flatten() {
        operation["responses"][status.to_string()] = error_response(&COMPONENTS["errors"][status.to_string()], error_schema);
    }
    operation["responses"]["default"] = error_response(&"Another error.".into(), error_schema);
    let mut parameters = path_parameters(served, entry["example"].as_str());
    if entry["requestBody"].is_object() {
        parameters.push(json!({"$ref": "#/components/parameters/content_encoding"}));
    }
    parameters.extend(entry["parameters"].as_array().cloned().unwrap_or_default());
    operation["parameters"] = parameters.into();
    if let Some(operation) = operation.as_object_mut() {
        operation.retain(|name, _| !["like", "errors", "error_schema", "example"].contains(&name.as_str()));
    }
    operation
}

/// Returns the entry of an operation, found with or without the version in its path.
fn described(served: &Served) -> Option<&'static Value> {
    let unversioned = VERSIONS.iter().find_map(|version| served.path.strip_prefix(version)).unwrap_or(&served.path);
    [served.path.as_str(), unversioned].iter().find_map(|path| DESCRIPTIONS["operations"].get(format!("{} {path}", served.method)))
}

/// Returns an entry with everything of its template that it does not have itself.
fn expanded(entry: &Value) -> Value {
    let mut out = entry["like"].as_str().map_or_else(|| json!({}), |name| expanded(&DESCRIPTIONS["templates"][name]));
    merge(&mut out, entry);
    out
}

/// Adds or replaces members of an object.
fn merge(target: &mut Value, source: &Value) {
    for (name, value) in source.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
}

/// Returns a unique name, such as `post_v2_batch`.
fn operation_id(served: &Served) -> String {
    let words = served.path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(served.method.to_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}

fn error_response(description: &Value, schema: &str) -> Value {
    let media_type = if schema == "MetricsError" { "application/vnd.api+json" } else { "application/json" };
    json!({"description": description, "content": {media_type: {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}})
}

fn path_parameters(served: &Served, example: Option<&str>) -> Vec<Value> {
    let names = served.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let parameter = |name: &str| {
        let mut parameter = json!({"name": name, "in": "path", "required": true});
        merge(&mut parameter, &COMPONENTS["path_parameters"][name]);
        // Queries have parameters of their own.
        if served.path.starts_with("/metrics/") {
            let values = if name == "resource" { Resource::names() } else { QueryType::names() };
            parameter["example"] = values.first().copied().into();
            parameter["description"] = format!("The {} of the metrics API.", if name == "resource" { "resource" } else { "query" }).into();
            parameter["schema"] = json!({"enum": values});
        }
        if let Some(example) = example {
            parameter["example"] = example.into();
        }
        parameter
    };
    names.map(parameter).collect()
}
