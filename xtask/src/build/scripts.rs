//! Bundles and minifies the scripts, and names them by a hash of their content.
//!
//! A script that another one names is built first: the on-demand scripts, then the modules of the core, then `tracking.js`.

use anyhow::Result;
use tillroll::effect::Action;
use tillroll::input::InputKind;
use tillroll_protocol::{calls_request, cookies, visitor_context};

use super::{generate_glue, inline_snippet, wasm_to_js};
use crate::context::Context;
use crate::{files, process};

/// Scripts that a page fetches on demand: the constant that names each in the source, the prefix of the file, and the source.
const ON_DEMAND: &[(&str, &str, &str)] =
    &[("PAGE_VIEWS", "views", PAGE_VIEWS), ("REPLAY", "replay", REPLAY), ("DEBUG", "debug", DEBUG), ("FALLBACK", "fallback", FALLBACK)];

/// Automatic page views.
const PAGE_VIEWS: &str = "js/facades/page-views.js";

/// Replays raw vendor calls that the inline snippet recorded before the library loaded.
const REPLAY: &str = "js/snippet/replay.js";

/// The debug panel.
const DEBUG: &str = "js/debug/tap.js";

/// Loads the core where WebAssembly is blocked.
const FALLBACK: &str = "js/core/load-js.js";

/// The entry of the npm package for bundlers that emit no files besides scripts.
const LOADER: &str = "js/package/loader.js";

/// The addresses of the on-demand scripts in that entry, in place of the constants.
const LOADER_ADDRESSES: &str = "js/package/file-addresses.js";

/// Takes the effects of the core.
const EFFECTS: &str = "js/core/effects.js";

/// Loads the core for the script tag.
const CORE: &str = "js/core/load.js";

/// Names of properties that only our own bundles use; every bundle has short ones in their place, which no DOM object has. A name keeps its
/// place: a browser may still have the script of the version before, which loads the present core.
const INTERNAL_NAMES: &[&str] = &[
    "pending",
    "opening",
    "readState",
    "listeners",
    "enqueue",
    "encodeBody",
    "setConsent",
    "pause",
    "snippet",
    "setCore",
    "client",
    "canReplay",
    "input",
    "respond",
    "restore",
    "renew",
    "leave",
];

/// What esbuild reads the short names from.
const SHORT_NAMES: &str = "target/web/short-names.json";

/// The output of a bundle whose hashed name is not computed yet.
const UNNAMED: &str = "target/web/part.min.js";

/// The output of esbuild and input of terser.
const BUNDLED: &str = "target/web/unfolded.js";

/// One run of esbuild, followed by terser for our own scripts.
struct Bundle<'a> {
    source: &'a str,
    output: &'a str,
    format: &'a str,
    target: &'a str,
}

/// Builds every script of `dist/` and removes the hashed files of earlier builds.
pub(super) fn bundle(context: &mut Context) -> Result<String> {
    let core = Bundle { source: CORE, output: "target/web/core.min.js", format: "esm", target: "es2020" };
    context.assets.on_demand.clear();
    write_short_names(context)?;
    for (constant, prefix, source) in ON_DEMAND {
        Bundle { source, output: UNNAMED, ..core }.build(context)?;
        let file = copy_with_hash(context, prefix, "js", UNNAMED)?;
        context.assets.on_demand.push((constant, file));
    }
    context.assets.wasm = copy_with_hash(context, "core", "wasm", generate_glue::WASM)?;
    core.build(context)?;
    context.assets.core = copy_with_hash(context, "core", "js", core.output)?;
    Bundle { source: "js/tracking.js", output: "dist/tracking.js", format: "iife", target: "es2018" }.build(context)?;
    for variant in inline_snippet::VARIANTS {
        let snippet = Bundle { source: inline_snippet::SOURCE, output: variant.output, format: "esm", target: "es2019" };
        snippet.build_with(context, &[("KEEPS", variant.stores_calls)])?;
    }
    remove_outdated(context)?;
    Ok(String::new())
}

/// Bundles the chart library of the reports, the only third-party code in the collector's pages.
pub(super) fn bundle_reports(context: &mut Context) -> Result<String> {
    let script =
        Bundle { source: "node_modules/uplot/dist/uPlot.esm.js", output: "dist/reports/uplot.js", format: "esm", target: "es2020" };
    script.build(context)?;
    Bundle { source: "node_modules/uplot/dist/uPlot.min.css", output: "dist/reports/uplot.css", ..script }.build(context)?;
    Ok(String::new())
}

