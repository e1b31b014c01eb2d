//! Collects every path (`a::b::c`) that a Rust file names: in `use` declarations, code, types and macro arguments.
//!
//! Comments and string literals contain no paths, so rules on paths cannot match them by accident.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, UseTree};

/// One use of a path.
#[derive(Debug, PartialEq)]
pub(super) struct PathUse {
    pub(super) segments: Vec<String>,
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether it is inside a `#[cfg(test)]` item.
    pub(super) in_test: bool,
    /// The public name, if this is a `pub use`.
    pub(super) exported_as: Option<String>,
}

/// The paths of a file; none if the file does not parse, which the compiler reports better.
pub(super) fn path_uses(text: &str) -> Vec<PathUse> {
    let mut collector = Collector::default();
    if let Ok(file) = syn::parse_file(text) {
        collector.visit_file(&file);
    }
    collector.found
}

#[derive(Default)]
struct Collector {
    found: Vec<PathUse>,
    test_depth: usize,
}

impl Collector {
    fn add(&mut self, segments: Vec<String>, line: usize, exported_as: Option<String>) {
        self.found.push(PathUse { segments, line, in_test: self.test_depth > 0, exported_as });
    }

    fn add_use_tree(&mut self, tree: &UseTree, prefix: &[String], line: usize, is_exported: bool) {
        let joined = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_use_tree(&path.tree, &joined(&path.ident), path.ident.span().start().line, is_exported),
            UseTree::Name(name) if name.ident == "self" => self.add(prefix.to_vec(), line, None),
            UseTree::Name(name) => self.add(joined(&name.ident), line, is_exported.then(|| name.ident.to_string())),
            UseTree::Rename(name) => self.add(joined(&name.ident), line, is_exported.then(|| name.rename.to_string())),
            UseTree::Glob(_) => self.add(prefix.to_vec(), line, None),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_use_tree(item, prefix, line, is_exported)),
        }
    }

    /// Finds `ident :: ident` sequences in the arguments of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(&mut segments, line);
                        line = ident.span().start().line;
                    }
                    segments.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.flush(&mut segments, line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.flush(&mut segments, line);
    }

    fn flush(&mut self, segments: &mut Vec<String>, line: usize) {
        if segments.len() > 1 {
            self.add(std::mem::take(segments), line, None);
        }
        segments.clear();
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes: &[Attribute] = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        let is_test = attributes.iter().any(is_cfg_test);
        self.test_depth += usize::from(is_test);
        visit::visit_item(self, item);
        self.test_depth -= usize::from(is_test);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_use_tree(&item.tree, &[], item.use_token.span.start().line, is_exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.add(segments, line, None);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.add_tokens(call.tokens.clone());
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

#[cfg(test)]
mod tests {
    use super::path_uses;

    #[test]
    fn paths_are_found_in_uses_code_and_macros() {
        let text =
            "use a::{b, c::D as E};\npub use f::G;\nfn h() {\n    i::j();\n    k!(l, m::n(o::p));\n}\n// q::r\nconst S: &str = \"t::u\";\n";
        let found: Vec<_> = path_uses(text).into_iter().map(|path| (path.segments.join("::"), path.line)).collect();
        for (path, line) in [("a::b", 1), ("a::c::D", 1), ("f::G", 2), ("i::j", 4), ("m::n", 5), ("o::p", 5)] {
            assert!(found.contains(&(path.into(), line)), "{path}: {found:?}");
        }
        assert!(!found.iter().any(|(path, _)| path.starts_with('q') || path.starts_with('t')));
    }

    #[test]
    fn test_modules_and_reexports_are_marked() {
        let uses = path_uses("pub use a::B as C;\n#[cfg(test)]\nmod tests {\n    use d::E;\n}\nuse f::G;\n");
        let marks: Vec<_> =
            uses.iter().filter(|path| path.segments.len() > 1).map(|path| (path.in_test, path.exported_as.as_deref())).collect();
        assert_eq!(marks, [(false, Some("C")), (true, None), (false, None)]);
    }
}
