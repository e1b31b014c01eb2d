//! `cargo xtask build`: makes `dist/` and the release binary that carries it.
//!
//! Way of the page's half: cargo → glue → wasm-opt, and wasm2js beside it → esbuild → hashed names → packed siblings → the collector.
//! Each step leaves its result alone when nothing changed, so a warm build takes seconds.

mod adapt;
mod binary;
mod core;
mod fallback;
mod glue;
mod lighten;
mod names;
mod package;
mod packing;
mod scripts;
mod snippet;
mod stamp;

use crate::context::Context;
use crate::error::Error;
use crate::step::{self, Step};

pub(crate) use binary::ENGINES;
pub(crate) use packing::{BROTLI, GZIP};
pub(crate) use snippet::check as check_snippet;

/// Everything a page or a shop downloads.
pub(crate) const PAGE: &[Step] = &[
    Step { name: "core to wasm", aloud: true, work: core::compile },
    Step { name: "glue and optimised wasm", aloud: false, work: glue::make },
    Step { name: "core to JavaScript", aloud: false, work: fallback::translate },
    Step { name: "scripts", aloud: false, work: scripts::bundle },
    Step { name: "npm package", aloud: false, work: package::make },
    Step { name: "charts of the reports", aloud: false, work: scripts::bundle_reports },
    Step { name: "packed siblings", aloud: false, work: packing::pack },
];

/// The binary, last, because it carries `dist/`; and the shared library that it is to find beside itself.
pub(crate) const BINARY: &[Step] = &[
    Step { name: "collector", aloud: true, work: binary::compile },
    Step { name: "analytics engine", aloud: false, work: binary::bring_engine },
];

/// Sets up, builds all, prints what was made.
pub(crate) fn run(context: &mut Context) -> Result<(), Error> {
    step::run(context, &[crate::setup::BUILD, PAGE, BINARY])?;
    println!("\ndist/                    what a page downloads (`cargo xtask size` weighs it)");
    println!("target/release/tillroll  the collector, dist/ inside");
    if let Some(engine) = binary::engine(context) {
        println!("target/release/{engine:<9}  the analytics engine; wherever the collector goes, it goes along");
    }
    snippet::print(context)
}
