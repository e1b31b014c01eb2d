//! The inline snippet that a shop pastes into its pages if it loads the library late.
//!
//! `docs/install.md` contains the snippet for shops to copy. The documented snippet and the built one must be equal, byte for byte.

use anyhow::{Result, bail};

use crate::context::Context;
use crate::files;

/// The source of the snippet.
pub(super) const SOURCE: &str = "js/snippet/inline.js";

/// A variant of the snippet.
pub(super) struct Variant {
    title: &'static str,
    /// The built file.
    pub(super) output: &'static str,
    /// The value of the constant that decides whether the snippet stores calls in the browser.
    pub(super) stores_calls: &'static str,
}

pub(super) const VARIANTS: &[Variant] = &[
    Variant { title: "inline snippet", output: "target/web/snippet.js", stores_calls: "true" },
    Variant { title: "inline snippet that stores nothing", output: "target/web/snippet-hold.js", stores_calls: "false" },
];

/// The limit for each variant, minified.
const MAX_BYTES: usize = 600;

/// The document that shops copy the snippet from.
const DOCUMENT: &str = "docs/install.md";

/// Prints every variant with its size, then checks them.
pub(super) fn print(context: &Context) -> Result<()> {
    for variant in VARIANTS {
        let snippet = variant.read(context)?;
        println!("\n{}, {} of at most {MAX_BYTES} bytes:\n{}", variant.title, snippet.len(), script_tag(&snippet));
    }
    check(context)
}

/// Fails if a variant exceeds the limit or differs from the document.
pub(crate) fn check(context: &Context) -> Result<()> {
    let document = files::read_text(&context.path(DOCUMENT))?;
    for variant in VARIANTS {
        let (title, snippet) = (variant.title, variant.read(context)?);
        if snippet.len() > MAX_BYTES {
            bail!("over budget: the {title} has {} bytes, the limit is {MAX_BYTES}", snippet.len());
        }
        if !document.contains(&script_tag(&snippet)) {
            bail!("{DOCUMENT} does not contain the {title} of this build; paste the output of `cargo xtask build` there");
        }
    }
    Ok(())
}

impl Variant {
    fn read(&self, context: &Context) -> Result<String> {
        files::read_text(&context.path(self.output)).map(|text| text.trim().into())
    }
}

fn script_tag(snippet: &str) -> String {
    format!("<script>{snippet}</script>")
}