/// Bundles the module of the npm package, which includes glue and facades, and its on-demand scripts.
pub(super) fn bundle_package(context: &Context) -> Result<()> {
    let module = Bundle { source: "js/index.js", output: "dist/npm/index.js", format: "esm", target: "es2020" };
    module.build(context)?;
    Bundle { source: LOADER, output: "dist/npm/loader.js", ..module }.build(context)?;
    Bundle { source: FALLBACK, output: "dist/npm/fallback.js", ..module }.build(context)?;
    Bundle { source: REPLAY, output: "dist/npm/replay.js", ..module }.build(context)?;
    Bundle { source: PAGE_VIEWS, output: "dist/npm/views.js", ..module }.build(context)?;
    Bundle { source: DEBUG, output: "dist/npm/debug.js", ..module }.build(context)
}

impl Bundle<'_> {
    fn build(&self, context: &Context) -> Result<()> {
        self.build_with(context, &[])
    }

    /// Builds with additional constants, each a name and a JavaScript expression. Writes the output only if it changed.
    fn build_with(&self, context: &Context, constants: &[(&str, &str)]) -> Result<()> {
        let glue = context.path(generate_glue::GLUE);
        let assets = &context.assets;
        let mut node = process::node(context);
        node.args(["node_modules/esbuild/bin/esbuild", self.source, "--bundle", "--charset=utf8", "--log-level=warning"])
            .args(if self.has_terser() { ["--minify-syntax", "--minify-whitespace"].as_slice() } else { &["--minify"] })
            .args(if self.has_terser() { short_name_flags(context) } else { Vec::new() })
            .arg(format!("--format={}", self.format))
            .arg(format!("--target={}", self.target))
            .arg(format!("--alias:tillroll-glue={}", glue.display()))
            .arg(format!("--alias:tillroll-effects={}", context.path(EFFECTS).display()))
            .arg(format!("--alias:tillroll-translated={}", context.path(wasm_to_js::TRANSLATED).display()))
            // The package fetches these files on demand.
            .args(["--external:./fallback.js", "--external:./debug*", "--external:./replay*", "--external:./views*"])
            .arg(define("CORE", &assets.core))
            .arg(define("WASM", &self.import_path(&assets.wasm)))
            .args(self.on_demand_addresses(context))
            .arg(define("VERSION", env!("CARGO_PKG_VERSION")))
            .args(shared_constants())
            .args(constants.iter().map(|(name, expression)| format!("--define:__{name}__={expression}")))
            .args(license_banners(context, self.source)?);
        let mut script = process::run_captured(&mut node)?;
        if self.has_terser() {
            script = self.minify(context, &script)?;
        }
        files::write(&context.path(self.output), script.as_bytes())
    }

    /// Whether terser shortens the names, and esbuild does not.
    fn has_terser(&self) -> bool {
        self.source.starts_with("js/") && self.source != inline_snippet::SOURCE
    }

    /// The options of esbuild by which this script has the addresses of the on-demand scripts.
    fn on_demand_addresses(&self, context: &Context) -> Vec<String> {
        if self.source == LOADER {
            return vec![format!("--inject:{LOADER_ADDRESSES}")];
        }
        context.assets.on_demand.iter().map(|(constant, file)| define(constant, &self.import_path(file))).collect()
    }

    /// How this script refers to a file of `dist/`: the package by prefix, a module by a relative path, `tracking.js` by the path below
    /// its own address.
    fn import_path(&self, file: &str) -> String {
        let name = file.trim_start_matches("assets/");
        match name.split_once('-') {
            Some((prefix, _)) if self.output.starts_with("dist/npm/") => format!("./{prefix}.js"),
            _ if self.format == "esm" => format!("./{name}"),
            _ => file.into(),
        }
    }

    /// Runs terser, which inlines single uses that esbuild leaves alone: a twentieth of a page's scripts. The unsafe option is safe here: no
    /// code calls `new` on a function without `this`. The inline snippet does, so it skips terser. `hoist_funs` and `hoist_vars` make
    /// `tracking.js` 40 bytes smaller, and modules larger; so does one pass less.
    fn minify(&self, context: &Context, script: &str) -> Result<String> {
        files::write(&context.path(BUNDLED), script.as_bytes())?;
        let mut node = process::node(context);
        node.args(["node_modules/terser/bin/terser", BUNDLED])
            .arg("--compress")
            .arg(format!("inline=1,unsafe_arrows,{}", if self.format == "iife" { "passes=2,hoist_funs,hoist_vars" } else { "passes=3" }))
            .args(["--mangle", "--ecma", self.target.trim_start_matches("es")])
            .args((self.format == "esm").then_some("--module"));
        process::run_captured(&mut node)
    }
}

