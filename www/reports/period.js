// Periods of whole days of the shop's time zone, and their division into intervals.
//
// A day is a number: days since 1970. This module converts days to the API's formats and back.

const DAY_MS = 86_400_000;
const DAY_SECS = 86_400;
const FIVE_YEARS_DAYS = 1_826;

/** The largest number of days that one query of the API covers: five years, or less if the operator configured less. */
export let maxPeriodDays = FIVE_YEARS_DAYS;
/** The IANA name of the zone. */
export let timeZone = 'UTC';

/** Returns a function that returns the format of times in the zone of the shop, which is known after `configure`. */
export const createTimeFormat = (locales, options) => {
  let [zone, format] = [null, null];
  return () => {
    if (zone !== timeZone) [zone, format] = [timeZone, new Intl.DateTimeFormat(locales, { ...options, timeZone })];
    return format;
  };
};

const dayFormat = createTimeFormat('en-US', { calendar: 'gregory', year: 'numeric', month: 'numeric', day: 'numeric' });

/** Applies the limit and the zone of the token response. */
export const configure = ({ longest_days: maxDays, time_zone: name }) => {
  maxPeriodDays = Math.min(maxPeriodDays, maxDays);
  timeZone = name;
};

/** Returns the day of an instant in milliseconds, or of a time in the API's format. */
export const dayOfTime = (time) => {
  const { year, month, day } = Object.fromEntries(dayFormat().formatToParts(new Date(time)).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(year, month - 1, day) / DAY_MS;
};

export const today = () => dayOfTime(Date.now());

/** Returns the longest period until today that one query covers. */
export const longestPeriod = () => ({ from: today() - maxPeriodDays + 1, to: today() });

/** Parses `2026-01-31` to a day; returns NaN for other texts, and for days that no month has. */
export const parseDay = (text) => {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) / DAY_MS : NaN;
  return Number.isNaN(day) || isoDate(day) !== text ? NaN : day;
};

/** Returns a day as a `Date`. */
export const dateFromDay = (day) => new Date(day * DAY_MS);

/** Returns a day as `2026-01-31`. */
export const isoDate = (day) => dateFromDay(day).toISOString().slice(0, 10);

/** Converts between days and seconds since 1970, which charts use. */
export const daysToSeconds = (days) => days * DAY_SECS;
export const secondsToDays = (seconds) => seconds / DAY_SECS;

/** Returns the API's date filter for the days `from` to `to`. */
export const dateFilter = ({ from, to }) => ({ date_from: `${isoDate(from)}T00:00:00`, date_to: `${isoDate(to)}T23:59:59`, time_zone: timeZone });

/** Returns the instant at which a day begins, in the API's format. It is less than a day away from the midnight of UTC. */
export const startOfDay = (day) => {
  let [before, since] = [(day - 1) * DAY_MS, (day + 1) * DAY_MS];
  while (since - before > 1) {
    const middle = Math.floor((before + since) / 2);
    if (dayOfTime(middle) < day) before = middle;
    else since = middle;
  }
  return new Date(since).toISOString();
};

/** Returns the first day of the month that is `months` later than that of the day. */
const firstOfMonth = (day, months = 0) => {
  const date = dateFromDay(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months) / DAY_MS;
};

/** Returns the period before this one: the month before for a calendar month, else the same number of days; no more than one query covers. */
export const previousPeriod = ({ from, to }) => {
  const isMonth = from === firstOfMonth(from) && to === firstOfMonth(from, 1) - 1;
  return { from: Math.max(isMonth ? firstOfMonth(from, -1) : from - (to - from + 1), from - maxPeriodDays), to: from - 1 };
};

/** Returns the period with this name: a number of days until today, the last whole week from Monday, or the last whole month. */
export const namedPeriod = (name) => {
  const day = today();
  switch (name) {
    case 'last-week':
      return { from: intervalStart(day, 'week') - 7, to: intervalStart(day, 'week') - 1 };
    case 'last-month':
      return { from: firstOfMonth(day, -1), to: firstOfMonth(day) - 1 };
    default:
      return { from: day - Number(name) + 1, to: day };
  }
};

export const dayCount = ({ from, to }) => to - from + 1;

/** Returns whether one query covers the period. */
export const fits = (period) => dayCount(period) <= maxPeriodDays;

/** Returns the longest period as text: `five years`, or the number of days that the operator configured. */
export const describeLongest = () => (maxPeriodDays === FIVE_YEARS_DAYS ? 'five years' : maxPeriodDays === 1 ? 'day' : `${maxPeriodDays} days`);

/** Returns whether the operator configured less than five years. */
export const isShortened = () => maxPeriodDays < FIVE_YEARS_DAYS;

/** Returns the interval that gives a readable number of bars for the period. */
export const defaultInterval = (period) => (dayCount(period) <= 92 ? 'day' : dayCount(period) <= 400 ? 'week' : 'month');

/** Returns the first day of the interval that contains the day. Weeks begin on Monday. */
export const intervalStart = (day, interval) => {
  switch (interval) {
    case 'week':
      return day - ((day + 3) % 7);
    case 'month':
      return firstOfMonth(day);
    case 'year':
      return Date.UTC(dateFromDay(day).getUTCFullYear(), 0) / DAY_MS;
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
