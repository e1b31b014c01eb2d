// A vendor's words as a table: each line is a function's name, the event it means, and where the parameters come from. `quantity` is the
// next argument; `.firstName` is a member of the argument behind those, `.first_name=firstName` under another name, and
// `.product_id=option_id|id` the first of several that is worth something.

import { member } from "../quiet.js";

/** Returns the parameters that `places` find in the arguments of one call. */
const read = (places, args) => {
  const params = {};
  const hash = args[places.filter((place) => place[0] !== ".").length];
  places.forEach((place, at) => {
    const [name, from] = place.slice(1).split("=");
    if (place[0] !== ".") params[place] = args[at];
    else (from || name).split("|").forEach((one) => (!params[name] || params[name] === "0") && (params[name] = member(hash, one)));
  });
  return params;
};

/** Returns a function for each line of `table`; `say(type, params)` takes what they mean. */
export const words = (table, say) => {
  const functions = {};
  for (const line of table.trim().split("\n")) {
    const [name, type, ...places] = line.trim().split(" ");
    functions[name] = (...args) => say(type, read(places, args));
  }
  return functions;
};
