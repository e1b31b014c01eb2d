//! Rules on what a part must not know: the invariants of ARCHITECTURE.md.

use super::Finding;
use super::source::{Source, words};

const WEB_CRATES: &[&str] = &["web_sys", "js_sys", "gloo_net", "wasm_bindgen", "wasm_bindgen_futures", "serde_wasm_bindgen"];
const PANICS: &[&str] = &[".unwrap()", ".expect(", "panic!", "unreachable!"];
const VENDORS: &[&str] = &["metrilo", "ometria", "commerce layer", "commercelayer", "commerce_layer"];
/// Where a vendor may be named: its mouth, its wire, its query language, and the entries that wire them up.
const VENDOR_PLACES: &[&str] = &[
    "js/debug/labels.js",
    "js/facades",
    "js/index.d.ts",
    "js/index.js",
    "js/snippet/",
    "js/tracking.js",
    "protocol/src/cookies.rs",
    "collector/src/metrics",
    "collector/src/vendors",
    "docs/",
    "protocol/src/apis.rs",
    "www/",
    "xtask/src/build/scripts.rs",
    "xtask/src/tidy/",
];
/// Who must not depend on whom, outside of its tests.
const FOREIGN: &[(&str, &[&str])] = &[
    ("Cargo.toml", &["tillroll-collector", "xtask"]),
    ("protocol/Cargo.toml", &["tillroll", "tillroll-collector", "xtask"]),
    ("collector/Cargo.toml", &["tillroll", "xtask"]),
];

/// Only `src/browser` talks to a browser.
pub(super) fn web_crates(source: &Source) -> Vec<Finding> {
    if !is_core(source) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (line, code, _) in source.code_lines() {
        for name in WEB_CRATES.iter().filter(|name| words(code, name).next().is_some()) {
            found.push(Finding::new(line, format!("`{name}` belongs in src/browser; let the core return an effect")));
        }
        if words(code, "browser").any(|at| code[at..].starts_with("browser::")) {
            found.push(Finding::new(line, "the core does not know `browser`; let it return an effect"));
        }
    }
    found
}

/// `src/lib.rs` takes `browser` in once, and only for the page.
pub(super) fn browser_module(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    if !source.path.starts_with("src/") {
        return found;
    }
    let all: Vec<&str> = source.text.lines().collect();
    for (line, code, _) in source.code_lines().filter(|(_, code, _)| code.contains("mod browser")) {
        let above = all.get(line.saturating_sub(2)).copied().unwrap_or_default();
        if source.path != "src/lib.rs" || code.trim() != "mod browser;" || !above.contains("wasm32") {
            let words = "the one `mod browser;` stands in src/lib.rs under #[cfg(target_arch = \"wasm32\")]";
            found.push(Finding::new(line, words));
        }
    }
    found
}

/// Nothing in the page panics.
pub(super) fn panics(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("src/") || !source.is(&["rs"]) {
        return Vec::new();
    }
    let lines = source.code_lines().filter(|(_, _, test)| !test);
    lines
        .flat_map(|(line, code, _)| {
            let used = PANICS.iter().filter(move |panic| holds(code, panic));
            used.map(move |panic| Finding::new(line, format!("`{panic}` can stop a shop's page; return a Result or an Option")))
        })
        .collect()
}

/// A vendor is named only at the edges.
pub(super) fn vendors(source: &Source) -> Vec<Finding> {
    if !source.is(&["rs", "js", "mjs", "ts"]) || source.below(VENDOR_PLACES) || source.is_test() {
        return Vec::new();
    }
    let named = |line: &str| VENDORS.iter().copied().find(|vendor| line.to_lowercase().contains(vendor));
    let lines = source.text.lines().enumerate();
    let named = lines.filter_map(|(index, line)| Some((index + 1, named(line)?)));
    named
        .map(|(line, vendor)| {
            let words = format!(
                "`{vendor}` is named only in js/facades, collector/src/vendors, collector/src/metrics and tests; say what it does instead"
            );
            Finding::new(line, words)
        })
        .collect()
}

