//! The list of all components, as CycloneDX 1.6: the crates that are compiled into the collector and into the page, the npm packages
//! whose files are part of the build, the public list of hosts that the collector contains, and mdBook, whose files are part of the documents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{FOLDER, name};
use crate::context::Context;
use crate::{files, process, setup, source_hosts};

/// Workspace packages whose dependencies are published: the core and the collector.
const PUBLISHED: &[&str] = &["tillroll", "tillroll-collector"];

/// npm packages whose files are part of the build: the DuckDB library, the charts of the reports, the list of bots.
const NPM_PACKAGES: &[&str] = &["@duckdb/node-bindings-linux-x64", "crawler-user-agents", "uplot"];

/// Writes `tillroll-VERSION-linux-ARCHITECTURE.cdx.json`.
pub(super) fn write(context: &mut Context) -> Result<String> {
    let mut components = crates(context)?;
    components.extend(npm_packages(context)?);
    // The scripts and styles of the documents' site are parts of mdBook.
    components.push(component("cargo", "mdbook", setup::MDBOOK_VERSION, "MPL-2.0"));
    components.push(component(
        &format!("github/{}", source_hosts::OWNER),
        source_hosts::NAME,
        source_hosts::VERSION,
        source_hosts::LICENSE,
    ));
    let count = components.len();
    let list = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": "tillroll", "name": "tillroll", "version": env!("CARGO_PKG_VERSION"),
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        }},
        "components": components,
    });
    files::write(&context.path(FOLDER).join(name() + ".cdx.json"), format!("{list:#}\n").as_bytes())?;
    Ok(format!("{count} components"))
}

/// Returns the crates that the published packages depend on, build scripts included, sorted by name.
fn crates(context: &Context) -> Result<Vec<Value>> {
    let mut cargo = process::cargo(context);
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_str(&process::run_captured(&mut cargo)?).context("cannot read the output of cargo metadata")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let is_published = |id: &&String| PUBLISHED.contains(&packages[*id]["name"].as_str().unwrap_or_default());
    let mut waiting: Vec<String> = packages.keys().filter(is_published).cloned().collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !reached.insert(id.clone()) {
            continue;
        }
        let is_used = |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
        let dependencies = list(&nodes[&id]["deps"]).into_iter().filter(is_used);
        waiting.extend(dependencies.map(|dependency| text(&dependency["pkg"])));
    }
    let external = reached.iter().map(|id| &packages[id]).filter(|package| !package["source"].is_null());
    Ok(external
        .map(|package| component("cargo", &text(&package["name"]), &text(&package["version"]), &text(&package["license"])))
        .collect())
}

fn npm_packages(context: &Context) -> Result<Vec<Value>> {
    let lock: Value =
        serde_json::from_str(&files::read_text(&context.path("package-lock.json"))?).context("cannot read package-lock.json")?;
    let describe = |name: &&str| {
        let package = &lock["packages"][format!("node_modules/{name}")];
        component("npm", name, package["version"].as_str().unwrap_or_default(), package["license"].as_str().unwrap_or_default())
    };
    Ok(NPM_PACKAGES.iter().map(describe).collect())
}

fn component(registry: &str, name: &str, version: &str, license: &str) -> Value {
    // The scope of an npm package is encoded in its address.
    let address = format!("pkg:{registry}/{}@{version}", name.replacen('@', "%40", 1));
    // Old crates separate alternatives by a slash.
    let license = license.replace('/', " OR ");
    json!({"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address, "licenses": [{"expression": license}]})
}
