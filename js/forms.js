// A form of the shop whose submit tells who the visitor is. It reads the fields it was told of and no others, and never holds the submit
// up: the calls are recorded in the submit itself and survive the navigation.

import { quietly } from "./quiet.js";

const ADDRESS = /^\s*[^\s@]+@[^\s@]+\s*$/;

/** Returns the form's fields of that name: a name attribute, or a selector as old documents had it. */
const fields = (form, name) => {
  if (!name) return [];
  const named = [...form.elements].filter((element) => element.name === String(name));
  return named.length ? named : quietly(() => [...form.querySelectorAll(name)]) || [];
};

const written = (form, name) => (fields(form, name).find((field) => field.value) || {}).value;

/** A box that is not ticked says nothing: nobody is unsubscribed by it. */
const ticked = (form, name) => (typeof name === "boolean" ? name : fields(form, name).some((field) => field.checked) || undefined);

const submitted = (form, options, facade) => {
  const option = (name) => (options[name] === undefined ? options[name + "Selector"] : options[name]);
  const email = written(form, option("email"));
  if (!ADDRESS.test(email || "")) return;
  facade.identify(email);
  const details = {
    firstName: written(form, option("firstName")),
    lastName: written(form, option("lastName")),
    phoneNumber: written(form, option("phoneNumber")),
    subscribed: ticked(form, option("subscribed")),
  };
  if (Object.values(details).some((value) => value !== undefined)) facade.customerDetails(details);
  if (options.tags) facade.applyTags(options.tags);
  if (options.customEvent) facade.customEvent(options.customEvent);
};

const integrated = new WeakSet();

/** Listens to the form of `options.formSelector`, once; a form that is not there is nobody's fault. */
export const integrateForm = (options, facade) =>
  quietly(() => {
    const form = document.querySelector(options.formSelector);
    if (!form || integrated.has(form)) return;
    integrated.add(form);
    // What was found may be a box around the form itself.
    form.addEventListener("submit", (event) => quietly(submitted, event.target, options, facade), true);
  });
