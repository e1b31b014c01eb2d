// The thank-you page: the placed order.

const order = shopStorage.read('shop_order');

if (order?.lines?.length) {
  document.getElementById('order-text').textContent = `We have received your order ${order.number}. A real shop would now send a confirmation by e-mail.`;
  document.getElementById('lines').append(...order.lines.filter((line) => catalogue.product(line.id)).map(summaryLine));
  document.getElementById('total').textContent = money(order.total);
  document.getElementById('order').hidden = false;
}

// Tracking: a page view. The shop's backend sends the order itself.
if (window.metrilo) {
  window.metrilo.viewPage(location.href, { name: 'Thank you' });
}
