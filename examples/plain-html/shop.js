// The calls of all pages. The body of a product's page has the id of the product.

const { product } = document.body.dataset;

if (product) metrilo.viewProduct(product);
else metrilo.viewPage(location.href, { name: document.title });

document.querySelector("#add")?.addEventListener("click", () => metrilo.addToCart(product, 1));

metrilo.integrateForm({ formSelector: "#newsletter", email: "email", tags: ["Newsletter"] });
