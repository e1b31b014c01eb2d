// Identifies the visitor when a form of the shop is submitted. It reads only the configured fields and never delays the submit: the calls are
// recorded synchronously and survive the navigation. A form need not exist when it is integrated.

import { listen, member } from "../page.js";
import { tryCall } from "../safe.js";

/**
 * Matches an e-mail address without blanks around it. A copy of the rule in protocol/src/email.rs, without its limit of length,
 * because the core may not have loaded when a form is submitted; tests/compat/shared-rules/email-addresses.json tests both. If the core
 * ignored the address, it would assign the form's other fields to the previous visitor.
 */
export const EMAIL = /^[^\0- \s@<>,;:"\x7f]+@(?!\.)(\.?[^\0- \s@<>,;:".\x7f])+$/;

/** The integrated forms: options, and the methods to call. */
const integrated = [];

/** Returns the fields with that `name` attribute; if there are none, those that match it as a selector, as old documentation has it. */
const findFields = (form, name) => {
  // `name` may be a number. An empty `name` matches no field, although unnamed fields have an empty name too.
  const named = [...member(form, "elements")].filter((element) => element.name == name && name);
  return named[0] ? named : tryCall(() => [...member(form, "querySelectorAll").call(form, name)]) || [];
};

/** Reads the form and calls `methods`; returns whether it has an e-mail address. */
const identifyBy = (form, options, methods) => {
  const option = (name) => options[name in options ? name : name + "Selector"];
  const valueOf = (name) => (findFields(form, option(name)).find((field) => field.value) || {}).value;
  const email = String(valueOf("email")).trim();
  if (!EMAIL.test(email)) return;
  methods.identify(email);
  const details = {};
  for (const name of "firstName lastName phoneNumber".split(" ")) details[name] = valueOf(name);
  const subscribed = option("subscribed");
  // An unchecked box does not unsubscribe. Radio buttons are ignored, because which one means yes is unknown.
  const isChecked = (field) => field.checked && field.type !== "radio";
  details.subscribed = subscribed === !!subscribed ? subscribed : findFields(form, subscribed).some(isChecked) || undefined;
  if (Object.values(details).join("")) methods.customerDetails(details);
  if (options.tags) methods.applyTags(options.tags);
  if (options.customEvent) methods.customEvent(options.customEvent);
  return true;
};

/** The selector may match the form or a container of it. Of several that match, the first with an address counts: one submit is one event. */
const onSubmit = (event) => {
  const path = event.composedPath();
  const isIn = (selector) => path.some((node) => node === selector || tryCall(() => member(node, "matches").call(node, selector)));
  integrated.some(([options, methods]) => tryCall(() => isIn(options.formSelector) && identifyBy(path[0], options, methods)));
};

/** Listens for submits in a document or shadow tree; a browser ignores the second registration. */
const listenIn = (root) => listen("submit", onSubmit, root);

/** A submit does not leave its shadow tree, but the click or the key before it does. A form's button may have a shadow tree of its own. */
const onAction = (event) => tryCall(() => event.composedPath().forEach((node) => node.nodeType > 8 && listenIn(node)));

/** Calls `methods` of the facade once for each submit of a form that `options.formSelector`, a selector or an element, matches by then. */
export const integrateForm = (options, methods) =>
  tryCall(() => {
    integrated.push([options, methods]);
    listenIn(document);
    listen("click", onAction);
    listen("keydown", onAction);
  });
