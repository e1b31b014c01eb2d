// The table of events: an entry of the log as a row, newest on top, at most 1,000 of them.
//
// Whatever came over the wire is set as text, never as HTML.

import { clock, late, oneLine, shortVisitor } from '/live/words.js';

/** No more rows than this stand in the page. */
export const LIMIT = 1_000;

const body = document.getElementById('rows');
const rows = new WeakMap(); // entry -> its row
const entries = new WeakMap(); // row -> its entry

/** Puts entries, newest first, on top of the table, and lets the oldest rows go. */
export function prepend(newest) {
  const added = newest.map(row);
  for (const tr of added) tr.classList.add('fresh');
  body.prepend(...added);
  while (body.rows.length > LIMIT) body.lastElementChild.remove();
}

/** Shows exactly these entries, newest first. A row made before is used again. */
export function replace(newest) {
  const shown = newest.map((entry) => rows.get(entry) ?? row(entry));
  for (const tr of shown) tr.classList.remove('fresh');
  body.replaceChildren(...shown);
}

/** Writes an entry's row anew, after its e-mail was learnt. */
export function refresh(entry) {
  const old = rows.get(entry);
  if (old) showVisitor(old, entry);
}

/** The number of rows in the table. */
export function count() {
  return body.rows.length;
}

/** Marks the row of the entry whose details are open; null marks none. */
export function mark(entry) {
  body.querySelector('[aria-current]')?.removeAttribute('aria-current');
  if (entry) rows.get(entry)?.setAttribute('aria-current', 'true');
}

/** Gives the focus back to an entry's row, if it is still there. */
export function focus(entry) {
  rows.get(entry)?.querySelector('.type')?.focus();
}

/** Calls `open(entry)` when a row is chosen and `only(entry)` when its visitor is. */
export function onChoice(open, only) {
  body.addEventListener('click', (click) => {
    const chosen = entries.get(click.target.closest('tr'));
    if (!chosen) return;
    if (click.target.closest('.visitor')) only(chosen);
    else open(chosen);
  });
  body.addEventListener('keydown', moveWithArrows);
}

function row(entry) {
  const tr = document.createElement('tr');
  tr.classList.toggle('rejected', entry.rejected);
  const delay = late(entry);
  tr.append(
    cell('time', clock(entry.time), delay && text('small', 'late', delay)),
    cell('what', button('type', entry.type)),
    cell('who'),
    cell('email'),
    cell('params', entry.rejected && text('span', 'badge', 'rejected'), oneLine(entry)));
  tr.querySelector('.type').dataset.family = entry.rejected ? '' : family(entry.type);
  rows.set(entry, tr);
  entries.set(tr, entry);
  showVisitor(tr, entry);
  return tr;
}

function showVisitor(tr, entry) {
  const who = entry.visitor && button('visitor', shortVisitor(entry.visitor));
  const email = entry.email && button('visitor', entry.email);
  for (const shown of [who, email].filter(Boolean)) shown.title = 'Show only this visitor';
  tr.querySelector('.who').replaceChildren(who || '');
  tr.querySelector('.email').replaceChildren(email || '');
}

/** Arrow keys go from event to event, Home to the newest. */
function moveWithArrows(key) {
  const here = key.target.closest('tr');
  const next = { ArrowDown: here?.nextElementSibling, ArrowUp: here?.previousElementSibling, Home: body.firstElementChild }[key.key];
  if (!next) return;
  key.preventDefault();
  next.querySelector('.type').focus();
}

/** Types that belong together have one colour. */
function family(type) {
  if (/^(land|.*_view|search)$/.test(type)) return 'look';
  if (/^basket_/.test(type)) return 'basket';
  if (/^(checkout|order)/.test(type)) return 'order';
  if (/^(identify|customer_details|tag)$/.test(type)) return 'person';
  return 'other';
}

function cell(className, ...content) {
  const td = document.createElement('td');
  td.className = className;
  td.append(...content.filter(Boolean));
  return td;
}

function text(tag, className, content) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
}

function button(className, content) {
  const element = text('button', className, content);
  element.type = 'button';
  return element;
}
