// The erasure of a person, behind a dialog that describes it and requires the address.

import { erase, normaliseEmail } from '/customers/person-api.js';
import { count } from '/customers/describe.js';

const dialog = document.getElementById('confirm');
const { typed } = dialog.querySelector('form').elements;
const eraseNow = document.getElementById('erase-now');
const errorText = document.getElementById('erase-error');

/** Connects the button; calls `whenErased(text)` with a summary of what was erased. */
export const connectErasure = (email, whenErased) => {
  document.getElementById('confirm-email').textContent = email;
  document.getElementById('erase').addEventListener('click', () => {
    typed.value = '';
    errorText.textContent = '';
    eraseNow.disabled = true;
    dialog.showModal();
    typed.focus();
  });
  typed.addEventListener('input', () => (eraseNow.disabled = normaliseEmail(typed.value) !== email));
  // The enter key in the text field would press the first button, which cancels.
  typed.addEventListener('keydown', (event) => event.key === 'Enter' && event.preventDefault());
  eraseNow.addEventListener('click', async () => {
    eraseNow.disabled = true;
    errorText.textContent = 'Erasing. With many events this takes some seconds.';
    try {
      const erased = await erase(email);
      dialog.close();
      whenErased(`Erased: ${count(erased.events, 'event')}, ${count(erased.carts, 'cart')}; made anonymous: ${count(erased.orders, 'order')}, ${count(erased.returns, 'return')}.`);
    } catch (error) {
      errorText.textContent = `${error.message} Press the button again: a repeated erasure completes what is left.`;
      eraseNow.disabled = false;
    }
  });
};