/// The halves know the protocol and not each other.
pub(super) fn dependencies(source: &Source) -> Vec<Finding> {
    let Some((_, foreign)) = FOREIGN.iter().find(|(path, _)| *path == source.path) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut section = "";
    for (index, line) in source.text.lines().enumerate() {
        section = if line.starts_with('[') { line.trim_matches(['[', ']', ' ']) } else { section };
        let (table, inline) = section.rsplit_once("dependencies").unwrap_or(("other", ""));
        if !(table.is_empty() || table == "build-" || table.starts_with("target.")) || table.ends_with("dev-") {
            continue;
        }
        let name =
            if line.starts_with('[') { inline.trim_start_matches('.') } else { line.split(['=', '.', ' ']).next().unwrap_or_default() };
        if foreign.contains(&name) {
            let words = format!("no dependency on `{name}`; what both need belongs in protocol (tests may use dev-dependencies)");
            found.push(Finding::new(index + 1, words));
        }
    }
    found
}

fn is_core(source: &Source) -> bool {
    source.is(&["rs"]) && source.below(&["src/", "protocol/"]) && !source.below(&["src/browser"])
}

/// Whether code holds a call or a macro of that name: `.expect(` as it stands, `panic!` as a whole word.
fn holds(code: &str, name: &str) -> bool {
    if name.starts_with('.') { code.contains(name) } else { words(code, name).next().is_some() }
}

#[cfg(test)]
mod tests {
    use super::super::{NONE, lines};
    use super::{browser_module, dependencies, panics, vendors, web_crates};

    #[test]
    fn the_core_names_no_browser() {
        let text = "//! on web_sys\nuse web_sys::Window;\nlet a = \"js_sys\";\ncrate::browser::now()\n";
        assert_eq!(lines(web_crates, "src/tracker.rs", text), [2, 4]);
        assert_eq!(lines(web_crates, "src/browser/clock.rs", text), NONE);
        assert_eq!(lines(web_crates, "collector/src/lib.rs", text), NONE);
    }

    #[test]
    fn the_browser_module_is_for_the_page_alone() {
        assert_eq!(lines(browser_module, "src/lib.rs", "#[cfg(target_arch = \"wasm32\")]\nmod browser;\n"), NONE);
        assert_eq!(lines(browser_module, "src/lib.rs", "mod queue;\nmod browser;\n"), [2]);
        assert_eq!(lines(browser_module, "src/queue.rs", "#[cfg(wasm32)]\nmod browser;\n"), [2]);
    }

    #[test]
    fn the_page_cannot_panic_but_its_tests_can() {
        let text = "a.unwrap();\na.unwrap_or(1);\na.expect(\"b\");\n#[expect(dead_code)]\nfn c() { panic!() }\n#[cfg(test)]\nmod tests { fn d() { a.unwrap() } }\n";
        assert_eq!(lines(panics, "src/queue.rs", text), [1, 3, 5]);
        assert_eq!(lines(panics, "collector/src/lib.rs", text), NONE);
    }

    #[test]
    fn vendors_stay_at_the_edges() {
        for path in ["src/event.rs", "protocol/src/lib.rs", "collector/src/routes/batch.rs", "js/client.js"] {
            assert_eq!(lines(vendors, path, "//! a\n// as Metrilo does\n"), [2], "{path}");
        }
        for path in ["js/facades/a.js", "collector/src/vendors.rs", "tests/compat/a.rs", "js/client.test.mjs", "README.md"] {
            assert_eq!(lines(vendors, path, "// metrilo"), NONE, "{path}");
        }
    }

    #[test]
    fn the_halves_do_not_know_each_other() {
        let text = "[dependencies]\ntillroll-protocol.workspace = true\ntillroll = { path = \"..\" }\n[dev-dependencies]\ntillroll = { path = \"..\" }\n[dependencies.tillroll]\npath = \"..\"\n";
        assert_eq!(lines(dependencies, "collector/Cargo.toml", text), [3, 6]);
        assert_eq!(lines(dependencies, "xtask/Cargo.toml", text), NONE);
        let root = "[workspace.dependencies]\ntillroll-collector = { path = \"collector\" }\n[target.'cfg(unix)'.dependencies]\ntillroll-collector.workspace = true\n[dev-dependencies]\ntillroll-collector.workspace = true\n";
        assert_eq!(lines(dependencies, "Cargo.toml", root), [4]);
    }
}
