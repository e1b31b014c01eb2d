// The search page, search.html?q=wool: the matching products.

const isSearch = new URLSearchParams(location.search).has('q');
const query = parameter('q').trim();
const found = catalogue.find(query);

if (query) {
  document.title = `${query} · Awesome Clothing Co.`;
  document.getElementById('title').textContent = `“${query}”`;
  document.getElementById('found').textContent = found.length === 1 ? 'One product found.' : `${found.length || 'No'} products found.`;
} else {
  document.getElementById('found').textContent = 'Enter a word in the search box, for example “wool”. All products are shown below.';
}
showProducts(document.getElementById('products'), query ? found : catalogue.products);

// Tracking: the query as typed.
if (window.metrilo && isSearch) {
  window.metrilo.search(parameter('q'), location.href);
}
