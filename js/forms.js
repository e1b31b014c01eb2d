// A form of the shop whose submit tells who the visitor is. It reads the fields it was told of and no others, and never holds the submit
// up: the calls are recorded in the submit itself and survive the navigation.

const field = (form, name) => Array.prototype.find.call(form.elements, (element) => element.name === name);

const written = (form, name) => {
  const element = name && field(form, String(name));
  return element ? element.value : undefined;
};

const ticked = (form, name) => {
  if (typeof name === "boolean") return name;
  const element = name && field(form, String(name));
  return element && element.checked ? true : undefined;
};

const submitted = (form, options, metrilo) => {
  const email = written(form, options.email || options.emailSelector);
  if (!email || !email.includes("@")) return;
  metrilo.identify(email);
  metrilo.customerDetails({
    firstName: written(form, options.firstName || options.firstNameSelector),
    lastName: written(form, options.lastName || options.lastNameSelector),
    phoneNumber: written(form, options.phoneNumber || options.phoneNumberSelector),
    subscribed: ticked(form, options.subscribed === undefined ? options.subscribedSelector : options.subscribed),
  });
  if (options.tags) metrilo.applyTags(options.tags);
  if (options.customEvent) metrilo.customEvent(options.customEvent);
};

const integrated = new Set();

/** Listens to the form of `options.formSelector`, once; a form that is not there is nobody's fault. */
export const integrateForm = (options, metrilo) => {
  try {
    const form = document.querySelector(options.formSelector);
    if (!form || integrated.has(form)) return;
    integrated.add(form);
    form.addEventListener(
      "submit",
      () => {
        try {
          submitted(form, options, metrilo);
        } catch (e) {
          // The form is the shop's; whatever is wrong with it, its submit goes on.
        }
      },
      true,
    );
  } catch (e) {
    // No selector, or none that is one.
  }
};
