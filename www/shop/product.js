// The product page, product.html?id=2: the product, its sizes, and the form that adds it to the cart.

const product = catalogue.product(parameter('id'));
const notice = document.getElementById('added');

if (product) {
  showProduct();
  document.getElementById('buy').addEventListener('submit', addToCart);
} else {
  document.getElementById('product').replaceChildren(el('h1', {}, 'Product not found'));
  showProducts(document.getElementById('more'), catalogue.productsIn('1'));
}

// Tracking: a view of the product.
if (window.metrilo && product) {
  window.metrilo.viewProduct(product.id);
}

function addToCart(event) {
  event.preventDefault();
  const size = event.target.elements.size?.value ?? '';
  const quantity = Number(document.getElementById('quantity').value);
  cart.add(product.id, size, quantity);
  showNotice(size, quantity);

  // Tracking: the added quantity.
  if (window.metrilo) {
    window.metrilo.addToCart(product.id, quantity);
  }
}

function showProduct() {
  const category = catalogue.category(product.category);
  document.title = `${product.name} · Awesome Clothing Co.`;
  document.getElementById('crumb').textContent = category.name;
  document.getElementById('crumb').href = `category.html?id=${category.id}`;
  document.getElementById('picture').append(picture(product));
  document.getElementById('name').textContent = product.name;
  document.getElementById('price').append(money(cents(product.price)), el('small', {}, `${product.colour} · VAT included`));
  document.getElementById('text').textContent = product.text;
  document.getElementById('details').append(...product.details.map((detail) => el('li', {}, detail)));
  showSizes(product.sizes ?? []);
  const others = catalogue.products.filter((other) => other.id !== product.id);
  const from = others.findIndex((other) => other.category === product.category);
  showProducts(document.getElementById('more'), [...others.slice(from, from + 2), ...others.slice((from + 8) % 12, (from + 8) % 12 + 2)]);
}

function showSizes(sizes) {
  document.getElementById('sizes').hidden = sizes.length === 0;
  document.getElementById('sizes').append(...sizes.map((size, at) =>
    el('label', {}, el('input', { type: 'radio', name: 'size', value: size, checked: at === Math.min(1, sizes.length - 1) }), el('span', {}, size))));
}

/** Shows what was added, with links to the cart and the checkout. It follows the button, so Tab moves the focus to it. */
function showNotice(size, quantity) {
  const close = el('button', { type: 'button', className: 'close', 'aria-label': 'Close' }, '×');
  close.addEventListener('click', () => {
    notice.replaceChildren();
    document.getElementById('add-to-cart').focus();
  });
  notice.replaceChildren(
    picture(product),
    el('p', {}, el('b', {}, 'Added to your cart'), el('span', {}, [product.name, size, quantity > 1 && `× ${quantity}`].filter(Boolean).join(' · '))),
    close,
    el('p', { className: 'actions' },
      el('a', { id: 'notice-checkout', className: 'button', href: 'checkout.html' }, 'Check out'),
      el('a', { id: 'notice-cart', className: 'button secondary', href: 'cart.html' }, 'View cart')));
}
