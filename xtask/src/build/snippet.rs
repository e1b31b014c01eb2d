//! The inline snippet: what a shop that loads the library late pastes into its head.
//!
//! `docs/install.md` contains it for shops to copy. The built snippet and the documented one must be equal, byte for byte.

use crate::context::Context;
use crate::error::Error;
use crate::files;

/// Where it is written.
pub(super) const SOURCE: &str = "js/snippet/inline.js";

/// Its forms: what each is for, where it is made, and whether it keeps anything in the browser.
pub(super) const FORMS: &[(&str, &str, &str)] =
    &[("inline snippet", "target/web/snippet.js", "true"), ("inline snippet that stores nothing", "target/web/snippet-hold.js", "false")];

/// What it may cost a page, minified.
const LIMIT: usize = 600;

/// The document that shops copy the snippet from.
const GUIDE: &str = "docs/install.md";

/// Prints what a shop may paste, with its size.
pub(super) fn print(context: &Context) -> Result<(), Error> {
    for (title, made, _) in FORMS {
        let snippet = read(context, made)?;
        println!("\n{title}, {} bytes of at most {LIMIT}:\n{}", snippet.len(), tagged(&snippet));
    }
    check(context)
}

/// Fails if a form exceeds the limit, or differs from the one in [`GUIDE`].
pub(crate) fn check(context: &Context) -> Result<(), Error> {
    let guide = files::read_text(&context.path(GUIDE))?;
    for (title, made, _) in FORMS {
        let snippet = read(context, made)?;
        if snippet.len() > LIMIT {
            return Err(Error::Budget(format!("the {title} has {} bytes, the limit is {LIMIT}", snippet.len())));
        }
        if !guide.contains(&tagged(&snippet)) {
            return Err(Error::Snippet((*title).into()));
        }
    }
    Ok(())
}

fn read(context: &Context, made: &str) -> Result<String, Error> {
    files::read_text(&context.path(made)).map(|text| text.trim().into())
}

fn tagged(snippet: &str) -> String {
    format!("<script>{snippet}</script>")
}
