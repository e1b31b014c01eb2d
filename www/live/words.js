// How times, visitors and parameters are written. Plain functions of values, no DOM.
//
// Times are milliseconds since 1970 and are written in the reader's own time zone.

/** `10:42:07.123`, with the day before it when that was not today. */
export function clock(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '—';
  const pad = (number, digits = 2) => String(number).padStart(digits, '0');
  const hours = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
  const today = date.toDateString() === new Date().toDateString();
  return today ? hours : `${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${hours}`;
}

/** The same moment in full, in UTC. */
export function iso(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '—' : date.toISOString();
}

/** How long an event was under way, when that is worth telling: from five seconds on. */
export function late({ raw }) {
  const seconds = Math.round((raw.received_at - raw.time) / 1_000);
  if (!(seconds >= 5)) return '';
  if (seconds < 120) return `+${seconds} s`;
  return seconds < 7_200 ? `+${Math.round(seconds / 60)} min` : `+${Math.round(seconds / 3_600)} h`;
}

/** The first eight characters of a visitor id. */
export function shortVisitor(visitor) {
  return visitor.length > 10 ? `${visitor.slice(0, 8)}…` : visitor;
}

/** Parameters in one line, or why an event was rejected. */
export function oneLine({ rejected, raw }) {
  if (rejected) return [raw.code, raw.message].filter(Boolean).join(': ');
  return Object.entries(raw.params ?? {}).map(([name, value]) => `${name} ${short(value)}`).join(' · ');
}

/** A value as text; an address of this very shop without its host. */
function short(value) {
  if (typeof value !== 'string') return JSON.stringify(value);
  return value.startsWith(`${location.origin}/`) ? value.slice(location.origin.length) : value || '“”';
}
