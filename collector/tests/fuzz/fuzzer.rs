//! The fuzzing loop: an input with a new outcome joins the corpus; an input that makes the target panic is minimised and reported.
//!
//! The cost oracle: a part of such an input is repeated until the input is large. The target must process it in time and memory proportional to
//! its length. The time is the processor time of this thread, so that a busy machine does not count; the memory is what this thread allocates.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tillroll_collector::clock::Stopwatch;

use crate::Target;
use crate::mutate::mutate;
use crate::random::Random;

/// An input that takes more processor time is an error. Generous, because the caches of a busy machine are shared.
const MAX_RUN_TIME: Duration = Duration::from_secs(5);

/// The length of an input whose cost is measured, in bytes.
const LARGE_INPUT_BYTES: usize = 100_000;

/// The processor time that a large input may take for each byte, and besides. A build without optimisation needs a tenth of it, and one
/// comparison of each element with each other, of elements of ten bytes, ten times as much.
const MAX_COST_PER_BYTE: Duration = Duration::from_nanos(3_000);
const MAX_FIXED_COST: Duration = Duration::from_millis(100);

/// The memory that a large input may take at a time for each byte, and all memory that it may allocate for each byte; and besides. A target that
/// parses an input several times needs a tenth of the second.
const MAX_PEAK_PER_BYTE: u64 = 100;
const MAX_ALLOCATED_PER_BYTE: u64 = 5_000;
const MAX_FIXED_ALLOCATED: u64 = 2 << 20;

/// The least inputs of a run, also on a machine that is too busy for them.
const MIN_INPUTS: u64 = 50;

/// The most inputs of the corpus.
const MAX_CORPUS: usize = 4_000;

/// The result of a run.
pub(crate) struct Summary {
    pub(crate) inputs: u64,
    pub(crate) outcomes: usize,
}

pub(crate) fn run(target: &Target, time: Duration, seed: u64) -> Summary {
    let (watch, mut random) = (Stopwatch::start(), Random::new(seed));
    let mut corpus = (target.seeds)();
    let mut seen: HashSet<u64> = corpus.iter().map(|input| outcome_hash(target, input, seed)).collect();
    let mut inputs = corpus.len() as u64;
    while watch.elapsed() < time || inputs < MIN_INPUTS {
        let input = mutate(random.pick::<Vec<u8>>(&corpus), &corpus, &mut random);
        inputs += 1;
        if seen.insert(outcome_hash(target, &input, seed)) && corpus.len() < MAX_CORPUS {
            check_cost(target, &grow(&input, &mut random), seed);
            corpus.push(input);
        }
    }
    Summary { inputs, outcomes: seen.len() }
}

/// Runs the target and returns a hash of the outcome: its text without digits, and its approximate length.
fn outcome_hash(target: &Target, input: &[u8], seed: u64) -> u64 {
    let before = processor_time();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = processor_time().zip(before).map_or(Duration::ZERO, |(after, before)| after - before);
    let Ok(outcome) = outcome else {
        let small = minimise(target, input.to_vec());
        panic!("{} panics (seed {seed}) on {:?}", target.name, String::from_utf8_lossy(&small));
    };
    assert!(
        took < MAX_RUN_TIME,
        "{} took {took:?} (seed {seed}) for {} bytes: {:?}",
        target.name,
        input.len(),
        String::from_utf8_lossy(input)
    );
    let mut hasher = DefaultHasher::new();
    let words: String = outcome.chars().filter(|letter| !letter.is_ascii_digit()).take(1_000).collect();
    (words, outcome.len().checked_ilog2()).hash(&mut hasher);
    hasher.finish()
}

/// Repeats a part of an input, between two of its signs, until the input is large.
fn grow(input: &[u8], random: &mut Random) -> Vec<u8> {
    let signs: Vec<usize> = (0..input.len()).filter(|at| !input.get(*at).is_some_and(u8::is_ascii_alphanumeric)).collect();
    if signs.len() < 2 {
        return input.repeat(LARGE_INPUT_BYTES / input.len().max(1));
    }
    let (a, b) = (*random.pick(&signs), *random.pick(&signs));
    let (from, to) = (a.min(b), a.max(b).max(a.min(b) + 1));
    let part = &input[from..to];
    [&input[..from], &part.repeat(LARGE_INPUT_BYTES / part.len()), &input[to..]].concat()
}

/// Fails if the target takes too long or too much memory for the length of an input.
fn check_cost(target: &Target, input: &[u8], seed: u64) {
    let start = String::from_utf8_lossy(&input[..input.len().min(300)]);
    let allocated = allocation_counter::measure(|| {
        assert!(catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok(), "{} panics (seed {seed})", target.name);
    });
    let per_byte = |bytes: u64| bytes.saturating_sub(MAX_FIXED_ALLOCATED) / input.len().max(1) as u64;
    let (peak, all) = (per_byte(allocated.bytes_max), per_byte(allocated.bytes_total));
    assert!(
        peak <= MAX_PEAK_PER_BYTE && all <= MAX_ALLOCATED_PER_BYTE,
        "{} allocated {peak} bytes at a time and {all} in all for each byte (seed {seed}) of {} bytes that start with {start:?}",
        target.name,
        input.len()
    );
    let limit = MAX_FIXED_COST + MAX_COST_PER_BYTE * u32::try_from(input.len()).unwrap();
    let cost = || {
        let before = processor_time();
        assert!(catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok(), "{} panics (seed {seed})", target.name);
        processor_time().zip(before).map_or(Duration::ZERO, |(after, before)| after - before)
    };
    // The caches of the machine are shared: only a cost that recurs counts.
    let cost = if cost() > limit { cost() } else { Duration::ZERO };
    assert!(cost <= limit, "{} took {cost:?} (seed {seed}) for {} bytes that start with {start:?}", target.name, input.len());
}

/// Returns the processor time of this thread, on systems that report it in `/proc`.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Removes the bytes that are not needed for the panic.
fn minimise(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut without = input.clone();
            without.drain(at..(at + size).min(input.len()));
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&without))).is_err() {
                input = without;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    input
}
