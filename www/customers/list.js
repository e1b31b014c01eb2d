// The list of customers: filters, sorted pages, and CSV. The filters stand in the address.

import { ApiError, fetchSession } from '/reports/api.js';
import { foldOnPhones } from '/reports/fold.js';
import { formatCount, formatDate, formatMoney, formatSegment } from '/reports/format.js';
import { configure, describeLongest, isShortened } from '/reports/period.js';
import { download, element, toCsv } from '/reports/table.js';
import { personPath } from '/customers/person-api.js';
import { formatSource } from '/customers/describe.js';
import { addressWithoutFilters, COLUMNS, describeBriefly, describeInvalid, fillSources, loadAll, loadPage, readAddress, writeAddress } from '/customers/list-query.js';

const form = document.getElementById('filters');
const main = document.getElementById('list');
const about = document.getElementById('about');
const rows = document.getElementById('rows');
const more = document.getElementById('more');
const csv = document.getElementById('csv');
let requestNo = 0;

start();

async function start() {
  foldOnPhones(document.getElementById('fold'));
  readAddress(form);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () => {
    writeAddress(form);
    load();
  });
  csv.addEventListener('click', saveCsv);
  try {
    const session = await fetchSession();
    configure(session);
    document.getElementById('project').textContent = session.project;
    await fillSources(form);
  } catch (error) {
    return showError(error);
  }
  await load();
}

/** Loads the first page. */
async function load() {
  requestNo += 1;
  const ownRequestNo = requestNo;
  showClear();
  if (!form.reportValidity()) return showNothing(describeInvalid(form));
  document.getElementById('chosen').textContent = describeBriefly(form);
  main.setAttribute('aria-busy', 'true');
  try {
    const page = await loadPage(form, null);
    if (ownRequestNo !== requestNo) return;
    showPage(page);
  } catch (error) {
    if (ownRequestNo === requestNo) showError(error);
  }
}

/** Shows the link that clears the filters, if any is chosen. */
function showClear() {
  const clear = document.getElementById('clear');
  clear.href = addressWithoutFilters();
  clear.hidden = addressWithoutFilters() === (location.search || location.pathname);
}

/** Shows a text instead of the list. */
function showNothing(text) {
  about.textContent = text;
  rows.replaceChildren();
  [csv.hidden, more.hidden] = [true, true];
  main.setAttribute('aria-busy', 'false');
}

function showPage({ records, count, cursor }) {
  csv.hidden = !records.length;
  about.textContent = describeCount(count);
  if (records.length) {
    const body = element('tbody', {}, ...records.map(createRow));
    const head = element('tr', {}, ...COLUMNS.map(({ title, kind }) => element('th', { scope: 'col', className: kind, textContent: title })));
    const table = element('table', {}, element('caption', { textContent: 'Customers' }), element('thead', {}, head), body);
    rows.replaceChildren(element('div', { className: 'scroller' }, table));
    connectMore(body, cursor);
  } else {
    more.hidden = true;
    rows.replaceChildren(createNothing());
  }
  main.setAttribute('aria-busy', 'false');
}

/** Returns the number of customers; names the period that a query covers if the operator shortened it. */
function describeCount(count) {
  const period = isShortened() ? ` seen within the last ${describeLongest()}` : '';
  return count === 1 ? `One customer${period}.` : `${formatCount(count)} customers${period}.`;
}

/** An empty list names the remedy: loosen the filters, or let customers identify themselves. */
function createNothing() {
  if (!location.search) {
    return element('p', { className: 'nothing', textContent: 'No customers yet. A visitor becomes a customer when a page identifies them by their e-mail address, or when an order names it.' });
  }
  const button = element('button', { type: 'button', textContent: 'Clear the filters' });
  button.addEventListener('click', () => {
    form.reset();
    writeAddress(form);
    load();
  });
  return element('div', { className: 'nothing' }, element('p', { textContent: 'No customer matches these filters.' }), button);
}

function connectMore(body, cursor) {
  const ownRequestNo = requestNo;
  more.hidden = !cursor;
  more.onclick = async () => {
    more.disabled = true;
    try {
      const page = await loadPage(form, cursor);
      if (ownRequestNo !== requestNo) return;
      body.append(...page.records.map(createRow));
      cursor = page.cursor;
      more.hidden = !cursor;
    } catch (error) {
      about.textContent = error.message;
    } finally {
      more.disabled = false;
    }
  };
}

/** A cell; phones show its title before the text. */
const cell = (title, kind, ...content) => {
  const td = element('td', { className: kind }, ...content);
  td.dataset.title = title;
  return td;
};
const money = (amount, currency) => (typeof amount === 'number' ? formatMoney(amount, currency) : '–');
const date = (title, time) => cell(title, 'day', time ? formatDate(time) : '–');

function createRow(customer) {
  const name = [customer.first_name, customer.last_name].filter(Boolean).join(' ');
  const link = element('a', { href: personPath(customer.email), textContent: customer.email });
  const tags = (customer.tags ?? []).map((tag) => element('span', { className: 'pill', textContent: tag }));
  return element('tr', {},
    element('th', { scope: 'row' }, link, element('span', { className: 'person-name', textContent: name })),
    cell('Tags', 'tag-cell', ...tags),
    cell('Orders', 'count', formatCount(customer.orders_count ?? 0)), cell('Revenue', 'money', money(customer.revenue, customer.currency_code)), cell('Visits', 'count', formatCount(customer.visits_count ?? 0)),
    date('Last seen', customer.last_seen_at), date('Last order', customer.last_order_at),
    cell('Open cart', 'money', money(customer.cart_amount, customer.cart_currency_code)),
    cell('First channel', 'text', formatSource(customer.first_source)), cell('Segment', 'text', customer.segment ? formatSegment(customer.segment) : '–'));
}

async function saveCsv() {
  csv.disabled = true;
  try {
    const table = await loadAll(form, (count) => (about.textContent = `Loading: ${formatCount(count)} customers.`));
    download('tillroll-customers.csv', toCsv(table));
    const isWhole = table.rows.length === table.count;
    about.textContent = isWhole ? describeCount(table.count) : `The file has ${formatCount(table.rows.length)} of ${describeCount(table.count).toLowerCase()} Some changed while it was loaded. Download it again.`;
  } catch (error) {
    about.textContent = error.message;
  } finally {
    csv.disabled = false;
  }
}

function showError(error) {
  const button = element('button', { type: 'button', textContent: 'Try again' });
  button.addEventListener('click', () => location.reload());
  const text = error instanceof ApiError ? error.message : `An error occurred: ${error.message}`;
  const box = element('div', { className: 'error' }, element('p', { textContent: text }), button);
  box.setAttribute('role', 'alert');
  rows.replaceChildren(box);
  about.textContent = '';
  main.setAttribute('aria-busy', 'false');
}
