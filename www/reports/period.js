// Periods of whole days of UTC, and the intervals that they are cut into.
//
// A day is a number: days since 1970. What the API is told, and what people read, is made of it here.

const DAY_MS = 86_400_000;

/** The farthest that the API looks back in one question, in days: five years, or less where the operator says so. */
export let FARTHEST = 1_826;

export const limit = (days) => (FARTHEST = Math.min(FARTHEST, days));

export const today = (now = Date.now()) => Math.floor(now / DAY_MS);

/** `2026-01-31` as a day; NaN for anything else. */
export const dayOf = (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? Math.floor(Date.parse(`${text}T00:00:00Z`) / DAY_MS) : NaN);

/** A day as `2026-01-31`. */
export const dateOf = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** A day's number of the answer's `date`. */
export const dayOfMoment = (moment) => Math.floor(Date.parse(moment) / DAY_MS);

export const secondsOf = (day) => (day * DAY_MS) / 1_000;

/** The first and the last moment of the days `from` to `to`, as the API reads them. */
export const moments = ({ from, to }) => ({ date_from: `${dateOf(from)}T00:00:00Z`, date_to: `${dateOf(to)}T23:59:59Z` });

/** The period of the same length just before. */
export const before = ({ from, to }) => ({ from: from - (to - from + 1), to: from - 1 });

export const length = ({ from, to }) => to - from + 1;

/** The interval for which a period gives a readable number of bars. */
export const fitting = (period) => (length(period) <= 92 ? 'day' : length(period) <= 400 ? 'week' : 'month');

/** The interval for a chart that costs a question a bar. */
export const few = (period) => (length(period) <= 14 ? 'day' : length(period) <= 98 ? 'week' : length(period) <= 760 ? 'month' : 'year');

/** The first day of the interval in which a day lies. Weeks begin on Monday. */
export const beginning = (day, interval) => {
  const date = new Date(day * DAY_MS);
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

/** The first days of all intervals that a period touches. The API leaves out those in which nothing was. */
export const intervals = ({ from, to }, interval) => {
  const firsts = [];
  for (let day = from; day <= to; day += 1) {
    const first = beginning(day, interval);
    if (firsts.at(-1) !== first) firsts.push(first);
  }
  return firsts;
};
