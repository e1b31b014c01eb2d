//! Chance that is the same every time: numbers that follow from what they are for.

/// A source of numbers for one purpose.
pub(super) struct Dice(u64);

const SEED: u64 = 0x7411_0114;

impl Dice {
    /// Numbers for this purpose, day and place in the day.
    pub(super) fn new(purpose: &str, day: i64, place: u64) -> Self {
        let mut dice = Self(SEED);
        for part in purpose.bytes().map(u64::from).chain([day.unsigned_abs(), place]) {
            dice.0 = dice.next() ^ part;
        }
        dice
    }

    /// SplitMix64, by Steele, Lea and Flood.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of some things.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// One of some things, each as often as its weight says.
    pub(super) fn weighed<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(of.iter().map(&weight).sum());
        for thing in of {
            match left.checked_sub(weight(thing)) {
                Some(rest) => left = rest,
                None => return thing,
            }
        }
        &of[0]
    }
}
