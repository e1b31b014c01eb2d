// The category page, category.html?id=1: name and products of a category.

const category = catalogue.category(parameter('id'));

if (category) {
  document.title = `${category.name} · Awesome Clothing Co.`;
  document.getElementById('crumb').textContent = category.name;
  document.getElementById('name').textContent = category.name;
  document.getElementById('text').textContent = category.text;
  showProducts(document.getElementById('products'), catalogue.productsIn(category.id));
} else {
  document.getElementById('name').textContent = 'Category not found';
}

// Tracking: a view of the category. Ids are strings, as in the shop's database.
if (window.metrilo && category) {
  window.metrilo.viewCategory(category.id);
}
