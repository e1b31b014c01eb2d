//! No import cycle between files or folders, in Rust and in JavaScript.
//!
//! Test code is excluded. A name that a `mod.rs` re-exports counts as an import of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::module_graph::ModuleGraph;
use super::source::{Finding, Source};

/// The source folders of the crates.
const CRATES: &[&str] = &["src/", "protocol/src/", "collector/src/", "xtask/src/"];
/// The folders of scripts.
const SCRIPTS: &[&str] = &["js/", "www/", "tests/"];

type ModulePath = Vec<String>;

/// Finds the cycles of all crates and scripts.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let rust = CRATES.iter().flat_map(|folder| rust_graph(sources, folder).cycles());
    let scripts = SCRIPTS.iter().flat_map(|folder| script_graph(sources, folder).cycles());
    rust.chain(scripts).collect()
}

/// The modules of one crate.
struct Crate {
    modules: BTreeSet<ModulePath>,
    /// By module: the names that it re-exports from other modules.
    exports: BTreeMap<ModulePath, BTreeMap<String, ModulePath>>,
}

fn rust_graph(sources: &[Source], folder: &str) -> ModuleGraph {
    let files: Vec<_> = sources.iter().filter_map(|source| Some((module_path(source, folder)?, source))).collect();
    let mut krate = Crate { modules: files.iter().map(|(module, _)| module.clone()).collect(), exports: BTreeMap::new() };
    let exports = files.iter().map(|(module, source)| {
        let exported = source.path_uses.iter().filter_map(|path| Some((path.exported_as.clone()?, krate.resolve(module, &path.segments)?)));
        (module.clone(), exported.collect())
    });
    krate.exports = exports.collect();
    let mut graph = ModuleGraph::default();
    for (module, source) in &files {
        for path in source.path_uses.iter().filter(|path| !path.in_test) {
            if let Some(target) = krate.resolve(module, &path.segments) {
                graph.add(module, &target, source.finding(path.line, format!("import of `{}`", path.segments.join("::"))));
            }
        }
    }
    graph
}

/// The module that a file defines; `None` for tests, other folders and a `main.rs`, which may belong to another crate than `lib.rs`.
fn module_path(source: &Source, folder: &str) -> Option<ModulePath> {
    let relative = source.path.strip_prefix(folder)?.strip_suffix(".rs")?;
    if source.is_test() || relative == "main" {
        return None;
    }
    Some(relative.split('/').map(String::from).filter(|name| name != "mod" && name != "lib").collect())
}

impl Crate {
    /// The module that defines the item at this path, if it is in this crate.
    fn resolve(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            child => {
                let nested = [from.as_slice(), &[child.to_owned()]].concat();
                self.modules.contains(&nested).then_some(nested)?
            }
        };
        while rest.first().is_some_and(|name| name == "super") {
            module.pop()?;
            rest = &rest[1..];
        }
        self.descend(module, rest)
    }

    /// Follows submodules, then one re-export.
    fn descend(&self, mut module: ModulePath, path: &[String]) -> Option<ModulePath> {
        for name in path {
            let child = [module.as_slice(), std::slice::from_ref(name)].concat();
            if self.modules.contains(&child) {
                module = child;
            } else {
                return Some(self.exports.get(&module).and_then(|exports| exports.get(name)).cloned().unwrap_or(module));
            }
        }
        Some(module)
    }
}

fn script_graph(sources: &[Source], folder: &str) -> ModuleGraph {
    let mut graph = ModuleGraph::default();
    let scripts = sources.iter().filter(|source| source.has_extension(&["js", "mjs"]) && source.path.starts_with(folder));
    for source in scripts.filter(|source| !source.path.contains(".test.")) {
        let from: Vec<_> = source.path.split('/').map(String::from).collect();
        for (line, text) in source.lines() {
            for specifier in relative_imports(text) {
                graph.add(&from, &join(&from, specifier), source.finding(line, format!("import of `{specifier}`")));
            }
        }
    }
    graph
}

/// The relative module specifiers of a line; static and dynamic imports.
fn relative_imports(line: &str) -> impl Iterator<Item = &str> {
    ["from ", "import ", "import("].into_iter().flat_map(move |keyword| {
        line.match_indices(keyword).filter_map(move |(start, _)| {
            let rest = &line[start + keyword.len()..];
            let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            rest[1..].split(quote).next().filter(|specifier| specifier.starts_with('.'))
        })
    })
}

/// The path of an import relative to the importing file.
fn join(file: &[String], specifier: &str) -> Vec<String> {
    let mut path = file[..file.len() - 1].to_vec();
    for name in specifier.split('/') {
        match name {
            "." => {}
            ".." => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = files.iter().map(|(path, text)| Source::new((*path).into(), (*text).into())).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rust_cycles_are_found_through_every_kind_of_path() {
        for path in ["crate::b::C", "super::b::C"] {
            let a = format!("use {path};");
            assert_eq!(
                findings(&[("src/lib.rs", "mod a;\nmod b;"), ("src/a.rs", &a), ("src/b.rs", "fn c() { crate::a::d() }")]).len(),
                2,
                "{path}"
            );
        }
        let acyclic = [("src/a.rs", "use crate::b::C;"), ("src/b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::D;\n}")];
        assert_eq!(findings(&acyclic), Vec::<String>::new());
    }

    #[test]
    fn reexports_are_followed() {
        let files = [
            ("collector/src/x/mod.rs", "mod a;\nmod b;\npub use b::B;"),
            ("collector/src/x/a.rs", "use super::B;"),
            ("collector/src/x/b.rs", "use super::a::A;"),
        ];
        assert_eq!(findings(&files).len(), 2);
    }

    #[test]
    fn script_cycles_are_found_across_folders() {
        let files = [("js/x/a.js", "import { b } from \"../y/b.js\";"), ("js/y/c.js", "const d = () => import('../x/d.js');")];
        assert_eq!(findings(&files).len(), 2);
        assert_eq!(findings(&files[..1]).len(), 0);
    }
}
