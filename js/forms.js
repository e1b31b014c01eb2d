// A form of the shop whose submit tells who the visitor is. It reads the fields it was told of and no others, and never holds the submit
// up: the calls are recorded in the submit itself and survive the navigation.

import { quietly } from "./quiet.js";

/** What the core takes for an address, see protocol/src/email.rs: what it refuses must not leave the rest of the form to somebody else. */
const ADDRESS = /^\s*[^\s@<>,;"]+@[^\s@<>,;".]+(\.[^\s@<>,;".]+)*\s*$/;

/** Returns the form's fields of that name: a name attribute, or a selector as old documents had it. */
const fields = (form, name) => {
  // A field without a name is nobody's, and a name may be given as a number.
  const named = [...form.elements].filter((element) => element.name == name && name);
  return named.length ? named : quietly(() => [...form.querySelectorAll(name)]) || [];
};

const written = (form, name) => (fields(form, name).find((field) => field.value) || {}).value;

/** A box that is not ticked says nothing: nobody is unsubscribed by it. Of a choice of yes and no nobody knows which it is. */
const ticked = (form, name) =>
  typeof name === "boolean" ? name : fields(form, name).some((field) => field.checked && field.type !== "radio") || undefined;

/** The submit that was told last: a form may be integrated twice, and stand in a box that is. */
let told;

const submitted = (event, options, facade) => {
  // What was found may be a box around the form itself.
  const form = event.target;
  const option = (name) => options[options[name] === undefined ? name + "Selector" : name];
  const email = written(form, option("email"));
  if (!ADDRESS.test(email) || event === told) return;
  told = event;
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

/** Listens to the forms of `options.formSelector`; one that is not there is nobody's fault. A submit is told once. */
export const integrateForm = (options, facade) =>
  quietly(() => {
    const hear = (event) => quietly(submitted, event, options, facade);
    document.querySelectorAll(options.formSelector).forEach((form) => form.addEventListener("submit", hear, true));
  });
