// Formatters of times, visitors and parameters: pure functions without DOM access.
//
// Times are milliseconds since 1970, shown in the browser's time zone.

const MIN_SHOWN_DELAY_SECS = 5;

/** Returns `10:42:07.123`, with the date before it unless that is today. */
export function formatTime(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '—';
  const pad = (number, digits = 2) => String(number).padStart(digits, '0');
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock : `${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock}`;
}

/** Returns the time as ISO 8601 in UTC. */
export function formatUtc(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '—' : date.toISOString();
}

/** Returns the delay between the event and its receipt, such as `+40 s`; '' below five seconds. */
export function formatDelay({ raw }) {
  const seconds = Math.round((raw.received_at - raw.time) / 1_000);
  if (!(seconds >= MIN_SHOWN_DELAY_SECS)) return '';
  if (seconds < 120) return `+${seconds} s`;
  return seconds < 7_200 ? `+${Math.round(seconds / 60)} min` : `+${Math.round(seconds / 3_600)} h`;
}

/** Returns the first eight characters of a visitor id. */
export function shortVisitorId(visitor) {
  return visitor.length > 10 ? `${visitor.slice(0, 8)}…` : visitor;
}

/** Returns the parameters of an event, or the reason of a rejection, in one line. */
export function formatParams({ rejected, raw }) {
  if (rejected) return formatReason(raw);
  return Object.entries(raw.params ?? {}).map(([name, value]) => `${name} ${formatValue(value)}`).join(' · ');
}

/** Returns the code and the message of a rejection. */
export function formatReason({ code, message }) {
  return [code, message].filter(Boolean).join(': ');
}

/** URLs of this origin are shown without their host. */
function formatValue(value) {
  if (typeof value !== 'string') return JSON.stringify(value);
  return value.startsWith(`${location.origin}/`) ? value.slice(location.origin.length) : value || '“”';
}
