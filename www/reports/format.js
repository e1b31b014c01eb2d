// Formatters of numbers, money and dates in the browser's language. Dates are days since 1970, in UTC.

import { createTimeFormat, dateFromDay } from '/reports/period.js';

/** The languages of the browser. WebKitGTK has `C` on a machine without any, which `Intl` refuses. */
export const locales = navigator.languages.filter((name) => name !== 'C');

const integerFormat = new Intl.NumberFormat(locales, { maximumFractionDigits: 0 });
const ratioFormat = new Intl.NumberFormat(locales, { maximumFractionDigits: 1 });
const compactFormat = new Intl.NumberFormat(locales, { notation: 'compact', maximumFractionDigits: 1 });
const shareFormat = new Intl.NumberFormat(locales, { style: 'percent', maximumFractionDigits: 1 });
const changeFormat = new Intl.NumberFormat(locales, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
const dayFormat = new Intl.DateTimeFormat(locales, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const shortDayFormat = new Intl.DateTimeFormat(locales, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dateFormat = createTimeFormat(locales, { day: 'numeric', month: 'short', year: 'numeric' });
const monthFormat = new Intl.DateTimeFormat(locales, { month: 'short', year: 'numeric', timeZone: 'UTC' });

/** Amounts from this size on are shown without cents. */
const MIN_AMOUNT_WITHOUT_CENTS = 1_000;
/** Greater growth factors are not shown, because the earlier number is too small to compare with. */
const MAX_SHOWN_GROWTH = 10;
/** Axis ticks at least this many days apart are labelled with the month. */
const MIN_MONTH_TICK_DAYS = 28;

const moneyFormats = new Map();

/** Returns the format of amounts with this many decimal places; without a number, with those of the currency, or two without a currency. */
const moneyFormat = (currency, digits = currency ? undefined : 2) => {
  const key = `${currency} ${digits}`;
  if (!moneyFormats.has(key)) {
    let format;
    try {
      const style = currency ? { style: 'currency', currency } : {};
      format = new Intl.NumberFormat(locales, { ...style, minimumFractionDigits: digits, maximumFractionDigits: digits });
    } catch {
      // Currency codes of a shop may be invalid for Intl.
      format = { format: (amount) => `${integerFormat.format(amount)} ${currency}` };
    }
    moneyFormats.set(key, format);
  }
  return moneyFormats.get(key);
};

export const formatCount = (number) => integerFormat.format(number);

/** Returns a quotient with one decimal place. */
export const formatRatio = (number) => ratioFormat.format(number);

export const formatShare = (number) => (Number.isFinite(number) ? shareFormat.format(number) : '–');

/** Returns the name of a segment of customers: `at_risk` becomes `At risk`. */
export const formatSegment = (segment) => segment.charAt(0).toUpperCase() + segment.slice(1).replaceAll('_', ' ');

/** Returns the name of a month such as `2026-08`. */
export const formatMonth = (month) => monthFormat.format(new Date(`${month}-01T00:00:00Z`));

/** Returns the name of a country by its two letters, in the browser's language. */
export const formatCountry = (code) => new Intl.DisplayNames(locales, { type: 'region' }).of(code);

/** Returns a duration of seconds in minutes and seconds. */
export const formatDuration = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
};

/** Returns the amount with its currency, if it has one, and with cents if it is small. */
export const formatMoney = (amount, currency) =>
  amount === null ? '–' : moneyFormat(currency, Math.abs(amount) < MIN_AMOUNT_WITHOUT_CENTS ? undefined : 0).format(amount);

/** Returns the relative change; '' if a number is missing, or the earlier one is zero or very small. */
export const formatChange = (now, earlier) => (now !== null && earlier > 0 && now / earlier <= MAX_SHOWN_GROWTH ? changeFormat.format(now / earlier - 1) : '');

/** Returns the date of a time of the API in the time zone of the shop. */
export const formatDate = (time) => dateFormat().format(new Date(time));

export const formatDay = (day) => dayFormat.format(dateFromDay(day));

/** Returns the name of the day, week, month or year that begins on `firstDay`. */
export const formatInterval = (firstDay, length) => {
  if (length === 'month') return monthFormat.format(dateFromDay(firstDay));
  if (length === 'year') return String(dateFromDay(firstDay).getUTCFullYear());
  return (length === 'week' ? 'Week of ' : '') + formatDay(firstDay);
};

/** Returns the label of a number on an axis. */
export const formatCompact = (number) => compactFormat.format(number);

/** Returns the label of a day on an axis whose ticks are `stepDays` apart. */
export const formatTick = (day, stepDays) => (stepDays < MIN_MONTH_TICK_DAYS ? shortDayFormat : monthFormat).format(dateFromDay(day));
