//! The scripts: bundled, minified, named by their content.
//!
//! The order is that of who names whom: what names no other first, then the core's modules, then `tracking.js`, which knows their names.

use tillroll_protocol::{cookies, visitor_context};

use crate::build::{fallback, glue, snippet};
use crate::context::Context;
use crate::error::Error;
use crate::{files, process};

/// What pages fetch only when they need it: its name in the scripts, how its file begins, and its source.
const LATER: &[(&str, &str, &str)] = &[("REPLAY", "replay", REPLAY), ("DEBUG", "debug", DEBUG), ("FALLBACK", "fallback", REFUSED)];

/// The replay of raw vendor calls.
const REPLAY: &str = "js/snippet/replay.js";

/// The window that says what the library does.
const DEBUG: &str = "js/debug/tap.js";

/// The core where WebAssembly is refused.
const REFUSED: &str = "js/core/load-js.js";

/// Where one of these is made before its name is known.
const PART: &str = "target/web/part.min.js";

/// What esbuild made, for terser.
const UNFOLDED: &str = "target/web/unfolded.js";

/// One run of esbuild, and of terser behind it.
struct Bundle<'a> {
    from: &'a str,
    to: &'a str,
    format: &'a str,
    target: &'a str,
}

/// Makes every script of `dist/`, and removes hashed files of earlier builds.
pub(super) fn bundle(context: &mut Context) -> Result<String, Error> {
    let module = Bundle { from: "js/core/load-wasm.js", to: "target/web/core.min.js", format: "esm", target: "es2020" };
    context.assets.later.clear();
    for (name, stem, from) in LATER {
        Bundle { from, to: PART, ..module }.run(context)?;
        let file = publish(context, stem, "js", PART)?;
        context.assets.later.push((name, file));
    }
    module.run(context)?;
    context.assets.core = publish(context, "core", "js", module.to)?;
    context.assets.wasm = publish(context, "core", "wasm", glue::WASM)?;
    Bundle { from: "js/tracking.js", to: "dist/tracking.js", format: "iife", target: "es2018" }.run(context)?;
    for (_, to, keeps) in snippet::FORMS {
        Bundle { from: snippet::SOURCE, to, format: "esm", target: "es2019" }.run_with(context, &[("KEEPS", keeps)])?;
    }
    sweep(context)?;
    Ok(String::new())
}

/// The charts of the reports, which is all that the collector's own pages have of others' making.
pub(super) fn bundle_reports(context: &mut Context) -> Result<String, Error> {
    let script = Bundle { from: "node_modules/uplot/dist/uPlot.esm.js", to: "dist/reports/uplot.js", format: "esm", target: "es2020" };
    script.run(context)?;
    Bundle { from: "node_modules/uplot/dist/uPlot.min.css", to: "dist/reports/uplot.css", ..script }.run(context)?;
    Ok(String::new())
}

/// The npm package's module, glue and facades inside, and those that it fetches: where WebAssembly is refused, and to say what it does.
pub(super) fn bundle_package(context: &Context) -> Result<(), Error> {
    let module = Bundle { from: "js/index.js", to: "dist/npm/index.js", format: "esm", target: "es2020" };
    module.run(context)?;
    Bundle { from: REFUSED, to: "dist/npm/fallback.js", ..module }.run(context)?;
    Bundle { from: REPLAY, to: "dist/npm/replay.js", ..module }.run(context)?;
    Bundle { from: DEBUG, to: "dist/npm/debug.js", ..module }.run(context)
}

