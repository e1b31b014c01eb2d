//! `cargo xtask`: builds, tests and runs the project.
//!
//! Each subcommand is a task in a file of its own, and a task is a list of [`step::Step`]s. Its first steps install what the machine
//! lacks, so a fresh clone needs no manual set-up. No step asks a question.

mod bench;
mod build;
mod clock;
mod cluster;
mod context;
mod demo;
mod demo_history;
mod files;
mod fuzz;
mod package;
mod process;
mod random;
mod release_check;
mod setup;
mod size;
mod source_hosts;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::context::Context;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about = "Build, test and run Tillroll")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and serve the demo shop, the live view and the collector
    Demo(demo::Options),
    /// Start a group of collectors and the servers of their log on this machine; with --chaos, kill and restart them under load
    Cluster(cluster::Options),
    /// Run every check; the last line is `N passed, N failed`
    Test(test::Options),
    /// Build `dist/` and the release binary `target/release/tillroll`
    Build,
    /// Build the documents as a site, into `target/docs/book`
    Docs,
    /// Print the size of every downloaded file (raw, gzip -9, brotli 11); fail above the budget
    Size,
    /// Build the archives that are published, into `target/package/`
    Package,
    /// Update the table of the hosts of search engines and social networks from the pinned public list
    SourceHosts,
    /// Check the rules of this code base that no standard linter checks
    Tidy,
    /// Build a release from a clean checkout with the pinned compiler, and record where its files come from
    ReleaseCheck,
    /// Run the benchmarks and print ratios
    Bench(bench::Options),
    /// Run the fuzz targets of the parsers that read untrusted input
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut context = Context::find()?;
    match arguments.task {
        Task::Demo(options) => return demo::run(&mut context, &options),
        Task::Cluster(options) => return cluster::run(&mut context, &options),
        Task::Test(options) => return test::run(&mut context, &options),
        Task::Build => build::run(&mut context)?,
        Task::Docs => build::run_documents(&mut context)?,
        Task::Size => size::run(&mut context)?,
        Task::ReleaseCheck => release_check::run(&mut context)?,
        Task::Package => package::run(&mut context)?,
        Task::SourceHosts => source_hosts::run(&context)?,
        Task::Tidy => tidy::run(&context)?,
        Task::Bench(options) => bench::run(&mut context, &options)?,
        Task::Fuzz(options) => fuzz::run(&mut context, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
