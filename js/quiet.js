// The manners of a guest: the page is the shop's, and nothing of ours, or of what the shop gave us to call, may disturb it.

/** Calls `run` and returns what it returns; what it throws ends here. */
export const quietly = (run, ...args) => {
  try {
    return run(...args);
  } catch (e) {
    return undefined;
  }
};

/** Returns `value` if it has members, else something without any. */
export const hash = (value) => (value && typeof value === "object" ? value : {});

/** Returns the member `name` of whatever the page gave: nothing where there is none, or where reading it throws. */
export const member = (given, name) => quietly(() => hash(given)[name]);

/** Has `take` deal with everything in a queue of the page's, in order, and from then on at once with what is pushed. */
export const drain = (queue, take) => {
  const held = queue.splice(0);
  queue.push = (...entries) => (entries.forEach(take), 0);
  held.forEach(take);
};
