// The page of one person: figures, timeline, carts, orders, returns and tags; data download and erasure.
//
// Each part loads and fails independently of the others. The timeline and the tags come from the store, the rest from the metrics API.

import { fetchSession } from '/reports/api.js';
import { createError } from '/reports/error.js';
import { formatCount, formatDate, formatDay, formatMoney, formatSegment } from '/reports/format.js';
import { configure, describeLongest, longestPeriod, startOfDay } from '/reports/period.js';
import { createTable, element } from '/reports/table.js';
import { connectErasure } from '/customers/erasure.js';
import { formatSource } from '/customers/describe.js';
import { fetchTags, fetchTimeline, normaliseEmail, personPath, UnknownCustomer } from '/customers/person-api.js';
import { loadCarts, loadCustomer, loadFigures, loadOrders, loadProductNames, loadReturns } from '/customers/records.js';
import { showTags } from '/customers/tags.js';
import { createTimeline } from '/customers/timeline.js';

/** How many entries of the timeline are loaded at a time. */
const PAGE_ENTRIES = 100;

const RECORDS = [
  { id: 'carts', title: 'Open cart', nothing: 'No open cart.', load: loadCarts },
  { id: 'orders', title: 'Orders', nothing: 'No orders yet.', load: loadOrders },
  { id: 'returns', title: 'Returns', nothing: 'No returns.', load: loadReturns },
];

const main = document.getElementById('person');
const about = document.getElementById('about');
const email = readEmail();

start();

function readEmail() {
  const name = location.pathname.split('/')[2] ?? '';
  try {
    return normaliseEmail(decodeURIComponent(name));
  } catch {
    return normaliseEmail(name);
  }
}

async function start() {
  document.title = `${email} · Tillroll`;
  document.getElementById('email').textContent = email;
  document.getElementById('data').href = personPath(email, 'data');
  document.getElementById('side').append(...RECORDS.map(createSection));
  connectErasure(email, showGone);
  try {
    // Without a session, each part that needs one shows the error.
    const [tags] = await Promise.all([fetchTags(email), fetchSession().then(configure, () => {})]);
    showTags(email, tags, (error) => (about.textContent = error ? error.message : ''));
  } catch (error) {
    showProblem(error);
    return;
  }
  await Promise.all([showFigures(), connectTimeline(), ...RECORDS.map(showRecords)]);
  main.setAttribute('aria-busy', 'false');
}

/** Replaces the page's content by a text, after an erasure or for a person without any stored data. */
function showGone(text) {
  for (const part of document.querySelectorAll('.profile, #name')) part.hidden = true;
  about.textContent = text;
  const link = element('a', { href: '/customers', textContent: 'Back to all customers' });
  main.replaceChildren(element('section', { className: 'widget wide' }, element('p', { className: 'nothing', textContent: 'Nothing of this person is stored. If they come back, new data is stored.' }), link));
  main.setAttribute('aria-busy', 'false');
}

function showProblem(error) {
  if (error instanceof UnknownCustomer) return showGone('');
  document.querySelector('.profile').hidden = true;
  main.replaceChildren(element('section', { className: 'wide' }, createError(error, () => location.reload())));
  main.setAttribute('aria-busy', 'false');
}

function createSection({ id, title }) {
  const section = element('section', { id, className: 'widget' },
    element('div', { className: 'head' }, element('h2', { id: `${id}-title`, textContent: title })), element('div', { className: 'body' }));
  section.setAttribute('aria-labelledby', `${id}-title`);
  return section;
}

async function showRecords(part) {
  const body = document.querySelector(`#${part.id} .body`);
  try {
    const { columns, rows, count } = await part.load(email);
    const caption = `${part.title} of ${email}`;
    const content = rows.length ? element('div', { className: 'scroller' }, createTable({ columns, rows, caption })) : element('p', { className: 'nothing', textContent: part.nothing });
    body.replaceChildren(content);
    if (count > rows.length) body.append(element('p', { className: 'note', textContent: `The newest ${rows.length} of ${formatCount(count)}.` }));
  } catch (error) {
    body.replaceChildren(createError(error, () => showRecords(part)));
  }
}

const amounts = (buckets) => buckets.map(({ label, value }) => formatMoney(value, label)).join(' + ') || '–';
const dateOf = (time) => (time ? formatDate(time) : '–');

/** Returns the notes below the figures: which orders they lack, if the person has such. */
function describeMissing({ orders_count: count, first_order_at: first }) {
  if (!count) return '';
  const { from } = longestPeriod();
  const older = `Orders before ${formatDay(from)} are not in the figures and tables, which cover the last ${describeLongest()}. `;
  const cancelled = 'Cancelled orders are not in orders, revenue and average; they count in the last order and the segment.';
  return (Date.parse(first) < Date.parse(startOfDay(from)) ? older : '') + cancelled;
}

async function showFigures() {
  const section = document.getElementById('figures');
  try {
    const [figures, customer] = await Promise.all([loadFigures(email), loadCustomer(email)]);
    document.getElementById('name').textContent = [customer?.first_name, customer?.last_name].filter(Boolean).join(' ');
    const tiles = [
      ['Orders', formatCount(figures.orders)], ['Revenue', amounts(figures.revenue)], ['Average order', amounts(figures.average)],
      ['Last order', dateOf(customer?.last_order_at)], ['Returns', formatCount(figures.returns)], ['Visits', customer ? formatCount(customer.visits_count ?? 0) : '–'], ['First seen', dateOf(customer?.first_seen_at)],
      ['Last seen', dateOf(customer?.last_seen_at)], ['First channel', formatSource(customer?.first_source)],
      ['First campaign', customer?.first_source?.campaign ?? '–'], ['Segment', customer?.segment ? formatSegment(customer.segment) : '–'],
      ['Newsletter', customer?.subscribed === undefined ? 'Not asked' : customer.subscribed ? 'Subscribed' : 'Not subscribed'],
    ];
    const list = element('dl', {}, ...tiles.map(([title, value]) => element('div', {}, element('dt', { textContent: title }), element('dd', { textContent: value }))));
    section.replaceChildren(list, element('p', { className: 'note', textContent: describeMissing(customer ?? {}) }));
  } catch (error) {
    section.replaceChildren(createError(error, showFigures));
  }
}

async function connectTimeline() {
  const body = document.querySelector('#timeline .body');
  const more = document.getElementById('more');
  // Without the names, the timeline shows the ids.
  const add = createTimeline(body, await loadProductNames(email).catch(() => new Map()));
  let cursor = '';
  const load = async () => {
    more.disabled = true;
    body.querySelector('.error')?.remove();
    try {
      const entries = await fetchTimeline(email, cursor, PAGE_ENTRIES);
      add(entries);
      cursor = entries.at(-1)?.cursor ?? cursor;
      more.hidden = entries.length < PAGE_ENTRIES;
      if (!body.childElementCount) body.append(element('p', { className: 'nothing', textContent: 'No visits and no orders yet.' }));
    } catch (error) {
      body.append(createError(error, load));
      more.hidden = true;
    }
    more.disabled = false;
  };
  more.addEventListener('click', load);
  await load();
}
