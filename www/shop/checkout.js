// The checkout page: contact, delivery, and the order.

const form = document.getElementById('checkout-form');
const email = document.getElementById('email');

document.getElementById('lines').append(...cart.lines().map(summaryLine));
document.getElementById('total').textContent = money(cart.total());
if (cart.count() === 0) document.getElementById('lines').append(el('li', {}, 'Your cart is empty.'));

// Tracking: the start of a checkout.
if (window.metrilo) {
  window.metrilo.checkout();
}

// Tracking: identify the visitor as soon as the e-mail is complete, so that an abandoned cart has a customer.
email.addEventListener('change', () => {
  if (window.metrilo && email.value && email.checkValidity()) {
    window.metrilo.identify(email.value);
  }
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  trackDetails();
  shopStorage.write('shop_order', { number: orderNumber(), lines: cart.lines(), total: cart.total() });
  cart.clear();
  location.assign('thank-you.html');
});

/** Tracking: the customer's details, without empty fields. */
function trackDetails() {
  const fields = { firstName: 'first-name', lastName: 'last-name', phoneNumber: 'phone' };
  const filled = Object.entries(fields)
    .map(([name, id]) => [name, document.getElementById(id).value.trim()])
    .filter(([, value]) => value);
  if (window.metrilo && filled.length) {
    window.metrilo.customerDetails(Object.fromEntries(filled));
  }
}

/** Returns an order number, derived from the clock. */
function orderNumber() {
  return String(Date.now()).slice(-9);
}
