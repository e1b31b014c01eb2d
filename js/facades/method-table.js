// Generates the methods of a vendor API from a table. Each line has a method's name, an event type, and the sources of its parameters:
// `quantity` is the next positional argument; `.firstName` is a property of the argument behind those, `.first_name=firstName` the same
// under another name, and `.product_id=option_id|id` the first of several properties with a value.

import { readProperty } from "../safe.js";

/** Returns the parameters that `sources` select from the arguments of one call. */
const selectParams = (sources, args) => {
  const params = {};
  const object = args[sources.filter((source) => source[0] !== ".").length];
  sources.forEach((source, at) => {
    const [name, properties] = source.slice(1).split("=");
    if (source[0] !== ".") params[source] = args[at];
    else
      (properties || name).split("|").forEach((property) => {
        if (!params[name] || params[name] === "0") params[name] = readProperty(object, property);
      });
  });
  return params;
};

/** Returns a method for each line of `table`; each calls `track(type, params)`. */
export const methodsFromTable = (table, track) => {
  const methods = {};
  for (const line of table.trim().split("\n")) {
    const [name, type, ...sources] = line.trim().split(" ");
    methods[name] = (...args) => track(type, selectParams(sources, args));
  }
  return methods;
};
