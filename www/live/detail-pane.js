// The pane with the details of one entry: its main fields, the complete JSON, and a button that copies the JSON.

import { formatDelay, formatReason, formatTime, formatUtc } from '/live/format.js';

const COPY_FEEDBACK_MS = 1_500;

const pane = document.getElementById('detail');
const title = document.getElementById('detail-title');
const reason = document.getElementById('reason');
const fields = document.getElementById('fields');
const json = document.getElementById('json');
const copyButton = document.getElementById('copy');

let shown = null;

/** Returns the shown entry, or null. */
export function shownEntry() {
  return shown;
}

/** Opens an entry and focuses the pane. `filterByVisitor(entry)` is called when the user wants to see only its visitor. */
export function show(entry, filterByVisitor) {
  fill(entry, filterByVisitor);
  pane.hidden = false;
  pane.scrollTop = 0;
  title.focus({ preventScroll: true });
}

/** Updates the pane if it shows this entry, after the entry's e-mail changed. The focus does not move. */
export function refresh(entry, filterByVisitor) {
  if (entry === shown) fill(entry, filterByVisitor);
}

export function hide() {
  shown = null;
  pane.hidden = true;
}

/** Calls `handler()` when the user closes the pane, by its button or by Escape. */
export function onClose(handler) {
  document.getElementById('close').addEventListener('click', handler);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && shown) handler();
  });
}

copyButton.addEventListener('click', async () => {
  copyButton.textContent = (await copyText(json.textContent)) ? 'Copied' : 'Press Ctrl+C';
  setTimeout(() => (copyButton.textContent = 'Copy'), COPY_FEEDBACK_MS);
});

function fill(entry, filterByVisitor) {
  const { raw } = entry;
  shown = entry;
  title.textContent = entry.rejected ? `Rejected: ${entry.type}` : entry.type;
  reason.hidden = !entry.rejected;
  reason.textContent = formatReason(raw);
  const delay = formatDelay(entry);
  fields.replaceChildren(
    ...field('Time', `${formatTime(entry.time)} (${formatUtc(entry.time)})`),
    ...field('Received', raw.received_at && `${formatTime(raw.received_at)}${delay ? `, ${delay}` : ''}`),
    ...field('Visitor', entry.visitor),
    ...field('E-mail', entry.email),
    ...field('Session', raw.session_id),
    ...field('Page', raw.page?.url),
    ...field('Referrer', raw.page?.referrer),
    ...field('API', raw.api));
  if (entry.visitor || entry.email) fields.append(filterButton(entry, filterByVisitor));
  json.textContent = JSON.stringify(entry.rejected ? raw : { ...raw, email: entry.email }, null, 2);
}

/** Returns the elements of a name and a value; none if the value is empty. */
function field(name, value) {
  if (value == null || value === '') return [];
  const dt = document.createElement('dt');
  const dd = document.createElement('dd');
  dt.textContent = name;
  dd.textContent = value;
  return [dt, dd];
}

function filterButton(entry, filterByVisitor) {
  const dd = document.createElement('dd');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Show only this visitor';
  button.addEventListener('click', () => filterByVisitor(entry));
  dd.append(button);
  return dd;
}

/** Copies the text and returns true. Without clipboard access (plain HTTP on another host) selects it and returns false. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(json);
    return false;
  }
}
