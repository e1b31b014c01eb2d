// Periods of whole UTC days, and their division into intervals.
//
// A day is a number: days since 1970. This module converts days to the API's formats and back.

const DAY_MS = 86_400_000;
const DAY_SECS = 86_400;

/** The largest number of days that one query of the API covers: five years, or less if the operator configured less. */
export let maxPeriodDays = 1_826;

export const limitPeriod = (days) => (maxPeriodDays = Math.min(maxPeriodDays, days));

export const today = (now = Date.now()) => Math.floor(now / DAY_MS);

/** Parses `2026-01-31` to a day; returns NaN for other texts. */
export const parseDay = (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? Math.floor(Date.parse(`${text}T00:00:00Z`) / DAY_MS) : NaN);

/** Returns a day as a `Date`. */
export const dateFromDay = (day) => new Date(day * DAY_MS);

/** Returns a day as `2026-01-31`. */
export const isoDate = (day) => dateFromDay(day).toISOString().slice(0, 10);

/** Returns the day of a time in the API's format. */
export const dayOfTime = (time) => Math.floor(Date.parse(time) / DAY_MS);

/** Converts between days and seconds since 1970, which charts use. */
export const daysToSeconds = (days) => days * DAY_SECS;
export const secondsToDays = (seconds) => seconds / DAY_SECS;

/** Returns the API's date filter for the days `from` to `to`. */
export const dateFilter = ({ from, to }) => ({ date_from: `${isoDate(from)}T00:00:00Z`, date_to: `${isoDate(to)}T23:59:59Z` });

/** Returns the period of the same length just before. */
export const previousPeriod = ({ from, to }) => ({ from: from - (to - from + 1), to: from - 1 });

export const dayCount = ({ from, to }) => to - from + 1;

/** Returns the interval that gives a readable number of bars for the period. */
export const defaultInterval = (period) => (dayCount(period) <= 92 ? 'day' : dayCount(period) <= 400 ? 'week' : 'month');

/** Returns a longer interval, for charts that need one query for each bar. */
export const coarseInterval = (period) => (dayCount(period) <= 14 ? 'day' : dayCount(period) <= 98 ? 'week' : dayCount(period) <= 760 ? 'month' : 'year');

/** Returns the first day of the interval that contains the day. Weeks begin on Monday. */
export const intervalStart = (day, interval) => {
  const date = dateFromDay(day);
  switch (interval) {
    case 'week':
      return day - ((day + 3) % 7);
    case 'month':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / DAY_MS;
    case 'year':
      return Date.UTC(date.getUTCFullYear(), 0) / DAY_MS;
    default:
      return day;
  }
};

/** Returns the first days of all intervals that overlap the period. The API omits empty intervals. */
export const intervalStarts = ({ from, to }, interval) => {
  const starts = [];
  for (let day = from; day <= to; day += 1) {
    const start = intervalStart(day, interval);
    if (starts.at(-1) !== start) starts.push(start);
  }
  return starts;
};
