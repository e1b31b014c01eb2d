//! Every parser of outside bytes, fed with what nobody would send.
//!
//! A target is a function from bytes to a short text that says what became of them. What it must not do is panic, take long, or let
//! something through that it would not take again. Inputs are made by changing earlier ones: bytes at random, or JSON as a tree. An input
//! with a new outcome is kept and changed further, so that a run finds its way into a parser without being told the way.
//!
//! A test runs each target for a moment. `cargo xtask fuzz` runs them for as long as it is told, from another beginning each time.

mod change;
mod dice;
mod seeds;
mod targets;
mod track;

use std::time::Duration;

/// A parser of outside bytes.
struct Target {
    name: &'static str,
    /// Where to begin.
    seeds: fn() -> Vec<Vec<u8>>,
    /// Parses, and says in a few words what came of it.
    run: fn(&[u8]) -> String,
}

/// How long a target runs, and where its chances begin.
fn plan() -> (Duration, u64) {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let seconds = number("TILLROLL_FUZZ_SECONDS");
    let any = || tillroll_collector::clock::random::<8>().map(u64::from_le_bytes).unwrap_or(1);
    let seed = number("TILLROLL_FUZZ_SEED").unwrap_or_else(|| if seconds.is_some() { any() } else { 1 });
    (seconds.map_or(Duration::from_millis(400), Duration::from_secs), seed)
}

fn fuzz(name: &str) {
    let target = targets::TARGETS.iter().find(|target| target.name == name).unwrap();
    let (time, seed) = plan();
    let done = track::run(target, time, seed);
    println!("{name}: {} inputs, {} outcomes, seed {seed}", done.inputs, done.outcomes);
    assert!(done.inputs > 10, "{name} hardly ran");
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let names: Vec<_> = targets::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(batch, calls, front_end, back_end, digest, headless, metrics, flat, params, import, token, cookies, cursors, authorisation, words);
