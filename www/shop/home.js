// The home page: categories and bestsellers.

document.getElementById('categories').append(...catalogue.categories.map((category) =>
  el('li', {},
    el('a', { className: 'category', href: `category.html?id=${category.id}` },
      picture(category),
      el('span', { className: 'card-name' }, category.name)))));

showProducts(document.getElementById('bestsellers'), ['2', '10', '6', '14'].map((id) => catalogue.product(id)));

// Tracking: a view of the home page.
if (window.metrilo) {
  window.metrilo.viewPage(location.href, { name: 'Awesome homepage' });
}
