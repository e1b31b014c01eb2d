//! The context of a request: values that its body does not contain.

/// The values that a request's body does not contain.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The organization that owns the records.
    pub organization: &'a str,
    /// The current time, in milliseconds since 1970.
    pub now: i64,
    /// How long before an order a touch can lead to it, in days.
    pub attribution_days: u32,
    /// The maximum length of the date filter, in days.
    pub max_range_days: i64,
}

/// The default of how long before an order a touch can lead to it, in days.
pub const ATTRIBUTION_DAYS: u32 = 30;

/// The default maximum length of the date filter, in days: five years and a day.
pub const MAX_RANGE_DAYS: i64 = 5 * 365 + 2 + 1;
