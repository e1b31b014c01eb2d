//! The fuzzing loop: an input with a new outcome joins the corpus; an input that makes the target panic is minimised and reported.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tillroll_collector::clock::Stopwatch;

use crate::Target;
use crate::mutate::mutate;
use crate::random::Random;

/// An input that takes longer is an error. Generous, because the machine may be busy.
const MAX_RUN_TIME: Duration = Duration::from_secs(5);

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
    while watch.elapsed() < time {
        let input = mutate(random.pick::<Vec<u8>>(&corpus), &corpus, &mut random);
        inputs += 1;
        if seen.insert(outcome_hash(target, &input, seed)) && corpus.len() < MAX_CORPUS {
            corpus.push(input);
        }
    }
    Summary { inputs, outcomes: seen.len() }
}

/// Runs the target and returns a hash of the outcome: its text without digits, and its approximate length.
fn outcome_hash(target: &Target, input: &[u8], seed: u64) -> u64 {
    let timed = || {
        let watch = Stopwatch::start();
        (catch_unwind(AssertUnwindSafe(|| (target.run)(input))), watch.elapsed())
    };
    let (outcome, mut took) = timed();
    if took >= MAX_RUN_TIME {
        // A pause of the machine does not recur for the same input.
        took = timed().1;
    }
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
    let words: String = outcome.chars().filter(|letter| !letter.is_ascii_digit()).take(200).collect();
    (words, outcome.len().checked_ilog2()).hash(&mut hasher);
    hasher.finish()
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
