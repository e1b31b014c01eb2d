// The calls of the shop. They are the same whether the visitor has decided or not.

metrilo.viewPage(location.href, { name: document.title });
document.querySelector("#product").addEventListener("click", () => metrilo.viewProduct("312"));
