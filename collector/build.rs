//! Makes cargo embed `dist/` and `www/` anew when they changed, and programs find the analytics engine when they run.
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
