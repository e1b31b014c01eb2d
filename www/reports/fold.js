// The fold around the filters. On a phone they would take half of the screen, so they are closed there, and its summary names the chosen ones.

const phone = matchMedia('(max-width: 640px)');

/** Closes the `details` element on a phone and opens it on a wider screen, now and when the width changes from one to the other. */
export const foldOnPhones = (details) => {
  const apply = () => (details.open = !phone.matches);
  phone.addEventListener('change', apply);
  // A browser shows the message of an invalid field only if the field is visible.
  details.addEventListener('invalid', () => (details.open = true), true);
  apply();
  details.dataset.ready = '';
};
