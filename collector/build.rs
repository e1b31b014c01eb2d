//! Makes cargo embed `dist/` and `www/` anew when they changed, takes in the list of bots, and lets programs find the analytics engine when they run.
//!
//! A folder that is not there would make cargo build this crate every time, so an empty one is put in its place.

use std::{env, fs, path::Path};

fn main() {
    for folder in ["dist", "www/live", "www/reports", "www/shop"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        // A read-only checkout builds all the same, only more often.
        let _ = fs::create_dir_all(&path);
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rerun-if-changed=build.rs");
    find_engine();
    list_bots();
}

/// Those of the list that are no bots: shops' own servers and tests say the same of themselves.
const TOOLS: [&str; 2] = ["http-library", "browser-automation"];

/// Turns the locked list of bots into lines: patterns without wildcards, an empty line, the others.
fn list_bots() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/crawler-user-agents/crawler-user-agents.json");
    println!("cargo:rerun-if-changed={}", file.display());
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; run `npm ci`", file.display()));
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the list of bots is JSON");
    let is_tool = |entry: &serde_json::Value| {
        let tags = entry["tags"].as_array().into_iter().flatten();
        tags.filter_map(|tag| tag.as_str()).any(|tag| TOOLS.contains(&tag))
    };
    let patterns = list.iter().filter(|entry| !is_tool(entry)).filter_map(|entry| entry["pattern"].as_str());
    let (plain, others): (Vec<&str>, Vec<&str>) = patterns.partition(|pattern| is_plain(pattern));
    let lines = format!("{}\n\n{}\n", plain.join("\n"), others.join("\n"));
    let out = env::var("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&out).join("bots.txt"), lines).expect("cargo's folder can be written");
}

/// Whether a pattern stands for one text: its only signs are escaped ones.
fn is_plain(pattern: &str) -> bool {
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next().is_some_and(|next| !next.is_ascii_alphanumeric()) => {}
            '\\' | '[' | ']' | '(' | ')' | '{' | '}' | '*' | '+' | '?' | '|' | '^' | '$' | '.' => return false,
            _ => {}
        }
    }
    true
}

/// The engine is a shared library: looked for beside the program, then where the program was built from.
fn find_engine() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_DUCKDB").is_none() || env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family != "unix") {
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN");
    if let Ok(folder) = env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
