// Numbers, money and dates as people read them, in the browser's own language.

const language = navigator.languages;

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
const change = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
const date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const dated = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const monthly = new Intl.DateTimeFormat(language, { month: 'short', year: 'numeric', timeZone: 'UTC' });

const moneys = new Map();

const moneyIn = (currency, digits) => {
  const key = `${currency} ${digits}`;
  if (!moneys.has(key)) {
    let format;
    try {
      format = new Intl.NumberFormat(language, { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
    } catch {
      // A shop may call its currency whatever it likes.
      format = { format: (amount) => `${whole.format(amount)} ${currency}` };
    }
    moneys.set(key, format);
  }
  return moneys.get(key);
};

export const count = (number) => whole.format(number);
export const part = (number) => (Number.isFinite(number) ? share.format(number) : '–');
/** Money; cents are shown of what is not much. */
export const money = (amount, currency) => (amount === null ? '–' : moneyIn(currency, Math.abs(amount) < 1_000 ? 2 : 0).format(amount));
/** How much more or less than before; nothing where there was next to nothing before. */
export const changed = (now, then) => (then > 0 && now / then <= 10 ? change.format(now / then - 1) : '');
export const day = (day) => date.format(new Date(day * 86_400_000));
/** What an interval that begins on this day is called. */
export const interval = (first, length) => {
  if (length === 'month') return monthly.format(new Date(first * 86_400_000));
  if (length === 'year') return String(new Date(first * 86_400_000).getUTCFullYear());
  return (length === 'week' ? 'Week of ' : '') + day(first);
};
const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
/** A number on an axis. */
export const brief = (number) => compact.format(number);
/** A day on an axis whose marks are `step` days apart. */
export const mark = (day, step) => (step < 28 ? dated : monthly).format(new Date(day * 86_400_000));
