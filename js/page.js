// Reads what belongs to the browser where the page's own names could stand in its place. An element hides the member of `document`, of
// `window` or of a form whose name it has. A page's `let crypto` hides the global variable, but not the property of `window`, so the other
// files write `window.crypto` too.

/** Returns the member `name` of `node`: that of its prototype if another object stands in its place. A text or a boolean is never an element. */
export const member = (node, name) => {
  const value = node[name];
  return Object(value) === value ? Reflect.get(Object.getPrototypeOf(node), name, node) : value;
};

/** Calls `listener` on each event of that type on the window, in the capture phase, so that the page's own listeners cannot stop it. */
export const listen = (type, listener, target = window) => member(document, "addEventListener").call(target, type, listener, true);

/** Returns the time in whole milliseconds since 1970. Not `Date.now`: old libraries let it return a `Date`, time correctors a fraction. */
export const now = () => Math.floor(new window.Date());
