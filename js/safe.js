// Guards between the library and the page: an exception of the shop's code or values must not reach the page through the library.

/** Calls `run` with `args` and returns its result; returns undefined if it throws. */
export const tryCall = (run, ...args) => {
  try {
    return run(...args);
  } catch (e) {
    return undefined;
  }
};

/** Returns `value` if it is an object, else an empty object. */
export const asObject = (value) => (value && typeof value === "object" ? value : {});

/** Returns the property `name` of any value; undefined if it is missing or its getter throws. */
export const readProperty = (value, name) => tryCall(() => asObject(value)[name]);

/** Passes every entry of the page's array `queue` to `handle`, in order, and then each entry that the page pushes. */
export const consumeQueue = (queue, handle) => {
  const entries = queue.splice(0);
  queue.push = (...pushed) => (pushed.forEach(handle), 0);
  entries.forEach(handle);
};
