//! Dates, and the number of orders and carts of each day. It depends on month, weekday and marketing campaign.

use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};

use crate::random::Random;

/// Days since 1 January 1970.
pub(super) type Day = i64;

/// The orders of an average day, in hundredths.
const AVERAGE_ORDERS: u64 = 2_000;
/// Orders in percent of an average day, by month from January.
const MONTH_PERCENT: [u64; 12] = [85, 80, 95, 100, 105, 95, 85, 75, 100, 110, 135, 150];
/// Orders in percent of an average day, by weekday from Monday.
const WEEKDAY_PERCENT: [u64; 7] = [105, 95, 95, 90, 85, 100, 130];

/// A marketing campaign.
pub(super) struct Campaign {
    /// The tag of its orders.
    pub(super) tag: &'static str,
    /// The coupon code and its discount in percent.
    pub(super) coupon: Option<(&'static str, i64)>,
    /// Orders in percent of the same day without the campaign.
    order_percent: u64,
}

const SPRING: Campaign = Campaign { tag: "spring newsletter", coupon: Some(("spring10", 10)), order_percent: 135 };
const SUMMER: Campaign = Campaign { tag: "summer sale", coupon: Some(("summer15", 15)), order_percent: 190 };
const BLACK_FRIDAY: Campaign = Campaign { tag: "black friday", coupon: Some(("black25", 25)), order_percent: 300 };
const ADVENT: Campaign = Campaign { tag: "advent", coupon: None, order_percent: 125 };

/// The campaign of a day.
pub(super) fn campaign(day: Day) -> Option<Campaign> {
    let date = to_date(day);
    match (date.month(), date.day()) {
        (3, 20..=26) => Some(SPRING),
        (7, 1..=14) => Some(SUMMER),
        (11, day) => {
            // Black Friday is the day after the fourth Thursday. The sale lasts four days, but not into December.
            let friday = date.nth_weekday_of_month(4, Weekday::Thursday).ok()?.day() + 1;
            (friday..friday + 4).contains(&day).then_some(BLACK_FRIDAY)
        }
        (12, 1..=20) => Some(ADVENT),
        _ => None,
    }
}

/// The number of orders of a day.
pub(super) fn orders_on(day: Day) -> u64 {
    let by_month = MONTH_PERCENT[(to_date(day).month() - 1) as usize];
    let by_weekday = WEEKDAY_PERCENT[weekday(day) as usize];
    let by_campaign = campaign(day).map_or(100, |campaign| campaign.order_percent);
    let by_chance = 80 + Random::new("orders", day, 0).below(41);
    AVERAGE_ORDERS * by_month / 100 * by_weekday / 100 * by_campaign / 100 * by_chance / 100 / 100
}

/// The number of abandoned carts of a day.
pub(super) fn carts_on(day: Day) -> u64 {
    orders_on(day) * (90 + Random::new("carts", day, 0).below(50)) / 100
}

/// The time in RFC 3339. `second` may exceed the length of the day.
pub(super) fn rfc3339(day: Day, second: i64) -> String {
    Timestamp::from_second(day * 86_400 + second).unwrap_or_default().to_string()
}

/// From 0 for Monday to 6 for Sunday.
pub(super) fn weekday(day: Day) -> i64 {
    to_date(day).weekday().to_monday_zero_offset().into()
}

fn to_date(day: Day) -> Date {
    date(1970, 1, 1).saturating_add(day.days())
}

#[cfg(test)]
mod tests {
    use super::{campaign, rfc3339, weekday};

    #[test]
    fn days_have_the_right_date_and_weekday() {
        for (day, date, on) in [(0, "1970-01-01", 3), (11_016, "2000-02-29", 1), (19_782, "2024-02-29", 3), (20_453, "2025-12-31", 2)] {
            assert_eq!((&rfc3339(day, 0)[..10], weekday(day)), (date, on));
        }
        assert_eq!(rfc3339(19_782, 86_400 + 3_661), "2024-03-01T01:01:01Z");
    }

    #[test]
    fn black_friday_lasts_four_days_after_the_fourth_thursday() {
        let days = |from: i64| (from..from + 30).filter(|day| campaign(*day).is_some_and(|campaign| campaign.tag == "black friday"));
        let dates = |from| days(from).map(|day| rfc3339(day, 0)[..10].to_owned()).collect::<Vec<_>>();
        assert_eq!(dates(20_393), ["2025-11-28", "2025-11-29", "2025-11-30"]);
        assert_eq!(dates(18_932), ["2021-11-26", "2021-11-27", "2021-11-28", "2021-11-29"]);
    }
}
