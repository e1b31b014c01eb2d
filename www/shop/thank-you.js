// The thank-you page: the placed order.

const order = shopStorage.read('shop_order');

if (order?.lines?.length) {
  document.getElementById('order-text').textContent = `We have received your order ${order.number}. A real shop would now send a confirmation by e-mail.`;
  document.getElementById('lines').append(...order.lines.filter((line) => catalogue.product(line.id)).map(summaryLine));
  document.getElementById('total').textContent = money(order.total);
  document.getElementById('order').hidden = false;
}

// Tracking: a page view, and the order, because this shop has no back end. The server of a real shop sends its orders itself, signed.
if (window.metrilo) {
  window.metrilo.viewPage(location.href, { name: 'Thank you' });
  if (order?.lines?.length) {
    const items = order.lines.map(({ id, quantity }) => ({ id, quantity, name: catalogue.product(id)?.name, price: catalogue.product(id)?.price }));
    window.metrilo.event('order', { order_id: order.number, amount: order.total / 100, currency: 'EUR', items });
  }
}
