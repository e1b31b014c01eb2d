//! Running a target: inputs that lead somewhere new are kept, and one that does harm is made small and shown.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tillroll_collector::clock::Stopwatch;

use crate::Target;
use crate::change::change;
use crate::dice::Dice;

/// No input may take longer; the machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many inputs are kept at most.
const KEPT: usize = 4_000;

pub(crate) struct Done {
    pub(crate) inputs: u64,
    pub(crate) outcomes: usize,
}

pub(crate) fn run(target: &Target, time: Duration, seed: u64) -> Done {
    let (watch, mut dice) = (Stopwatch::start(), Dice::new(seed));
    let mut corpus = (target.seeds)();
    let mut seen: HashSet<u64> = corpus.iter().map(|input| try_one(target, input, seed)).collect();
    let mut inputs = corpus.len() as u64;
    while watch.elapsed() < time {
        let input = change(dice.pick::<Vec<u8>>(&corpus), &corpus, &mut dice);
        inputs += 1;
        if seen.insert(try_one(target, &input, seed)) && corpus.len() < KEPT {
            corpus.push(input);
        }
    }
    Done { inputs, outcomes: seen.len() }
}

/// Returns what stands for the outcome: its words without their numbers, and about how long they are.
fn try_one(target: &Target, input: &[u8], seed: u64) -> u64 {
    let timed = || {
        let watch = Stopwatch::start();
        (catch_unwind(AssertUnwindSafe(|| (target.run)(input))), watch.elapsed())
    };
    let (outcome, mut took) = timed();
    if took >= PATIENCE {
        // A machine that stood still for a moment does not do so again for the same input.
        took = timed().1;
    }
    let Ok(outcome) = outcome else {
        let small = smaller(target, input.to_vec());
        panic!("{} panics (seed {seed}) on {:?}", target.name, String::from_utf8_lossy(&small));
    };
    assert!(took < PATIENCE, "{} took {took:?} (seed {seed}) for {} bytes: {:?}", target.name, input.len(), String::from_utf8_lossy(input));
    let mut hasher = DefaultHasher::new();
    let words: String = outcome.chars().filter(|letter| !letter.is_ascii_digit()).take(200).collect();
    (words, outcome.len().checked_ilog2()).hash(&mut hasher);
    hasher.finish()
}

/// Leaves out what the harm does not need.
fn smaller(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
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