/// Assigns the letters of the alphabet to the internal names, in their order.
fn write_short_names(context: &Context) -> Result<()> {
    let pairs: Vec<_> = INTERNAL_NAMES.iter().map(|name| format!("\"{name}\":\"{}\"", short_name(name))).collect();
    files::write(&context.path(SHORT_NAMES), format!("{{{}}}\n", pairs.join(",")).as_bytes())
}

/// Returns the short name of an internal property; any other name is returned as it is.
fn short_name(name: &str) -> String {
    INTERNAL_NAMES.iter().zip('a'..='z').find(|(internal, _)| **internal == name).map_or_else(|| name.into(), |(_, letter)| letter.into())
}

fn short_name_flags(context: &Context) -> Vec<String> {
    vec![format!("--mangle-props=^({})$", INTERNAL_NAMES.join("|")), format!("--mangle-cache={}", context.path(SHORT_NAMES).display())]
}

/// The esbuild options that put the licence of a third-party package at the top of its bundle.
fn license_banners(context: &Context, source: &str) -> Result<Vec<String>> {
    let Some(package) = source.strip_prefix("node_modules/").and_then(|path| path.split('/').next()) else { return Ok(Vec::new()) };
    let license = files::read_text(&context.path(&format!("node_modules/{package}/LICENSE")))?;
    let banner = format!("/*! {package}\n{} */", license.trim());
    Ok(vec![format!("--banner:js={banner}"), format!("--banner:css={banner}")])
}

/// The constants that the scripts share with the core and the collector.
fn shared_constants() -> Vec<String> {
    let mut constants = vec![
        define("VISITOR_COOKIE", cookies::VISITOR_COOKIE),
        define("SESSION_COOKIE", cookies::SESSION_COOKIE),
        format!("--define:__SHARED_HOSTS__={:?}", cookies::SHARED_HOSTS),
        format!("--define:__SECOND_LEVEL_LABELS__={:?}", cookies::SECOND_LEVEL_LABELS),
        format!("--define:__COOKIE_MAX_AGE_SECS__={}", cookies::COOKIE_MAX_AGE_SECS),
        format!("--define:__CALLS_FORM__={}", calls_request::FORM),
        format!("--define:__SESSION_TIMEOUT_MS__={}", visitor_context::SESSION_TIMEOUT_MS),
    ];
    for (object, names) in [("ACTIONS", Action::NAMES), ("INPUTS", InputKind::NAMES)] {
        constants.extend(names.iter().enumerate().map(|(number, name)| format!("--define:{object}.{name}={number}")));
    }
    constants
}

fn define(name: &str, value: &str) -> String {
    format!("--define:__{name}__=\"{value}\"")
}

/// Copies a file to `dist/assets` under a name with a hash of its content; returns that name.
fn copy_with_hash(context: &Context, prefix: &str, extension: &str, source: &str) -> Result<String> {
    let content = files::read(&context.path(source))?;
    let name = format!("assets/{prefix}-{}.{extension}", &files::sha256(&[&content])[..8]);
    files::write(&context.path("dist").join(&name), &content)?;
    Ok(name)
}

fn remove_outdated(context: &Context) -> Result<()> {
    let assets = &context.assets;
    let on_demand = assets.on_demand.iter().map(|(_, file)| file);
    let current: Vec<_> = [&assets.core, &assets.wasm].into_iter().chain(on_demand).collect();
    for file in files::list(&context.path("dist/assets"), &|_| true) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let uncompressed = name.trim_end_matches(".br").trim_end_matches(".gz");
        if !current.iter().any(|asset| asset.strip_prefix("assets/") == Some(uncompressed)) {
            files::remove(&file)?;
        }
    }
    Ok(())
}
