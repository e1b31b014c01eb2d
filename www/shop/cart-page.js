// The cart page: change quantities, remove lines, go on to the checkout.
//
// Looking at the cart is no event of its own. A change is reported as the difference.

const lines = document.getElementById('lines');

show();
document.addEventListener('cart-change', show);

function change(line, quantity) {
  cart.set(line.id, line.size, quantity);
  const name = catalogue.product(line.id).name;
  document.getElementById('said').textContent = quantity ? `${name}: ${quantity} in the cart` : `${name} removed`;

  // Tracking: only the difference went in or out.
  const difference = quantity - line.quantity;
  if (window.metrilo && difference > 0) {
    window.metrilo.addToCart(line.id, difference);
  }
  if (window.metrilo && difference < 0) {
    window.metrilo.removeFromCart(line.id, -difference);
  }
}

function show() {
  const focused = document.activeElement?.id;
  const all = cart.lines();
  document.getElementById('full').hidden = all.length === 0;
  document.getElementById('empty').hidden = all.length > 0;
  document.getElementById('pieces').textContent = cart.count() === 1 ? '1 piece' : `${cart.count()} pieces`;
  document.getElementById('subtotal').textContent = money(cart.total());
  document.getElementById('total').textContent = money(cart.total());
  lines.replaceChildren(...all.map(lineOf));
  if (focused) document.getElementById(focused)?.focus(); // the line was drawn anew under the shopper's finger
}

function lineOf(line) {
  const product = catalogue.product(line.id);
  const key = `${line.id}-${line.size}`.replace(/\W+/g, '-');
  return el('li', { className: 'cart-line' },
    picture(product),
    el('div', { className: 'cart-line-text' },
      el('a', { href: `product.html?id=${encodeURIComponent(product.id)}` }, product.name),
      el('small', {}, [product.colour, line.size].filter(Boolean).join(' · '))),
    el('div', { className: 'stepper', role: 'group', 'aria-label': `Quantity of ${product.name}` },
      press(`less-${key}`, '−', `One ${product.name} less`, () => change(line, line.quantity - 1)),
      el('output', {}, String(line.quantity)),
      press(`more-${key}`, '+', `One ${product.name} more`, () => change(line, line.quantity + 1))),
    el('span', { className: 'cart-line-price' }, money(cents(product.price) * line.quantity)),
    press(`remove-${key}`, 'Remove', `Remove ${product.name}`, () => change(line, 0)));
}

function press(id, text, label, action) {
  const button = el('button', { id, type: 'button', className: id.split('-')[0], 'aria-label': label }, text);
  button.addEventListener('click', action);
  return button;
}
