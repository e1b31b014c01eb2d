// The box that takes the place of a part that could not be loaded.

import { ApiError } from '/reports/api.js';
import { element } from '/reports/table.js';

/** Returns a box with the text of the error, and a button that calls `retry`. */
export const createError = (error, retry) => {
  const button = element('button', { type: 'button', textContent: 'Try again' });
  button.addEventListener('click', retry);
  const text = error instanceof ApiError ? error.message : `An error occurred: ${error.message}`;
  const box = element('div', { className: 'error' }, element('p', { textContent: text }), button);
  box.setAttribute('role', 'alert');
  return box;
};
