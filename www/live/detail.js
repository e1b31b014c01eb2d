// The details of one event: its main fields, the whole of it as JSON, and a button that copies it.

import { clock, iso, late } from '/live/words.js';

const pane = document.getElementById('detail');
const title = document.getElementById('detail-title');
const reason = document.getElementById('reason');
const fields = document.getElementById('fields');
const json = document.getElementById('json');
const copyButton = document.getElementById('copy');

let shown = null;

/** The entry that is shown, or null. */
export function current() {
  return shown;
}

/** Opens an entry and takes the focus, so that the keyboard need not pass every row. `only(entry)` filters by its visitor. */
export function show(entry, only) {
  fill(entry, only);
  pane.hidden = false;
  pane.scrollTop = 0;
  title.focus({ preventScroll: true });
}

/** Writes the open details anew, after the entry's e-mail was learnt. The focus stays where it is. */
export function refresh(entry, only) {
  if (entry === shown) fill(entry, only);
}

export function hide() {
  shown = null;
  pane.hidden = true;
}

/** Calls `closed()` when the reader closes the pane, by its button or by Escape. */
export function onClose(closed) {
  document.getElementById('close').addEventListener('click', closed);
  document.addEventListener('keydown', (key) => {
    if (key.key === 'Escape' && shown) closed();
  });
}

copyButton.addEventListener('click', async () => {
  copyButton.textContent = (await copied(json.textContent)) ? 'Copied' : 'Press Ctrl+C';
  setTimeout(() => (copyButton.textContent = 'Copy'), 1_500);
});

function fill(entry, only) {
  const { raw } = entry;
  shown = entry;
  title.textContent = entry.rejected ? `Rejected: ${entry.type}` : entry.type;
  reason.hidden = !entry.rejected;
  reason.textContent = [raw.code, raw.message].filter(Boolean).join(': ');
  const delay = late(entry);
  fields.replaceChildren(
    ...field('Time', `${clock(entry.time)} (${iso(entry.time)})`),
    ...field('Received', raw.received_at && `${clock(raw.received_at)}${delay ? `, ${delay}` : ''}`),
    ...field('Visitor', entry.visitor),
    ...field('E-mail', entry.email),
    ...field('Session', raw.session_id),
    ...field('Page', raw.page?.url),
    ...field('Came from', raw.page?.referrer),
    ...field('Through', raw.api));
  if (entry.visitor || entry.email) fields.append(onlyButton(entry, only));
  json.textContent = JSON.stringify(entry.rejected ? raw : { ...raw, email: entry.email }, null, 2);
}

/** A name and a value, as text; nothing where there is no value. */
function field(name, value) {
  if (value == null || value === '') return [];
  const dt = document.createElement('dt');
  const dd = document.createElement('dd');
  dt.textContent = name;
  dd.textContent = value;
  return [dt, dd];
}

function onlyButton(entry, only) {
  const dd = document.createElement('dd');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Show only this visitor';
  button.addEventListener('click', () => only(entry));
  dd.append(button);
  return dd;
}

/** Copies, or where the page may not (plain http on another host), selects the text for the reader to copy. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(json);
    return false;
  }
}
