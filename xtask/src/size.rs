//! `cargo xtask size`: compares the size of every downloaded file with the budget.
//!
//! The table below is the only place of the budget. Limits apply to the size after brotli, which determines how long a visitor waits.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::build::{self, BROTLI, GZIP};
use crate::context::Context;
use crate::step;
use crate::{files, setup};

/// The limit for script, glue and wasm together, after brotli.
const TOTAL_LIMIT_BYTES: u64 = 16_384;

/// A kind of file in `dist/`, matched by prefix and suffix of its name.
struct Asset {
    title: &'static str,
    prefix: &'static str,
    suffix: &'static str,
    /// Whether every page downloads it, so that it counts in the total.
    on_every_page: bool,
    /// Its own limit after brotli.
    limit_bytes: Option<u64>,
}

const ASSETS: &[Asset] = &[
    Asset { title: "script", prefix: "tracking", suffix: ".js", on_every_page: true, limit_bytes: Some(4_096) },
    Asset { title: "core, glue", prefix: "core-", suffix: ".js", on_every_page: true, limit_bytes: None },
    Asset { title: "core, wasm", prefix: "core-", suffix: ".wasm", on_every_page: true, limit_bytes: None },
    Asset { title: "without WebAssembly", prefix: "fallback-", suffix: ".js", on_every_page: false, limit_bytes: Some(28 * 1024) },
    Asset { title: "automatic page views", prefix: "views-", suffix: ".js", on_every_page: false, limit_bytes: None },
    Asset { title: "debug panel", prefix: "debug-", suffix: ".js", on_every_page: false, limit_bytes: None },
    Asset { title: "replay of raw calls", prefix: "replay-", suffix: ".js", on_every_page: false, limit_bytes: None },
];

/// Raw, gzip and brotli sizes.
type Bytes = [u64; 3];

/// Builds the browser library, prints the table, and fails above the budget.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE])?;
    report(context)
}

/// Prints the table for the present `dist/`, and checks the limits of the files and of the inline snippet.
pub(crate) fn report(context: &Context) -> Result<()> {
    println!("\n{:<22} {:<28} {:>8} {:>8} {:>8} {:>8}", "asset", "file in dist/", "raw", "gzip -9", "brotli", "limit");
    let mut exceeded = Vec::new();
    let (mut total, mut on_demand_rows) = ([0; 3], Vec::new());
    for asset in ASSETS {
        let Some(file) = find(context, asset) else { continue };
        let bytes = sizes(&file)?;
        exceeded.extend(asset.limit_bytes.filter(|limit| bytes[2] > *limit).map(|limit| excess(asset.title, bytes[2], limit)));
        let row = row(asset.title, &relative_name(context, &file), bytes, asset.limit_bytes);
        if asset.on_every_page {
            println!("{row}");
            (0..3).for_each(|encoding| total[encoding] += bytes[encoding]);
        } else {
            on_demand_rows.push(row);
        }
    }
    println!("{}", row("every page", "", total, Some(TOTAL_LIMIT_BYTES)));
    if !on_demand_rows.is_empty() {
        println!("on demand:\n{}", on_demand_rows.join("\n"));
    }
    exceeded.extend((total[2] > TOTAL_LIMIT_BYTES).then(|| excess("every page", total[2], TOTAL_LIMIT_BYTES)));
    if !exceeded.is_empty() {
        bail!("over budget: {}; make it smaller, do not raise the limit in xtask/src/size.rs", exceeded.join("; "));
    }
    build::check_snippets(context)
}

fn find(context: &Context, asset: &Asset) -> Option<PathBuf> {
    let matches = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(asset.prefix) && name.ends_with(asset.suffix)
    };
    files::list(&context.path("dist"), &|folder| folder != "npm" && folder != "docs").into_iter().find(matches)
}

fn sizes(file: &Path) -> Result<Bytes> {
    let length = |file: &Path| files::read(file).map(|content| content.len() as u64);
    Ok([length(file)?, length(&GZIP.compressed_path(file))?, length(&BROTLI.compressed_path(file))?])
}

fn row(title: &str, file: &str, [raw, gzip, brotli]: Bytes, limit: Option<u64>) -> String {
    let limit = limit.map(with_separators).unwrap_or_default();
    let [raw, gzip, brotli] = [raw, gzip, brotli].map(with_separators);
    format!("{title:<22} {file:<28} {raw:>8} {gzip:>8} {brotli:>8} {limit:>8}").trim_end().into()
}

fn excess(title: &str, brotli: u64, limit: u64) -> String {
    format!("{title} has {} bytes of brotli, the limit is {}", with_separators(brotli), with_separators(limit))
}

fn relative_name(context: &Context, file: &Path) -> String {
    file.strip_prefix(context.path("dist")).unwrap_or(file).display().to_string()
}

/// Formats `20480` as `20,480`.
fn with_separators(number: u64) -> String {
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
    use super::with_separators;

    #[test]
    fn thousands_are_separated_by_commas() {
        assert_eq!([0, 999, 1_000, 20_480, 1_234_567].map(with_separators), ["0", "999", "1,000", "20,480", "1,234,567"]);
    }
}
