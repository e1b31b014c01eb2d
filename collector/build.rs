//! Build script: embeds `dist/` and `www/`, converts the list of bots, and sets where programs find the analytics engine.
//!
//! A missing folder would make cargo rebuild this crate every time, so an empty one is created.

use std::{env, fs, path::Path};

fn main() {
    for folder in ["dist", "www/customers", "www/live", "www/reports", "www/shop"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        // A read-only checkout also builds, only more often.
        let _ = fs::create_dir_all(&path);
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rerun-if-changed=build.rs");
    find_engine();
    list_bots();
}

/// Tags of the list's entries that are not bots: shops' own servers and tests send the same user agents.
const TOOLS: [&str; 2] = ["http-library", "browser-automation"];

/// Converts the locked list of bots into lines: patterns without wildcards, an empty line, the others.
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
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("bots.txt"), lines).expect("cargo's folder can be written");
}

/// Returns whether a pattern matches one text only: all its special characters are escaped.
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

/// The engine is a shared library, which is searched beside the program and nowhere else: a path of the build's machine may belong to another
/// user elsewhere. Programs of the build find it through links in the three folders that cargo puts programs into.
fn find_engine() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_DUCKDB").is_none() || env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family != "unix") {
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN");
    #[cfg(unix)]
    if let Ok(folder) = env::var("DUCKDB_LIB_DIR") {
        link_engine(Path::new(&folder));
    }
}

/// Links the library beside the programs of this build. A copy of the library, which `cargo xtask build` puts there, stays.
#[cfg(unix)]
fn link_engine(folder: &Path) {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    // target/PROFILE/build/PACKAGE/out
    let Some(profile) = Path::new(&out).ancestors().nth(3) else { return };
    let libraries = ["libduckdb.so", "libduckdb.dylib"].map(|name| folder.join(name));
    for library in libraries.iter().filter(|file| file.is_file()) {
        for link in ["", "deps", "examples"].map(|inner| profile.join(inner).join(library.file_name().unwrap_or_default())) {
            if fs::read_link(&link).is_ok_and(|target| target != *library) {
                let _ = fs::remove_file(&link);
            }
            let _ = std::os::unix::fs::symlink(library, &link);
        }
    }
}
