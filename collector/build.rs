//! Makes cargo embed `dist/` and `www/` anew when they changed.
//!
//! A folder that is not there would make cargo build this crate every time, so an empty one is put in its place.

use std::{fs, path::Path};

fn main() {
    for folder in ["dist", "www/live", "www/shop"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        // A read-only checkout builds all the same, only more often.
        let _ = fs::create_dir_all(&path);
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rerun-if-changed=build.rs");
}
