// The checkout: who the shopper is, where it goes, and the order.

const form = document.getElementById('checkout-form');
const email = document.getElementById('email');

document.getElementById('lines').append(...cart.lines().map(summaryLine));
document.getElementById('total').textContent = money(cart.total());
if (cart.count() === 0) document.getElementById('lines').append(el('li', {}, 'Your cart is empty.'));

// Tracking: a checkout began.
if (window.metrilo) {
  window.metrilo.checkout();
}

// Tracking: the shopper said who they are. Sent as soon as the address is whole, so that a cart left here has an owner.
email.addEventListener('change', () => {
  if (window.metrilo && email.value && email.checkValidity()) {
    window.metrilo.identify(email.value);
  }
});

form.addEventListener('submit', (submit) => {
  submit.preventDefault();
  reportDetails();
  keep.write('shop_order', { number: orderNumber(), lines: cart.lines(), total: cart.total() });
  cart.clear();
  location.assign('thank-you.html');
});

/** Tracking: what the shopper told of themselves. What was left empty is left out. */
function reportDetails() {
  const fields = { firstName: 'first-name', lastName: 'last-name', phoneNumber: 'phone' };
  const filled = Object.entries(fields)
    .map(([name, id]) => [name, document.getElementById(id).value.trim()])
    .filter(([, value]) => value);
  if (window.metrilo && filled.length) {
    window.metrilo.customerDetails(Object.fromEntries(filled));
  }
}

/** A number as a shop would give it; the clock makes it differ from the last. */
function orderNumber() {
  return String(Date.now()).slice(-9);
}
