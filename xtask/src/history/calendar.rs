//! Days, what they are called, and how much is bought on each: by month, by weekday, and while a campaign runs.

use super::dice::Dice;

/// Days since 1 January 1970.
pub(super) type Day = i64;

/// How many orders a usual day brings, in hundredths.
const USUAL: u64 = 2_000;
/// The hundredths of a usual day by month, January first.
const MONTHS: [u64; 12] = [85, 80, 95, 100, 105, 95, 85, 75, 100, 110, 135, 150];
/// The same by weekday, Monday first.
const WEEKDAYS: [u64; 7] = [105, 95, 95, 90, 85, 100, 130];

/// Something that makes people buy.
pub(super) struct Campaign {
    /// What its orders are tagged with.
    pub(super) tag: &'static str,
    /// The code that customers type, and what it takes off, in percent.
    pub(super) coupon: Option<(&'static str, i64)>,
    /// The hundredths of what would be bought without it.
    lift: u64,
}

const SPRING: Campaign = Campaign { tag: "spring newsletter", coupon: Some(("spring10", 10)), lift: 135 };
const SUMMER: Campaign = Campaign { tag: "summer sale", coupon: Some(("summer15", 15)), lift: 190 };
const BLACK_FRIDAY: Campaign = Campaign { tag: "black friday", coupon: Some(("black25", 25)), lift: 300 };
const ADVENT: Campaign = Campaign { tag: "advent", coupon: None, lift: 125 };

/// The campaign of a day.
pub(super) fn campaign(day: Day) -> Option<Campaign> {
    let (_, month, date) = civil(day);
    // Black Friday is the day after the fourth Thursday; the sale lasts until Monday.
    let friday = date - (weekday(day) - 4).rem_euclid(7);
    match (month, date) {
        (3, 20..=26) => Some(SPRING),
        (7, 1..=14) => Some(SUMMER),
        (11, 23..) if (23..=29).contains(&friday) && date - friday < 4 => Some(BLACK_FRIDAY),
        (12, 1..=20) => Some(ADVENT),
        _ => None,
    }
}

/// How many orders a day brings.
pub(super) fn orders_on(day: Day) -> u64 {
    let (_, month, _) = civil(day);
    let lift = campaign(day).map_or(100, |campaign| campaign.lift);
    let by_month = MONTHS[(month - 1) as usize];
    let by_weekday = WEEKDAYS[weekday(day) as usize];
    let luck = 80 + Dice::new("orders", day, 0).below(41);
    USUAL * by_month / 100 * by_weekday / 100 * lift / 100 * luck / 100 / 100
}

/// How many baskets are filled and left on a day.
pub(super) fn carts_on(day: Day) -> u64 {
    orders_on(day) * (90 + Dice::new("carts", day, 0).below(50)) / 100
}

/// A moment as the collector reads it. Seconds may run into later days.
pub(super) fn text(day: Day, second: i64) -> String {
    let (year, month, date) = civil(day + second.div_euclid(86_400));
    let second = second.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// From 0 for Monday to 6 for Sunday.
pub(super) fn weekday(day: Day) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Year, month and date, by counting 400-year cycles that begin in March, so that the leap day comes last.
fn civil(day: Day) -> (i64, i64, i64) {
    let since = day + 719_468;
    let cycle = since.div_euclid(146_097);
    let of_cycle = since.rem_euclid(146_097);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::{campaign, text, weekday};

    #[test]
    fn days_have_their_names() {
        for (day, name, of_week) in [(0, "1970-01-01", 3), (11_016, "2000-02-29", 1), (19_782, "2024-02-29", 3), (20_453, "2025-12-31", 2)]
        {
            assert_eq!((&text(day, 0)[..10], weekday(day)), (name, of_week));
        }
        assert_eq!(text(19_782, 86_400 + 3_661), "2024-03-01T01:01:01Z");
    }

    #[test]
    fn black_friday_is_four_days_long_and_after_the_fourth_thursday() {
        let days = |from: i64| (from..from + 30).filter(|day| campaign(*day).is_some_and(|campaign| campaign.tag == "black friday"));
        let names = |from| days(from).map(|day| text(day, 0)[..10].to_owned()).collect::<Vec<_>>();
        assert_eq!(names(20_393), ["2025-11-28", "2025-11-29", "2025-11-30"]);
        assert_eq!(names(18_932), ["2021-11-26", "2021-11-27", "2021-11-28", "2021-11-29"]);
    }
}
