//! Rules on what a part of the code base may name; ARCHITECTURE.md explains the boundaries.

use super::source::{Finding, Source};

const WEB_CRATES: &[&str] = &["web_sys", "js_sys", "gloo_net", "wasm_bindgen", "wasm_bindgen_futures", "serde_wasm_bindgen"];
const VENDORS: &[&str] = &["metrilo", "ometria", "commerce layer", "commercelayer", "commerce_layer"];
/// The paths that may name a vendor: facades, wire formats, the query language, and the entry points that connect them.
const VENDOR_PATHS: &[&str] = &[
    "js/debug/labels.js",
    "js/facades",
    "js/frameworks/",
    "js/index.d.ts",
    "js/index.js",
    "js/package/",
    "js/snippet/",
    "js/tracking.js",
    "collector/src/metrics",
    "collector/src/vendors",
    "docs/",
    "eslint.config.mjs",
    "examples/",
    "protocol/src/apis.rs",
    "protocol/src/cookies.rs",
    "www/",
    "xtask/src/build/scripts.rs",
    "xtask/src/tidy/",
];

/// Only `src/browser` names web crates; the rest of the core returns effects.
pub(super) fn web_crates(source: &Source) -> Vec<Finding> {
    if !source.is_below(&["src/", "protocol/"]) || source.is_below(&["src/browser"]) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for path in &source.path_uses {
        if let Some(name) = path.segments.iter().find(|segment| WEB_CRATES.contains(&segment.as_str())) {
            findings.push(source.finding(path.line, format!("only src/browser may use `{name}`; return an effect instead")));
        }
        if path.segments.starts_with(&["crate".into(), "browser".into()]) || path.segments.starts_with(&["browser".into()]) {
            findings.push(source.finding(path.line, "the core must not use `browser`; return an effect instead"));
        }
    }
    findings
}

/// Vendor names appear only in the parts that implement vendor interfaces, and in tests and documents.
pub(super) fn vendors(source: &Source) -> Vec<Finding> {
    if !source.has_extension(&["rs", "js", "mjs", "ts"]) || source.is_below(VENDOR_PATHS) || source.is_test() {
        return Vec::new();
    }
    let vendor_in = |line: &str| VENDORS.iter().find(|vendor| line.to_lowercase().contains(**vendor));
    let named = source.lines().filter_map(|(line, text)| Some((line, vendor_in(text)?)));
    let message = "is allowed only in js/facades, collector/src/vendors, collector/src/metrics and tests; describe the behaviour instead";
    named.map(|(line, vendor)| source.finding(line, format!("the name `{vendor}` {message}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINES, lines};
    use super::{vendors, web_crates};

    #[test]
    fn core_may_not_name_web_crates() {
        let text = "//! on web_sys\nuse web_sys::Window;\nconst A: &str = \"js_sys\";\nfn a() { crate::browser::now() }\nfn b() { c![web_sys::d()] }\n";
        assert_eq!(lines(web_crates, "src/tracker.rs", text), [2, 4, 5]);
        assert_eq!(lines(web_crates, "src/browser/clock.rs", text), NO_LINES);
        assert_eq!(lines(web_crates, "collector/src/lib.rs", text), NO_LINES);
    }

    #[test]
    fn vendors_may_be_named_only_in_their_parts() {
        for path in ["src/event.rs", "protocol/src/lib.rs", "collector/src/http/routes/batch.rs", "js/client.js"] {
            assert_eq!(lines(vendors, path, "//! a\n// as Metrilo does\n"), [2], "{path}");
        }
        for path in ["js/facades/a.js", "collector/src/vendors.rs", "tests/compat/a.rs", "js/client.test.mjs", "README.md"] {
            assert_eq!(lines(vendors, path, "// metrilo"), NO_LINES, "{path}");
        }
    }
}
