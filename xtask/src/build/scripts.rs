//! Bundles and minifies the scripts, and names them by a hash of their content.
//!
//! A script that another one names is built first: the on-demand scripts, then the modules of the core, then `tracking.js`.

use anyhow::Result;
use tillroll_protocol::{cookies, visitor_context};

use super::{generate_glue, inline_snippet, wasm_to_js};
use crate::context::Context;
use crate::{files, process};

/// Scripts that a page fetches on demand: the constant that names each in the source, the prefix of the file, and the source.
const ON_DEMAND: &[(&str, &str, &str)] = &[("REPLAY", "replay", REPLAY), ("DEBUG", "debug", DEBUG), ("FALLBACK", "fallback", FALLBACK)];

/// Replays raw vendor calls that the inline snippet recorded before the library loaded.
const REPLAY: &str = "js/snippet/replay.js";

/// The debug panel.
const DEBUG: &str = "js/debug/tap.js";

/// Loads the core where WebAssembly is blocked.
const FALLBACK: &str = "js/core/load-js.js";

/// Loads the core as WebAssembly.
const CORE: &str = "js/core/load-wasm.js";

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
    for (constant, prefix, source) in ON_DEMAND {
        Bundle { source, output: UNNAMED, ..core }.build(context)?;
        let file = copy_with_hash(context, prefix, "js", UNNAMED)?;
        context.assets.on_demand.push((constant, file));
    }
    core.build(context)?;
    context.assets.core = copy_with_hash(context, "core", "js", core.output)?;
    context.assets.wasm = copy_with_hash(context, "core", "wasm", generate_glue::WASM)?;
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
    Bundle { source: FALLBACK, output: "dist/npm/fallback.js", ..module }.build(context)?;
    Bundle { source: REPLAY, output: "dist/npm/replay.js", ..module }.build(context)?;
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
        node.args(["node_modules/esbuild/bin/esbuild", self.source, "--bundle", "--minify", "--charset=utf8", "--log-level=warning"])
            .arg(format!("--format={}", self.format))
            .arg(format!("--target={}", self.target))
            .arg(format!("--alias:tillroll-glue={}", glue.display()))
            .arg(format!("--alias:tillroll-translated={}", context.path(wasm_to_js::TRANSLATED).display()))
            // The package fetches these files on demand.
            .args(["--external:./fallback.js", "--external:./debug*", "--external:./replay*"])
            .arg(define("CORE", &assets.core))
            .arg(define("WASM", &assets.wasm))
            .args(assets.on_demand.iter().map(|(constant, file)| define(constant, &self.import_path(file))))
            .arg(define("VERSION", env!("CARGO_PKG_VERSION")))
            .args(protocol_constants())
            .args(constants.iter().map(|(name, expression)| format!("--define:__{name}__={expression}")))
            .args(license_banners(context, self.source)?);
        let mut script = process::run_captured(&mut node)?;
        if self.source.starts_with("js/") && self.source != inline_snippet::SOURCE {
            script = self.minify(context, &script)?;
        }
        files::write(&context.path(self.output), script.as_bytes())
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

    /// Runs terser, which inlines single uses that esbuild leaves alone: a twentieth of a page's scripts. The two unsafe options are safe
    /// here: no code calls `new` on a function that is an object's method or has no `this`. The inline snippet does, so it skips terser.
    fn minify(&self, context: &Context, script: &str) -> Result<String> {
        files::write(&context.path(BUNDLED), script.as_bytes())?;
        let mut node = process::node(context);
        node.args(["node_modules/terser/bin/terser", BUNDLED])
            .args(["--compress", "passes=3,unsafe_arrows,unsafe_methods", "--mangle", "--ecma", self.target.trim_start_matches("es")])
            .args((self.format == "esm").then_some("--module"));
        process::run_captured(&mut node)
    }
}

/// The esbuild options that put the licence of a third-party package at the top of its bundle.
fn license_banners(context: &Context, source: &str) -> Result<Vec<String>> {
    let Some(package) = source.strip_prefix("node_modules/").and_then(|path| path.split('/').next()) else { return Ok(Vec::new()) };
    let license = files::read_text(&context.path(&format!("node_modules/{package}/LICENSE")))?;
    let banner = format!("/*! {package}\n{} */", license.trim());
    Ok(vec![format!("--banner:js={banner}"), format!("--banner:css={banner}")])
}

/// The constants that the scripts share with the collector; only `protocol` defines them.
fn protocol_constants() -> Vec<String> {
    vec![
        define("VISITOR_COOKIE", cookies::VISITOR_COOKIE),
        define("SESSION_COOKIE", cookies::SESSION_COOKIE),
        format!("--define:__SHARED_HOSTS__={:?}", cookies::SHARED_HOSTS),
        format!("--define:__COOKIE_MAX_AGE_SECS__={}", cookies::COOKIE_MAX_AGE_SECS),
        format!("--define:__SESSION_TIMEOUT_MS__={}", visitor_context::SESSION_TIMEOUT_MS),
    ]
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
