// A product page, product.html?id=2: the product, its sizes, and the way into the cart.

const product = catalogue.product(parameter('id'));
const added = document.getElementById('added');

if (product) {
  showProduct();
  document.getElementById('buy').addEventListener('submit', addToCart);
} else {
  document.getElementById('product').replaceChildren(el('h1', {}, 'There is no such product'));
  showProducts(document.getElementById('more'), catalogue.productsIn('1'));
}

// Tracking: this product was viewed.
if (window.metrilo && product) {
  window.metrilo.viewProduct(product.id);
}

function addToCart(submit) {
  submit.preventDefault();
  const size = submit.target.elements.size?.value ?? '';
  const quantity = Number(document.getElementById('quantity').value);
  cart.add(product.id, size, quantity);
  showNotice(size, quantity);

  // Tracking: so many pieces went into the cart.
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

/** Says what went into the cart, and offers the two ways on. It stands after the button, so Tab leads into it. */
function showNotice(size, quantity) {
  const close = el('button', { type: 'button', className: 'close', 'aria-label': 'Close' }, '×');
  close.addEventListener('click', () => {
    added.replaceChildren();
    document.getElementById('add-to-cart').focus();
  });
  added.replaceChildren(
    picture(product),
    el('p', {}, el('b', {}, 'In your cart'), el('span', {}, [product.name, size, quantity > 1 && `× ${quantity}`].filter(Boolean).join(' · '))),
    close,
    el('p', { className: 'actions' },
      el('a', { id: 'notice-checkout', className: 'button', href: 'checkout.html' }, 'Check out'),
      el('a', { id: 'notice-cart', className: 'button quiet', href: 'cart.html' }, 'View cart')));
}
