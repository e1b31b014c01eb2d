//! A graph of files that finds import cycles between files and between folders.
//!
//! A node is a path of names, for example `store/write/queue`. An import between two nodes is an edge between their ancestors that are
//! siblings: `store/write/queue → store/log/codec` is the edge `write → log` in `store`. So each folder has a graph of its children, and one
//! rule covers files and folders: every such graph is acyclic. Imports between a folder and its own content are not edges.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Finding;

/// The imports of one tree of files.
#[derive(Default)]
pub(super) struct ModuleGraph {
    /// By folder: the edges between its children, each with the import that caused it.
    folders: BTreeMap<Vec<String>, BTreeMap<String, BTreeMap<String, Finding>>>,
}

impl ModuleGraph {
    /// Adds an import; `at` is reported if it is part of a cycle.
    pub(super) fn add(&mut self, from: &[String], to: &[String], at: Finding) {
        let common = from.iter().zip(to).take_while(|(left, right)| left == right).count();
        let (Some(child), Some(target)) = (from.get(common), to.get(common)) else { return };
        let edges = self.folders.entry(from[..common].to_vec()).or_default();
        edges.entry(child.clone()).or_default().entry(target.clone()).or_insert(at);
    }

    /// Returns one finding for each import that is part of a cycle.
    pub(super) fn cycles(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (folder, edges) in self.folders {
            let nodes: BTreeSet<_> = edges.keys().cloned().collect();
            let reachable: BTreeMap<_, _> = nodes.iter().map(|node| (node, reachable_from(&edges, node))).collect();
            for (from, targets) in &edges {
                for (to, at) in targets {
                    if reachable.get(to).is_some_and(|nodes| nodes.contains(from)) {
                        let folder = if folder.is_empty() { String::new() } else { format!(" in {}", folder.join("/")) };
                        findings.push(Finding {
                            message: format!("{}: `{from}` → `{to}` is part of an import cycle{folder}", at.message),
                            ..at.clone()
                        });
                    }
                }
            }
        }
        findings
    }
}

fn reachable_from<'a>(edges: &'a BTreeMap<String, BTreeMap<String, Finding>>, start: &str) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![start];
    while let Some(node) = open.pop() {
        for target in edges.get(node).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(target) {
                open.push(target);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::super::NO_LINES;
    use super::{Finding, ModuleGraph};

    fn cycles(imports: &[(&str, &str)]) -> Vec<usize> {
        let mut graph = ModuleGraph::default();
        let path = |text: &str| text.split('/').map(String::from).collect::<Vec<_>>();
        for (line, (from, to)) in imports.iter().enumerate() {
            graph.add(&path(from), &path(to), Finding { path: String::new(), line, message: String::new() });
        }
        graph.cycles().into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn cycles_between_siblings_are_found() {
        assert_eq!(cycles(&[("a", "b"), ("b", "c")]), NO_LINES);
        assert_eq!(cycles(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]), [0, 1, 2]);
    }

    #[test]
    fn cycles_between_folders_are_found_though_no_file_is_in_one() {
        assert_eq!(cycles(&[("x/a", "y/a"), ("y/b", "x/b")]), [0, 1]);
        assert_eq!(cycles(&[("x/a", "x/b"), ("x/b", "y/b")]), NO_LINES);
    }

    #[test]
    fn a_folder_and_its_content_may_import_each_other() {
        assert_eq!(cycles(&[("x", "x/a"), ("x/a", "x")]), NO_LINES);
    }
}
