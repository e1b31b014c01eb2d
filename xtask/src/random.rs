//! Deterministic pseudo-random numbers: equal inputs return equal sequences.

/// A generator for one purpose.
pub(crate) struct Random(u64);

const SEED: u64 = 0x7411_0114;

impl Random {
    /// The generator for this purpose, day and number within the day.
    pub(crate) fn new(purpose: &str, day: i64, number: u64) -> Self {
        let mut random = Self(SEED);
        for input in purpose.bytes().map(u64::from).chain([day.unsigned_abs(), number]) {
            random.0 = random.next() ^ input;
        }
        random
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Returns true with a probability of `percent`.
    pub(crate) fn has_chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Picks an element; all have the same probability.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// Picks an element with a probability proportional to its weight.
    pub(crate) fn pick_weighted<'a, T>(&mut self, choices: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut remaining = self.below(choices.iter().map(&weight).sum());
        for choice in choices {
            match remaining.checked_sub(weight(choice)) {
                Some(rest) => remaining = rest,
                None => return choice,
            }
        }
        &choices[0]
    }
}
