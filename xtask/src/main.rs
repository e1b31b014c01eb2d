//! `cargo xtask`: every chore of the project, each in a file of its own.
//!
//! A chore is a list of [`step::Step`]s, and setting up the machine is the first steps of the chores that need it.
//! So nobody has to install anything by hand, and nothing is done twice. No step ever asks a question.

mod bench;
mod build;
mod clock;
mod context;
mod demo;
mod error;
mod files;
mod fuzz;
mod history;
mod process;
mod setup;
mod size;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::context::Context;
use crate::error::Error;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about = "Every chore of Tillroll")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build everything and serve the demo shop, the live view and the collector
    Demo(demo::Options),
    /// Run every check; the last line is `N passed, N failed`
    Test(test::Options),
    /// Make `dist/` and the release binary `target/release/tillroll`
    Build,
    /// Print what a page downloads: raw, gzip -9 and brotli 11; fail above the budget
    Size,
    /// Check the house rules that a machine can check
    Tidy,
    /// Run the benchmarks and print ratios
    Bench(bench::Options),
    /// Feed the parsers of outside bytes with what nobody would send
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error[{}]: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let mut context = Context::find()?;
    match arguments.chore {
        Chore::Demo(options) => demo::run(&mut context, &options),
        Chore::Test(options) => test::run(&mut context, &options),
        Chore::Build => build::run(&mut context).map(|()| ExitCode::SUCCESS),
        Chore::Size => size::run(&mut context).map(|()| ExitCode::SUCCESS),
        Chore::Tidy => tidy::run(&context).map(|()| ExitCode::SUCCESS),
        Chore::Bench(options) => bench::run(&context, &options).map(|()| ExitCode::SUCCESS),
        Chore::Fuzz(options) => fuzz::run(&mut context, &options).map(|()| ExitCode::SUCCESS),
    }
}
