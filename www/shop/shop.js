// The theme: the elements that all pages of the shop share.
//
// <shop-header> and <shop-footer> render while the page is parsed, so the layout does not shift. Texts from data are set as text, never as HTML.

/** Creates an element. `properties` are set as properties where the element has them, else as attributes; children are nodes or strings. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Formats cents as a price. */
function money(cents) {
  return `€${(cents / 100).toFixed(2)}`;
}

/** Draws a symbol of pictures.svg in a colour. It is decorative, because the name is next to it. */
function picture({ picture: symbol, cloth }) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `pictures.svg#${symbol}`);
  svg.setAttribute('viewBox', '0 0 240 260');
  svg.setAttribute('color', cloth);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  const tile = el('span', { className: 'tile' }, svg);
  tile.style.setProperty('--cloth', cloth);
  return tile;
}

/** Creates the card of a product in a grid: a single link. */
function card(product) {
  return el('li', {},
    el('a', { className: 'card', href: `product.html?id=${encodeURIComponent(product.id)}` },
      picture(product),
      el('span', { className: 'card-name' }, product.name),
      el('span', { className: 'card-price' }, money(cents(product.price))),
      el('span', { className: 'card-colour' }, product.colour)));
}

/** Fills a grid with products. */
function showProducts(grid, products) {
  grid.replaceChildren(...products.map(card));
}

/** Creates a line of the order summary. */
function summaryLine(line) {
  const product = catalogue.product(line.id);
  return el('li', { className: 'summary-line' },
    picture(product),
    el('span', {}, product.name, el('small', {}, [line.size, `× ${line.quantity}`].filter(Boolean).join(' '))),
    el('span', {}, money(cents(product.price) * line.quantity)));
}

/** Returns a parameter of the page's URL, or ''. */
function parameter(name) {
  return new URLSearchParams(location.search).get(name) ?? '';
}

class ShopHeader extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `
      <a class="skip" href="#main">Skip to content</a>
      <aside class="demo-bar" aria-label="About this demo">This is a demo shop: nothing is sold here. <a href="/live" target="_blank">Watch its events live<span class="unseen"> (opens a new tab)</span></a></aside>
      <header class="bar wide">
        <a class="brand" href="./">
          <svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 11c-2.300 0-2.300-4.600 0-4.600 2.900 0 3 3.500.7 4.600-.5.300-.7.700-.7 1.400l10 7.400c1.700 1.300 1.100 3.600-1 3.600H7c-2.100 0-2.700-2.300-1-3.600l10-7.400"/></svg>
          <span>Awesome <b>Clothing Co.</b></span>
        </a>
        <nav aria-label="Categories"></nav>
        <form class="search" role="search" action="search.html" method="get">
          <input type="search" name="q" aria-label="Search the shop" placeholder="Search" autocomplete="off">
          <button aria-label="Search"><svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="10.500" cy="10.500" r="6"/><path d="M15 15l5 5"/></svg></button>
        </form>
        <a class="cart-link" href="cart.html">
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 8h14l1 12H4zM8.500 10V7a3.500 3.500 0 0 1 7 0v3"/></svg>
          <span class="unseen">Items in cart: </span><span class="cart-count">0</span>
        </a>
      </header>`;
    this.querySelector('nav').append(...catalogue.categories.map(categoryLink));
    this.querySelector('[name=q]').value = parameter('q');
    this.showCount();
    document.addEventListener('cart-change', () => this.showCount());
    window.addEventListener('storage', () => document.dispatchEvent(new CustomEvent('cart-change'))); // another tab
    window.addEventListener('pageshow', () => this.showCount()); // back from a page that changed the cart
  }

  showCount() {
    const badge = this.querySelector('.cart-count');
    badge.textContent = cart.count();
    badge.classList.toggle('none', cart.count() === 0);
  }
}

function categoryLink({ id, name }) {
  const link = el('a', { href: `category.html?id=${id}` }, name);
  const isCurrent = location.pathname.endsWith('/category.html') && parameter('id') === id;
  if (isCurrent) link.setAttribute('aria-current', 'page');
  return link;
}

class ShopFooter extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `
      <footer>
        <div class="wide footer-columns">
          <form id="newsletter-form" class="newsletter" action="newsletter.html" method="post">
            <h2>Newsletter, twice a month</h2>
            <p>New products, restocked favourites, and repair tips.</p>
            <div class="newsletter-fields">
              <label>First name <input name="newsletter[first_name]" autocomplete="given-name"></label>
              <label>E-mail <input type="email" name="newsletter[email]" autocomplete="email" required></label>
              <button class="button">Sign up</button>
            </div>
            <label class="tick"><input type="checkbox" name="newsletter[subscribed]" value="1"> Yes, send me the newsletter. I can unsubscribe at any time.</label>
          </form>
          <nav aria-label="Shop">
            <h2>Shop</h2>
          </nav>
          <div>
            <h2>Service</h2>
            <p>Delivery in 2 to 4 days<br>Free returns, 30 days<br>Repairs for two years</p>
          </div>
        </div>
        <p class="wide small-print">Awesome Clothing Co. is made up. Its pages show how a shop uses Tillroll.</p>
      </footer>`;
    this.querySelector('nav').append(...catalogue.categories.map(categoryLink));

    // On submit, the tracker reads the named fields of the form, and no others.
    if (window.metrilo) {
      window.metrilo.integrateForm({
        formSelector: '#newsletter-form',
        email: 'newsletter[email]',
        firstName: 'newsletter[first_name]',
        subscribed: 'newsletter[subscribed]',
        tags: ['newsletter-subscriber'],
        customEvent: 'newsletter-subscribed',
      });
    }
  }
}

customElements.define('shop-header', ShopHeader);
customElements.define('shop-footer', ShopFooter);
