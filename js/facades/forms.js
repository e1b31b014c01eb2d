// Identifies the visitor when a form of the shop is submitted. It reads only the configured fields and never delays the submit: the calls are
// recorded synchronously and survive the navigation.

import { tryCall } from "../safe.js";

/**
 * Matches an e-mail address, with blanks around it or not. A copy of the rule in protocol/src/email.rs, without its limit of length,
 * because the core may not have loaded when a form is submitted; tests/compat/shared-rules/email-addresses.json tests both. If the core
 * ignored the address, it would assign the form's other fields to the previous visitor.
 */
export const EMAIL = /^[\0- \x7f]*[^\0- @<>,;"\x7f]+@[^\0- @<>,;".\x7f]+(\.[^\0- @<>,;".\x7f]+)*[\0- \x7f]*$/;

/** Returns the fields with that `name` attribute; if there are none, those that match it as a selector, as old documentation has it. */
const findFields = (form, name) => {
  // `name` may be a number. An empty `name` matches no field, although unnamed fields have an empty name too.
  const named = [...form.elements].filter((element) => element.name == name && name);
  return named.length ? named : tryCall(() => [...form.querySelectorAll(name)]) || [];
};

const valueOf = (form, name) => (findFields(form, name).find((field) => field.value) || {}).value;

/**
 * Returns `true` if a checkbox is checked, else undefined: an unchecked box does not unsubscribe. Radio buttons are ignored, because which one
 * means yes is unknown. A boolean `name` is the value itself.
 */
const isChecked = (form, name) =>
  typeof name === "boolean" ? name : findFields(form, name).some((field) => field.checked && field.type !== "radio") || undefined;

/** The last submit event that was handled: a form may be integrated twice, and be inside a container that is integrated too. */
let lastEvent;

const onSubmit = (event, options, metrilo) => {
  // Not `currentTarget`: the selector may match a container of the form.
  const form = event.target;
  const option = (name) => options[options[name] === undefined ? name + "Selector" : name];
  const email = valueOf(form, option("email"));
  if (!EMAIL.test(email) || event === lastEvent) return;
  lastEvent = event;
  metrilo.identify(email);
  const details = {
    firstName: valueOf(form, option("firstName")),
    lastName: valueOf(form, option("lastName")),
    phoneNumber: valueOf(form, option("phoneNumber")),
    subscribed: isChecked(form, option("subscribed")),
  };
  if (Object.values(details).some((value) => value !== undefined)) metrilo.customerDetails(details);
  if (options.tags) metrilo.applyTags(options.tags);
  if (options.customEvent) metrilo.customEvent(options.customEvent);
};

/** Listens for submits of the forms that `options.formSelector` matches now, and calls the functions of `metrilo` once for each submit. */
export const integrateForm = (options, metrilo) =>
  tryCall(() => {
    const listener = (event) => tryCall(onSubmit, event, options, metrilo);
    document.querySelectorAll(options.formSelector).forEach((form) => form.addEventListener("submit", listener, true));
  });
