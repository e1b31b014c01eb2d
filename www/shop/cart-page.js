// The cart page: change quantities, remove lines, continue to the checkout.
//
// Viewing the cart sends no event. A change of a quantity is sent as the difference.

const lineList = document.getElementById('lines');

showCart();
document.addEventListener('cart-change', showCart);

function setQuantity(line, quantity) {
  cart.set(line.id, line.size, quantity);
  const name = catalogue.product(line.id).name;
  document.getElementById('cart-status').textContent = quantity ? `${name}: ${quantity} in the cart` : `${name} removed`;

  // Tracking: send the difference.
  const difference = quantity - line.quantity;
  if (window.metrilo && difference > 0) {
    window.metrilo.addToCart(line.id, difference);
  }
  if (window.metrilo && difference < 0) {
    window.metrilo.removeFromCart(line.id, -difference);
  }
}

function showCart() {
  const focusedId = document.activeElement?.id;
  const lines = cart.lines();
  document.getElementById('full').hidden = lines.length === 0;
  document.getElementById('empty').hidden = lines.length > 0;
  document.getElementById('item-count').textContent = cart.count() === 1 ? '1 item' : `${cart.count()} items`;
  document.getElementById('subtotal').textContent = money(cart.total());
  document.getElementById('total').textContent = money(cart.total());
  lineList.replaceChildren(...lines.map(createLine));
  if (focusedId) document.getElementById(focusedId)?.focus(); // the focused button was replaced
}

function createLine(line) {
  const product = catalogue.product(line.id);
  const key = `${line.id}-${line.size}`.replace(/\W+/g, '-');
  return el('li', { className: 'cart-line' },
    picture(product),
    el('div', { className: 'cart-line-text' },
      el('a', { href: `product.html?id=${encodeURIComponent(product.id)}` }, product.name),
      el('small', {}, [product.colour, line.size].filter(Boolean).join(' · '))),
    el('div', { className: 'stepper', role: 'group', 'aria-label': `Quantity of ${product.name}` },
      createButton(`less-${key}`, '−', `One ${product.name} less`, () => setQuantity(line, line.quantity - 1)),
      el('output', {}, String(line.quantity)),
      createButton(`more-${key}`, '+', `One ${product.name} more`, () => setQuantity(line, line.quantity + 1))),
    el('span', { className: 'cart-line-price' }, money(cents(product.price) * line.quantity)),
    createButton(`remove-${key}`, 'Remove', `Remove ${product.name}`, () => setQuantity(line, 0)));
}

function createButton(id, text, label, action) {
  const button = el('button', { id, type: 'button', className: id.split('-')[0], 'aria-label': label }, text);
  button.addEventListener('click', action);
  return button;
}
