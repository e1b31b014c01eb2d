// Compares stored events with an expected one: which of its fields an event lacks, and which event comes nearest.

const isObject = (value) => typeof value === "object" && value !== null;

/** Returns the differences as lines `params.quantity: expected 2, found 1`. Fields that `expected` does not have may have any value. */
export const differences = (expected, found, path = "") => {
  if (!isObject(expected) || !isObject(found)) return Object.is(expected, found) ? [] : [describe(path, expected, found)];
  if (Array.isArray(expected) !== Array.isArray(found)) return [describe(path, expected, found)];
  if (Array.isArray(expected) && expected.length !== found.length) return [describe(path, expected, found)];
  return Object.keys(expected).flatMap((key) => differences(expected[key], found[key], path ? `${path}.${key}` : key));
};

const describe = (path, expected, found) => `${path || "event"}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found) ?? "nothing"}`;

/** Returns the event with the fewest differences, with these; an event of the expected type precedes all others. */
export const nearest = (expected, events) => {
  const rank = (event) => differences(expected, event).length + (event.type === expected.type ? 0 : 1_000);
  const [event] = events.toSorted((a, b) => rank(a) - rank(b));
  return event && { event, lines: differences(expected, event) };
};

/** Returns the message of a failed expectation. */
export const explain = (expected, events, rejected) => {
  const miss = nearest(expected, events);
  const lines = [`no stored event matches ${JSON.stringify(expected)}`, `${events.length} events stored, ${rejected.length} rejected`];
  if (miss) lines.push(`nearest event: ${JSON.stringify(miss.event)}`, ...miss.lines.map((line) => `  ${line}`));
  return lines.concat(rejected.map((event) => `rejected: ${event.type}: ${event.message}`)).join("\n");
};
