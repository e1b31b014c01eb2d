// The bounded buffer of the newest events and rejections, without duplicates and without DOM access.
//
// When a visitor is identified, earlier entries of that visitor get the e-mail too, as in the export. An entry keeps the e-mail that it has.

/** The number of buffered entries. It exceeds the number of shown rows, so that a filter on a busy stream still finds some. */
const MAX_ENTRIES = 5_000;

/** The number of keys that detect duplicates. */
const MAX_KEYS = 2 * MAX_ENTRIES;

/** The number of visitors whose e-mails are remembered. */
const MAX_VISITORS = 10_000;

export class EntryBuffer {
  #entries = []; // oldest first
  #keys = new Set();
  #emails = new Map(); // by visitor id

  /** Adds a stored event. Returns its entry and the earlier entries whose e-mail changed, or null for a duplicate. */
  addStored(event) {
    const email = event.email ?? (event.type === 'identify' ? event.params?.email : null);
    const changed = this.#setEmail(event.visitor_id, email);
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

  /** Adds a rejection. Rejections may have no id, so two with equal fields, including the time, are duplicates. */
  addRejected(rejection) {
    const { type, time } = rejection;
    const entry = { rejected: true, key: JSON.stringify(rejection), time, type: type ?? '(no type)', visitor: null, email: null, raw: rejection };
    return this.#add(entry) ? { entry, changed: [] } : null;
  }

  /** Returns the newest `limit` entries for which `matches(entry)` holds, newest first. */
  newest(limit, matches) {
    const found = [];
    for (let at = this.#entries.length - 1; at >= 0 && found.length < limit; at -= 1) {
      if (matches(this.#entries[at])) found.push(this.#entries[at]);
    }
    return found;
  }

  /** Deletes the entries. The buffer still recognises duplicates of them, which a reconnected stream sends again, and visitors' e-mails. */
  clear() {
    this.#entries = [];
  }

  #add(entry) {
    if (this.#keys.has(entry.key)) return false;
    this.#keys.add(entry.key);
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
    evictOldest(this.#keys, MAX_KEYS);
    return true;
  }

  /** Returns the entries that got the e-mail. */
  #setEmail(visitor, email) {
    if (!visitor || !email || this.#emails.get(visitor) === email) return [];
    this.#emails.set(visitor, email);
    evictOldest(this.#emails, MAX_VISITORS);
    const anonymous = this.#entries.filter((entry) => entry.visitor === visitor && entry.email === null);
    for (const entry of anonymous) entry.email = email;
    return anonymous;
  }
}

/** Sets and Maps iterate in insertion order, so the first key is the oldest. */
function evictOldest(collection, limit) {
  if (collection.size > limit) collection.delete(collection.keys().next().value);
}
