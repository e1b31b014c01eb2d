// The thank-you page: what was ordered, once more.

const order = keep.read('shop_order');

if (order?.lines?.length) {
  document.getElementById('order-text').textContent = `Your order ${order.number} is with us. A confirmation would now be on its way, if this shop were real.`;
  document.getElementById('lines').append(...order.lines.filter((line) => catalogue.product(line.id)).map(summaryLine));
  document.getElementById('total').textContent = money(order.total);
  document.getElementById('order').hidden = false;
}

// Tracking: a plain page was viewed. The order itself is reported by the shop's back end.
if (window.metrilo) {
  window.metrilo.viewPage(location.href, { name: 'Thank you' });
}
