//! Fuzz targets: each parser of outside bytes runs on mutated inputs.
//!
//! A target is a function from bytes to a short text, the outcome. It must not panic or take long, and its result must parse to itself. The
//! fuzzer mutates earlier inputs: random bytes, or nodes of a JSON tree. An input with a new outcome joins the corpus and is mutated
//! further, so a run reaches deep into a parser without coverage data.
//!
//! A test runs each target for less than a second. `cargo xtask fuzz` runs them for a given time, with another seed each time.

mod fuzzer;
mod mutate;
mod random;
mod seeds;
mod targets;

use std::time::Duration;

/// A parser of outside bytes.
struct Target {
    name: &'static str,
    /// Returns the initial corpus.
    seeds: fn() -> Vec<Vec<u8>>,
    /// Parses an input and returns the outcome in a few words.
    run: fn(&[u8]) -> String,
}

/// Returns the run time of a target and the seed of its random numbers.
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
    let summary = fuzzer::run(target, time, seed);
    println!("{name}: {} inputs, {} outcomes, seed {seed}", summary.inputs, summary.outcomes);
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_has_a_test() {
            let names: Vec<_> = targets::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(
    batch,
    calls,
    front_end,
    back_end,
    digest,
    headless,
    metrics,
    flat,
    params,
    import_events,
    import_fields,
    import_documents,
    token,
    cookies,
    cursors,
    authorisation,
    words
);
