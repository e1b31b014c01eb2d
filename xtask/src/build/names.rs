//! Short names at the border of the core, the same in the module and in its glue.
//!
//! wasm-bindgen names every import by function and hash, and a closure by its whole type: hundreds of bytes that compress badly, twice.
//! An export that the glue never touches is dropped altogether.

/// Where wasm-bindgen says its imports come from.
const MODULE: &str = "./core_bg.js";
const SHORT_MODULE: &str = "a";

/// The texts to replace in the glue, old and new.
pub(super) struct Names(Vec<(String, String)>);

/// One name at the border, to be changed in place.
pub(super) enum Border<'a> {
    /// What the module wants from the glue: where from, and which.
    Import(&'a mut String, &'a mut String),
    /// What the module offers.
    Export(&'a mut String),
}

impl Names {
    /// Renames all of the border and remembers how.
    pub(super) fn shorten<'a>(border: impl Iterator<Item = Border<'a>>) -> Self {
        let mut names = vec![(format!("\"{MODULE}\":"), format!("\"{SHORT_MODULE}\":"))];
        let (mut imports, mut exports) = (0, 0);
        for name in border {
            match name {
                Border::Import(module, name) if module == MODULE => {
                    let short = identifier(&mut imports);
                    names.push((format!("{name}: function"), format!("{short}: function")));
                    *module = SHORT_MODULE.into();
                    *name = short;
                }
                Border::Import(..) => {}
                Border::Export(name) => {
                    let short = identifier(&mut exports);
                    names.push((mention(name), mention(&short)));
                    *name = short;
                }
            }
        }
        Self(names)
    }

    /// The glue with the new names.
    pub(super) fn apply(&self, glue: &str) -> String {
        self.0.iter().fold(glue.to_owned(), |text, (old, new)| replace_words(&text, old, new))
    }
}

/// Whether the glue uses this export.
pub(super) fn mentions(glue: &str, export: &str) -> bool {
    let old = mention(export);
    replace_words(glue, &old, "") != glue
}

fn mention(export: &str) -> String {
    format!("wasm.{export}")
}

/// Replaces `old` where it is not part of a longer name.
fn replace_words(text: &str, old: &str, new: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let whole = !after.starts_with(of_a_name) && !before.ends_with(of_a_name);
        made.push_str(before);
        made.push_str(if whole { new } else { old });
        rest = after;
    }
    made + rest
}

fn of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// `a` to `z`, then `a0`, `b0` and so on: a digit behind the letter keeps clear of reserved words.
fn identifier(counter: &mut usize) -> String {
    let (letter, round) = (*counter % 26, *counter / 26);
    *counter += 1;
    let letter = char::from(b"abcdefghijklmnopqrstuvwxyz"[letter]);
    if round == 0 { letter.to_string() } else { format!("{letter}{}", round - 1) }
}

#[cfg(test)]
mod tests {
    use super::{Border, Names, mentions};

    #[test]
    fn both_sides_get_the_same_short_names() {
        let mut texts = ["./core_bg.js", "__wbg_then_65", "./core_bg.js", "__wbg_then_6", "./snippets/a.js", "kept"].map(String::from);
        let [m1, n1, m2, n2, m3, n3] = &mut texts;
        let mut exports = ["tr_call", "tr_call_all"].map(String::from);
        let border = [Border::Import(m1, n1), Border::Import(m2, n2), Border::Import(m3, n3)];
        let names = Names::shorten(border.into_iter().chain(exports.iter_mut().map(Border::Export)));
        assert_eq!(texts, ["a", "a", "a", "b", "./snippets/a.js", "kept"]);
        assert_eq!(exports, ["a", "b"]);
        let glue = r#"{__wbg_then_65: function() { wasm.tr_call_all(wasm.tr_call) }, __wbg_then_6: function() {}, "./core_bg.js": x"#;
        let short = r#"{a: function() { wasm.b(wasm.a) }, b: function() {}, "a": x"#;
        assert_eq!(names.apply(glue), short);
    }

    #[test]
    fn an_export_is_mentioned_only_by_its_whole_name() {
        assert!(mentions("wasm.call(1)", "call"));
        assert!(!mentions("wasm.call_all(1)", "call"));
    }
}
