// What the core requests: the glue passes each effect while the core handles an input, and bind-core.js executes them afterwards.

/* global ACTIONS */

/** The effects that wait: the number of the action in `Action` of src/effect.rs, then the arguments of the host function. */
const effects = [];

/** Takes an effect of the core. */
export const act = (...effect) => effects.push(effect);

/** Takes a report of the core. */
export const report = (name, reason, field, count, answer) => act(ACTIONS.Report, { name, reason, field, count, answer });

/** Executes the waiting effects in order. An effect that calls the core again executes the effects of that call at once. */
export const executeEffects = (host) => effects.splice(0).forEach(([action, ...args]) => host[action](...args));
