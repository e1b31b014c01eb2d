//! Shortens the names of the core's imports and exports, identically in the module and in the glue.
//!
//! wasm-bindgen names an import by function and hash, and a closure by its whole type. These names compress badly and are in both files.

/// The module name that wasm-bindgen gives to imports.
const MODULE: &str = "./core_bg.js";
const SHORT_MODULE: &str = "a";

/// The replacements in the glue: old and new text.
pub(super) struct ShortNames(Vec<(String, String)>);

/// The name of one import or export, which is changed in place.
pub(super) enum BoundaryName<'a> {
    /// An import: the module name and the function name.
    Import(&'a mut String, &'a mut String),
    /// An export.
    Export(&'a mut String),
}

impl ShortNames {
    /// Renames all imports and exports and returns the replacements.
    pub(super) fn assign<'a>(boundary: impl Iterator<Item = BoundaryName<'a>>) -> Self {
        let mut names = vec![(format!("\"{MODULE}\":"), format!("\"{SHORT_MODULE}\":"))];
        let (mut imports, mut exports) = (0, 0);
        for name in boundary {
            match name {
                BoundaryName::Import(module, name) if module == MODULE => {
                    let short = identifier(&mut imports);
                    names.push((format!("{name}: function"), format!("{short}: function")));
                    *module = SHORT_MODULE.into();
                    *name = short;
                }
                BoundaryName::Import(..) => {}
                BoundaryName::Export(name) => {
                    let short = identifier(&mut exports);
                    names.push((access(name), access(&short)));
                    *name = short;
                }
            }
        }
        Self(names)
    }

    /// Returns the glue with the short names.
    pub(super) fn apply(&self, glue: &str) -> String {
        self.0.iter().fold(glue.to_owned(), |text, (old, new)| replace_words(&text, old, new))
    }
}

/// Whether the glue uses this export.
pub(super) fn is_used(glue: &str, export: &str) -> bool {
    replace_words(glue, &access(export), "") != glue
}

fn access(export: &str) -> String {
    format!("wasm.{export}")
}

/// Replaces `old` where it is not part of a longer identifier.
fn replace_words(text: &str, old: &str, new: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let is_whole = !after.starts_with(is_identifier_char) && !before.ends_with(is_identifier_char);
        replaced.push_str(before);
        replaced.push_str(if is_whole { new } else { old });
        rest = after;
    }
    replaced + rest
}

fn is_identifier_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '$'
}

/// `a` to `z`, then `a0`, `b0` and so on: no reserved word is a letter and a digit.
fn identifier(counter: &mut usize) -> String {
    let (letter, round) = (*counter % 26, *counter / 26);
    *counter += 1;
    let letter = char::from(b"abcdefghijklmnopqrstuvwxyz"[letter]);
    if round == 0 { letter.to_string() } else { format!("{letter}{}", round - 1) }
}

#[cfg(test)]
mod tests {
    use super::{BoundaryName, ShortNames, is_used};

    #[test]
    fn module_and_glue_get_the_same_names() {
        let mut texts = ["./core_bg.js", "__wbg_then_65", "./core_bg.js", "__wbg_then_6", "./snippets/a.js", "other"].map(String::from);
        let [m1, n1, m2, n2, m3, n3] = &mut texts;
        let mut exports = ["tr_call", "tr_call_all"].map(String::from);
        let boundary = [BoundaryName::Import(m1, n1), BoundaryName::Import(m2, n2), BoundaryName::Import(m3, n3)];
        let names = ShortNames::assign(boundary.into_iter().chain(exports.iter_mut().map(BoundaryName::Export)));
        assert_eq!(texts, ["a", "a", "a", "b", "./snippets/a.js", "other"]);
        assert_eq!(exports, ["a", "b"]);
        let glue = r#"{__wbg_then_65: function() { wasm.tr_call_all(wasm.tr_call) }, __wbg_then_6: function() {}, "./core_bg.js": x"#;
        let short = r#"{a: function() { wasm.b(wasm.a) }, b: function() {}, "a": x"#;
        assert_eq!(names.apply(glue), short);
    }

    #[test]
    fn export_is_used_only_by_its_whole_name() {
        assert!(is_used("wasm.call(1)", "call"));
        assert!(!is_used("wasm.call_all(1)", "call"));
    }
}
