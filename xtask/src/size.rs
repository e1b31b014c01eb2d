//! `cargo xtask size`: what a page downloads, in bytes, against the budget.
//!
//! The budget is the table below and nowhere else. Only bytes after brotli are judged: they are what a visitor waits for.

use std::path::{Path, PathBuf};

use crate::build::{self, BROTLI, GZIP};
use crate::context::Context;
use crate::error::Error;
use crate::step;
use crate::{files, setup};

/// Script, glue and wasm together, after brotli.
const TOTAL_LIMIT: u64 = 20_480;

/// A file in `dist/`, known by how its name begins and ends.
struct Part {
    title: &'static str,
    begins: &'static str,
    ends: &'static str,
    /// Whether every page downloads it, so that it counts in the sum.
    always: bool,
    /// Its own limit after brotli.
    limit: Option<u64>,
}

const PARTS: &[Part] = &[
    Part { title: "script", begins: "tracking", ends: ".js", always: true, limit: Some(4_096) },
    Part { title: "core, glue", begins: "core-", ends: ".js", always: true, limit: None },
    Part { title: "core, wasm", begins: "core-", ends: ".wasm", always: true, limit: None },
    Part { title: "without WebAssembly", begins: "fallback-", ends: ".js", always: false, limit: Some(28 * 1024) },
    Part { title: "debug panel", begins: "debug-", ends: ".js", always: false, limit: None },
    Part { title: "replay of raw calls", begins: "replay-", ends: ".js", always: false, limit: None },
];

/// Raw, gzip and brotli bytes.
type Bytes = [u64; 3];

/// Brings the page's half up to date, prints the table, and fails above the budget.
pub(crate) fn run(context: &mut Context) -> Result<(), Error> {
    step::run(context, &[setup::BUILD, build::PAGE])?;
    report(context)
}

/// Prints the sizes of the files in `dist/`, and checks the inline snippet of the install guide.
pub(crate) fn report(context: &Context) -> Result<(), Error> {
    println!("\n{:<20} {:<28} {:>8} {:>8} {:>8} {:>8}", "what", "file in dist/", "raw", "gzip -9", "brotli", "limit");
    let mut over = Vec::new();
    let (mut total, mut later) = ([0; 3], Vec::new());
    for part in PARTS {
        let Some(file) = find(context, part) else {
            continue;
        };
        let bytes = weigh(&file)?;
        over.extend(part.limit.filter(|limit| bytes[2] > *limit).map(|limit| excess(part.title, bytes[2], limit)));
        let row = row(part.title, &shown(context, &file), bytes, part.limit);
        if part.always {
            println!("{row}");
            (0..3).for_each(|way| total[way] += bytes[way]);
        } else {
            later.push(row);
        }
    }
    println!("{}", row("every page", "", total, Some(TOTAL_LIMIT)));
    if !later.is_empty() {
        println!("only when needed:\n{}", later.join("\n"));
    }
    over.extend((total[2] > TOTAL_LIMIT).then(|| excess("every page", total[2], TOTAL_LIMIT)));
    if over.is_empty() { build::check_snippet(context) } else { Err(Error::Budget(over.join("; "))) }
}

fn find(context: &Context, part: &Part) -> Option<PathBuf> {
    let fits = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(part.begins) && name.ends_with(part.ends)
    };
    files::below(&context.path("dist"), &|folder| folder != "npm").into_iter().find(fits)
}

fn weigh(file: &Path) -> Result<Bytes, Error> {
    let length = |file: &Path| files::read(file).map(|content| content.len() as u64);
    Ok([length(file)?, length(&GZIP.sibling(file))?, length(&BROTLI.sibling(file))?])
}

fn row(title: &str, file: &str, [raw, gzip, brotli]: Bytes, limit: Option<u64>) -> String {
    let limit = limit.map(grouped).unwrap_or_default();
    let [raw, gzip, brotli] = [raw, gzip, brotli].map(grouped);
    format!("{title:<20} {file:<28} {raw:>8} {gzip:>8} {brotli:>8} {limit:>8}").trim_end().into()
}

fn excess(title: &str, brotli: u64, limit: u64) -> String {
    format!("{title} has {} bytes of brotli, the limit is {}", grouped(brotli), grouped(limit))
}

fn shown(context: &Context, file: &Path) -> String {
    file.strip_prefix(context.path("dist")).unwrap_or(file).display().to_string()
}

/// `20,480`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_stand_in_threes() {
        assert_eq!([0, 999, 1_000, 20_480, 1_234_567].map(grouped), ["0", "999", "1,000", "20,480", "1,234,567"]);
    }
}