impl Bundle<'_> {
    /// Bundles in memory and writes only what changed.
    fn run(&self, context: &Context) -> Result<(), Error> {
        self.run_with(context, &[])
    }

    /// As [`run`](Self::run), with more that the script knows by name, each a piece of script.
    fn run_with(&self, context: &Context, more: &[(&str, &str)]) -> Result<(), Error> {
        let glue = context.path(glue::GLUE);
        let assets = &context.assets;
        let mut node = process::node(context);
        node.args(["node_modules/esbuild/bin/esbuild", self.from, "--bundle", "--minify", "--charset=utf8", "--log-level=warning"])
            .arg(format!("--format={}", self.format))
            .arg(format!("--target={}", self.target))
            .arg(format!("--alias:tillroll-glue={}", glue.display()))
            .arg(format!("--alias:tillroll-translated={}", context.path(fallback::TRANSLATED).display()))
            // What stays a file of its own, fetched by those who need it.
            .args(["--external:./fallback.js", "--external:./debug*", "--external:./replay*"])
            .arg(define("CORE", &assets.core))
            .arg(define("WASM", &assets.wasm))
            .args(assets.later.iter().map(|(name, file)| define(name, &self.path(file))))
            .arg(define("VERSION", env!("CARGO_PKG_VERSION")))
            .args(protocol_constants())
            .args(more.iter().map(|(name, value)| format!("--define:__{name}__={value}")))
            .args(notice(context, self.from)?);
        let mut script = process::quiet(&mut node)?;
        if self.from.starts_with("js/") && self.from != snippet::SOURCE {
            script = self.fold(context, &script)?;
        }
        files::write(&context.path(self.to), script.as_bytes())
    }

    /// How this script names a file of `dist/`: in the package by its stem, a module beside it by its name, and the page's script below it.
    fn path(&self, file: &str) -> String {
        let name = file.trim_start_matches("assets/");
        match name.split_once('-') {
            Some((stem, _)) if self.to.starts_with("dist/npm/") => format!("./{stem}.js"),
            _ if self.format == "esm" => format!("./{name}"),
            _ => file.into(),
        }
    }

    /// Folds single uses into each other, which esbuild leaves as they are: a twentieth of a page's scripts. The two liberties are safe because
    /// nobody calls `new` on a function that stands in an object or has no `this`, but for the inline snippet.
    fn fold(&self, context: &Context, script: &str) -> Result<String, Error> {
        files::write(&context.path(UNFOLDED), script.as_bytes())?;
        let mut node = process::node(context);
        node.args(["node_modules/terser/bin/terser", UNFOLDED])
            .args(["--compress", "passes=3,unsafe_arrows,unsafe_methods", "--mangle", "--ecma", self.target.trim_start_matches("es")])
            .args((self.format == "esm").then_some("--module"));
        process::quiet(&mut node)
    }
}

/// What others wrote keeps their licence at its head.
fn notice(context: &Context, from: &str) -> Result<Vec<String>, Error> {
    let Some(package) = from.strip_prefix("node_modules/").and_then(|path| path.split('/').next()) else { return Ok(Vec::new()) };
    let licence = files::read_text(&context.path(&format!("node_modules/{package}/LICENSE")))?;
    let notice = format!("/*! {package}\n{} */", licence.trim());
    Ok(vec![format!("--banner:js={notice}"), format!("--banner:css={notice}")])
}

/// The constants that the scripts share with the collector; they stand in `protocol` alone.
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

/// Copies a made file to `dist/assets` under a name that changes with its content, and gives that name.
fn publish(context: &Context, stem: &str, ending: &str, from: &str) -> Result<String, Error> {
    let content = files::read(&context.path(from))?;
    let name = format!("assets/{stem}-{}.{ending}", &files::hash(&[&content])[..8]);
    files::write(&context.path("dist").join(&name), &content)?;
    Ok(name)
}

fn sweep(context: &Context) -> Result<(), Error> {
    let assets = &context.assets;
    let later = assets.later.iter().map(|(_, file)| file);
    let current: Vec<_> = [&assets.core, &assets.wasm].into_iter().chain(later).collect();
    for file in files::below(&context.path("dist/assets"), &|_| true) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let own = name.trim_end_matches(".br").trim_end_matches(".gz");
        if !current.iter().any(|kept| kept.strip_prefix("assets/") == Some(own)) {
            files::remove(&file)?;
        }
    }
    Ok(())
}
