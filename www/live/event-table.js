// The table of events: one row for each entry, newest first, at most `MAX_ROWS`.
//
// All values from the stream are set as text, never as HTML.

import { formatDelay, formatParams, formatTime, shortVisitorId } from '/live/format.js';

/** The largest number of rows in the page. */
export const MAX_ROWS = 1_000;

const body = document.getElementById('rows');
const rowOf = new WeakMap(); // entry → row
const entryOf = new WeakMap(); // row → entry

/** Inserts entries, newest first, at the top of the table, and removes the oldest rows beyond the limit. */
export function prepend(entries) {
  const added = entries.map(createRow);
  for (const tr of added) tr.classList.add('fresh');
  body.prepend(...added);
  while (body.rows.length > MAX_ROWS) body.lastElementChild.remove();
}

/** Shows exactly these entries, newest first. Existing rows are reused. */
export function replace(entries) {
  const shown = entries.map((entry) => rowOf.get(entry) ?? createRow(entry));
  for (const tr of shown) tr.classList.remove('fresh');
  body.replaceChildren(...shown);
}

/** Updates the row of an entry whose e-mail changed. */
export function refresh(entry) {
  const tr = rowOf.get(entry);
  if (tr) fillVisitor(tr, entry);
}

/** Returns the number of rows in the table. */
export function count() {
  return body.rows.length;
}

/** Highlights the row of the entry in the detail pane; null highlights none. */
export function highlight(entry) {
  body.querySelector('[aria-current]')?.removeAttribute('aria-current');
  if (entry) rowOf.get(entry)?.setAttribute('aria-current', 'true');
}

/** Focuses the row of an entry, if it is still in the table. */
export function focus(entry) {
  rowOf.get(entry)?.querySelector('.type')?.focus();
}

/** Calls `open(entry)` when the user selects a row, and `filterByVisitor(entry)` when the user selects its visitor. */
export function onSelect(open, filterByVisitor) {
  body.addEventListener('click', (event) => {
    const entry = entryOf.get(event.target.closest('tr'));
    if (!entry) return;
    if (event.target.closest('.visitor')) filterByVisitor(entry);
    else open(entry);
  });
  body.addEventListener('keydown', moveFocus);
}

function createRow(entry) {
  const tr = document.createElement('tr');
  tr.classList.toggle('rejected', entry.rejected);
  const delay = formatDelay(entry);
  tr.append(
    createCell('time', formatTime(entry.time), delay && createText('small', 'delay', delay)),
    createCell('type-cell', createButton('type', entry.type)),
    createCell('visitor-cell'),
    createCell('email'),
    createCell('params', entry.rejected && createText('span', 'badge', 'rejected'), formatParams(entry)));
  tr.querySelector('.type').dataset.group = entry.rejected ? '' : typeGroup(entry.type);
  rowOf.set(entry, tr);
  entryOf.set(tr, entry);
  fillVisitor(tr, entry);
  return tr;
}

function fillVisitor(tr, entry) {
  const visitor = entry.visitor && createButton('visitor', shortVisitorId(entry.visitor));
  const email = entry.email && createButton('visitor', entry.email);
  for (const button of [visitor, email].filter(Boolean)) button.title = 'Show only this visitor';
  tr.querySelector('.visitor-cell').replaceChildren(visitor || '');
  tr.querySelector('.email').replaceChildren(email || '');
}

/** The arrow keys move the focus between rows; Home moves it to the newest. */
function moveFocus(event) {
  const current = event.target.closest('tr');
  const targets = { ArrowDown: current?.nextElementSibling, ArrowUp: current?.previousElementSibling, Home: body.firstElementChild };
  const next = targets[event.key];
  if (!next) return;
  event.preventDefault();
  next.querySelector('.type').focus();
}

/** Returns the group of an event type; types of a group have the same colour. */
function typeGroup(type) {
  if (/^(land|.*_view|search)$/.test(type)) return 'view';
  if (/^basket_/.test(type)) return 'basket';
  if (/^(checkout|order)/.test(type)) return 'order';
  if (/^(identify|customer_details|tag)$/.test(type)) return 'customer';
  return 'other';
}

function createCell(className, ...content) {
  const td = document.createElement('td');
  td.className = className;
  td.append(...content.filter(Boolean));
  return td;
}

function createText(tag, className, content) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
}

function createButton(className, content) {
  const element = createText('button', className, content);
  element.type = 'button';
  return element;
}
