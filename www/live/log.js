// What the live view remembers: the newest events and rejections, bounded, each once.
//
// No DOM in here. A visitor who gives an e-mail has it on earlier entries too, as in the export; an entry that has one keeps it.

/** How many entries are remembered. More than are shown, so that a filter on a busy stream still finds some. */
const REMEMBERED = 5_000;

/** How many visitors' e-mails are remembered. */
const VISITORS = 10_000;

export class Log {
  #entries = []; // oldest first
  #keys = new Set();
  #emails = new Map();

  /** Takes a stored event. Returns its entry and the earlier ones that changed with it, or null when it was here before. */
  addStored(event) {
    const email = event.email ?? (event.type === 'identify' ? event.params?.email : null);
    const changed = this.#learn(event.visitor_id, email);
    const entry = {
      rejected: false,
      key: event.id ?? `cursor ${event.cursor}`,
      time: event.time,
      type: event.type ?? '(no type)',
      visitor: event.visitor_id ?? null,
      email: email ?? this.#emails.get(event.visitor_id) ?? null,
      raw: event,
    };
    return this.#add(entry) ? { entry, changed } : null;
  }

  /** Takes a rejection. It may have no id, so two that agree in everything, to the millisecond, count as one. */
  addRejected(rejection) {
    const { type, time } = rejection;
    const entry = { rejected: true, key: JSON.stringify(rejection), time, type: type ?? '(no type)', visitor: null, email: null, raw: rejection };
    return this.#add(entry) ? { entry, changed: [] } : null;
  }

  /** The newest `limit` entries that `matches` lets through, newest first. */
  newest(limit, matches) {
    const found = [];
    for (let at = this.#entries.length - 1; at >= 0 && found.length < limit; at -= 1) {
      if (matches(this.#entries[at])) found.push(this.#entries[at]);
    }
    return found;
  }

  /** Forgets the entries, but not whom a visitor id belongs to, nor what was seen: a reconnect does not bring it back. */
  clear() {
    this.#entries = [];
  }

  #add(entry) {
    if (this.#keys.has(entry.key)) return false;
    this.#keys.add(entry.key);
    this.#entries.push(entry);
    if (this.#entries.length > REMEMBERED) this.#entries.shift();
    forgetOldest(this.#keys, 2 * REMEMBERED);
    return true;
  }

  #learn(visitor, email) {
    if (!visitor || !email || this.#emails.get(visitor) === email) return [];
    this.#emails.set(visitor, email);
    forgetOldest(this.#emails, VISITORS);
    const anonymous = this.#entries.filter((entry) => entry.visitor === visitor && entry.email === null);
    for (const entry of anonymous) entry.email = email;
    return anonymous;
  }
}

/** Sets and Maps keep the order of insertion, so the first key is the oldest. */
function forgetOldest(collection, limit) {
  if (collection.size > limit) collection.delete(collection.keys().next().value);
}
