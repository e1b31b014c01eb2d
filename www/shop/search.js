// The search page, search.html?q=wool.

const asked = new URLSearchParams(location.search).has('q');
const query = parameter('q').trim();
const found = catalogue.find(query);

if (query) {
  document.title = `${query} · Awesome Clothing Co.`;
  document.getElementById('title').textContent = `“${query}”`;
  document.getElementById('found').textContent = found.length === 1 ? 'One piece found.' : `${found.length || 'No'} pieces found.`;
} else {
  document.getElementById('found').textContent = 'Type a word in the search box, “wool” for instance. Until then, here is everything.';
}
showProducts(document.getElementById('products'), query ? found : catalogue.products);

// Tracking: what the shopper looked for, as typed.
if (window.metrilo && asked) {
  window.metrilo.search(parameter('q'), location.href);
}
