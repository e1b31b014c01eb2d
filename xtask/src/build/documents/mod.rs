//! Builds `docs/` as a site into `dist/docs`, which the collector embeds and serves under `/docs`.
//!
//! mdBook makes the pages from a copy of the documents whose links work outside the repository. Texts are published compressed only, because
//! the collector can decompress them for a client that needs it.

mod inline_scripts;
mod outside_links;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::BROTLI;
use crate::context::Context;
use crate::step::Step;
use crate::{files, process, setup, step};

/// Builds the site.
pub(super) const SITE: Step = Step { name: "documents", has_output: false, run: build };

/// The documents.
const DOCUMENTS: &str = "docs";
/// The copy that mdBook reads.
const SOURCE: &str = "target/docs/source";
/// What mdBook writes.
const BOOK: &str = "target/docs/book";
/// What the collector embeds.
const PUBLISHED: &str = "dist/docs";

/// Files that mdBook copies to the site, and no page uses.
const UNUSED: &[&str] = &[".nojekyll", "book.toml", "theme/favicon.svg", "theme/fonts/fonts.css", "theme/site.css"];
/// The extensions of files that are published compressed.
const COMPRESSED: &[&str] = &["html", "js", "css", "svg"];

/// `cargo xtask docs`.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    step::run(context, &[&[setup::MDBOOK, SITE]])?;
    println!(
        "\n{}  the pages, for a browser; the collector serves them under /docs after `cargo xtask build`",
        context.path(BOOK).display()
    );
    Ok(())
}

fn build(context: &mut Context) -> Result<String> {
    copy_documents(context)?;
    let mut mdbook = Command::new(setup::mdbook_binary(context));
    mdbook.arg("build").arg(context.path(SOURCE)).arg("--dest-dir").arg(context.path(BOOK));
    process::run_captured(&mut mdbook)?;
    for page in files_below(&context.path(BOOK)).iter().filter(|file| has_extension(file, &["html"])) {
        inline_scripts::move_out(&context.path(BOOK), page)?;
    }
    publish(context)
}

/// Copies the documents with changed links, and removes files of earlier copies.
fn copy_documents(context: &Context) -> Result<()> {
    let (documents, source) = (context.path(DOCUMENTS), context.path(SOURCE));
    let mut current = BTreeSet::new();
    for file in files_below(&documents) {
        let name = relative(&documents, &file)?;
        let content = match has_extension(&file, &["md"]) {
            true => outside_links::replace(&name, &files::read_text(&file)?).into_bytes(),
            false => files::read(&file)?,
        };
        files::write(&source.join(&name), &content)?;
        current.insert(source.join(&name));
    }
    remove_others(&source, &current)
}

/// Writes the site to `dist/docs`, and removes files of earlier builds.
fn publish(context: &Context) -> Result<String> {
    let (book, published) = (context.path(BOOK), context.path(PUBLISHED));
    let mut current = BTreeSet::new();
    let mut bytes = 0;
    for file in files_below(&book) {
        let name = relative(&book, &file)?;
        if UNUSED.iter().any(|unused| name == Path::new(unused)) {
            continue;
        }
        let target = match has_extension(&file, COMPRESSED) {
            true => BROTLI.write(&file, &published.join(&name))?,
            false => files::write(&published.join(&name), &files::read(&file)?).map(|()| published.join(&name))?,
        };
        bytes += target.metadata().map_or(0, |metadata| metadata.len());
        current.insert(target);
    }
    remove_others(&published, &current)?;
    Ok(format!("{} files, {} KiB", current.len(), bytes / 1024))
}

fn remove_others(folder: &Path, current: &BTreeSet<PathBuf>) -> Result<()> {
    files_below(folder).iter().filter(|file| !current.contains(*file)).try_for_each(|file| files::remove(file))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    files::list(folder, &|_| true)
}

fn relative(folder: &Path, file: &Path) -> Result<PathBuf> {
    file.strip_prefix(folder).map(Path::to_path_buf).with_context(|| format!("{} is outside {}", file.display(), folder.display()))
}

fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    file.extension().is_some_and(|extension| extensions.iter().any(|other| extension == *other))
}
