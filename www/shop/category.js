// A category page, category.html?id=1: its name and its products.

const category = catalogue.category(parameter('id'));

if (category) {
  document.title = `${category.name} · Awesome Clothing Co.`;
  document.getElementById('crumb').textContent = category.name;
  document.getElementById('name').textContent = category.name;
  document.getElementById('text').textContent = category.text;
  showProducts(document.getElementById('products'), catalogue.productsIn(category.id));
} else {
  document.getElementById('name').textContent = 'There is no such category';
}

// Tracking: this category was viewed. Ids are strings, as in the shop's database.
if (window.metrilo && category) {
  window.metrilo.viewCategory(category.id);
}
