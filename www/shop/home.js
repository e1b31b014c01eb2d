// The home page: the categories, and what sells best.

document.getElementById('categories').append(...catalogue.categories.map((category) =>
  el('li', {},
    el('a', { className: 'category', href: `category.html?id=${category.id}` },
      picture(category),
      el('span', { className: 'card-name' }, category.name)))));

showProducts(document.getElementById('favourites'), ['2', '10', '6', '14'].map((id) => catalogue.product(id)));

// Tracking: the home page was viewed.
if (window.metrilo) {
  window.metrilo.viewPage(location.href, { name: 'Awesome homepage' });
}
