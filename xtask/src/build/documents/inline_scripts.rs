//! Moves the scripts inside mdBook's pages to files, so that the site works under a content security policy without exceptions for scripts.

use std::path::Path;

use anyhow::Result;

use crate::files;

const START: &str = "<script>";
const END: &str = "</script>";

/// The contents without scripts, which mdBook shows in a frame. The policy of the site allows no frame.
const FRAME: [&str; 2] = ["<iframe class=\"sidebar-iframe-outer\" src=\"", "\"></iframe>"];

/// Writes each script of `page` to a file in `root`, whose name is its hash, and refers to it.
pub(super) fn move_out(root: &Path, page: &Path) -> Result<()> {
    let depth = page.strip_prefix(root).map_or(0, |name| name.components().count().saturating_sub(1));
    let (text, scripts) = split(&files::read_text(page)?, &"../".repeat(depth));
    for (name, script) in scripts {
        files::write(&root.join(name), script.as_bytes())?;
    }
    files::write(page, text.as_bytes())
}

/// Returns the page with references in place of its scripts, and the scripts with the names of their files.
fn split(page: &str, path_to_root: &str) -> (String, Vec<(String, String)>) {
    let page = page.replace(FRAME[0], "<a href=\"").replace(FRAME[1], "\">Contents</a>");
    let mut parts = page.split(START);
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut scripts = Vec::new();
    for part in parts {
        let (script, rest) = part.split_once(END).unwrap_or((part, ""));
        let name = format!("inline-{}.js", &files::sha256(&[script.as_bytes()])[..12]);
        text += &format!("<script src=\"{path_to_root}{name}\">{END}{rest}");
        scripts.push((name, script.to_owned()));
    }
    (text, scripts)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn scripts_become_references_and_other_elements_stay() {
        let (text, scripts) = split("<p>a</p><script>b()</script><script src=\"c.js\"></script><script>b()</script>", "../");
        let name = &scripts[0].0;
        assert_eq!(
            text,
            format!("<p>a</p><script src=\"../{name}\"></script><script src=\"c.js\"></script><script src=\"../{name}\"></script>")
        );
        assert_eq!(scripts.iter().map(|(_, script)| script.as_str()).collect::<Vec<_>>(), ["b()", "b()"]);
    }
}
