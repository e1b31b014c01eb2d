// Generates the methods of a vendor API from a table. Its entries, separated by commas, have a method's name, an event type, and the sources
// of its parameters: `quantity` is the next positional argument; `.firstName` is a property of the argument behind those,
// `.first_name=firstName` the same under another name.

import { readProperty } from "../safe.js";

/** Returns a method for each entry of `table`; each calls `track(type, params)`. `read(object, property)` returns a property of any value. */
export const methodsFromTable = (table, track, read = readProperty) => {
  const methods = {};
  for (const entry of table.split(",")) {
    const [name, type, ...sources] = entry.split(" ");
    methods[name] = (...args) => {
      const params = {};
      for (const source of sources) {
        const [param, property = param] = source.slice(1).split("=");
        if (source[0] === ".") params[param] = read(args[0], property);
        else params[source] = args.shift();
      }
      if (type) return track(type, params);
    };
  }
  return methods;
};
