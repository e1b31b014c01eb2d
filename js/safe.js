// Guards between the library and the page: an exception of the shop's code or values must not reach the page through the library.

/** Calls `run` with `args` and returns its result; returns undefined if it throws. */
export const tryCall = (run, ...args) => {
  try {
    return run(...args);
  } catch (e) {}
};

/** Calls a method of local storage, which the browser may refuse; returns undefined then. */
export const useLocal = (method, ...args) => tryCall(() => window.localStorage[method](...args));

/** Returns `value` if it is an object, else an empty object. */
export const asObject = (value) => (value && typeof value === "object" ? value : {});

/**
 * Returns a list as an array. Servers print a list with gaps as an object, and an empty one as null. Arrays are returned as they are: with
 * the Prototype library of old themes, `Object.values` of an array includes that library's methods.
 */
export const asArray = (list) => (Array.isArray(list) ? list : Object.values(asObject(list)));

/** Returns the property `name` of any value; undefined if it is missing or its getter throws. */
export const readProperty = (value, name) => tryCall(() => asObject(value)[name]);

/** Passes every entry of the page's array `queue` to `handle`, in order, and then each entry that the page pushes. */
export const consumeQueue = (queue = [], handle) => {
  const entries = queue.splice(0);
  // Not an assignment: the page may have frozen `Array.prototype`.
  Object.defineProperty(queue, "push", { value: (...pushed) => (pushed.forEach(handle), 0) });
  entries.forEach(handle);
};
