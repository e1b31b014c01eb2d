// The live view: every event when it is stored, and every rejection with its reason.
//
// The stream fills the buffer; the table shows its newest entries that pass the filters. The table is updated at most once per animation
// frame, so that a burst costs one layout.

import * as detailPane from '/live/detail-pane.js';
import { EntryBuffer } from '/live/entry-buffer.js';
import { connect } from '/live/event-stream.js';
import * as table from '/live/event-table.js';
import * as filters from '/live/filters.js';

const buffer = new EntryBuffer();
const counts = { stored: 0, rejected: 0 };
let pending = []; // entries to add to the table in the next frame, oldest first
let needsRedraw = false; // the next frame redraws the complete table
let hiddenWhilePaused = 0; // entries received while paused
let isPaused = false;
let frame = 0;

connect({
  hello: ({ project }) => setText('project', project ?? ''),
  state: showState,
  stored: (event) => receive('stored', buffer.addStored(event)),
  rejected: (rejection) => receive('rejected', buffer.addRejected(rejection)),
});

table.onSelect(openEntry, filters.filterByVisitor);
filters.onChange(scheduleRedraw);
detailPane.onClose(closeEntry);
document.getElementById('pause').addEventListener('click', () => setPaused(!isPaused));
document.getElementById('clear').addEventListener('click', clear);
document.getElementById('all').addEventListener('click', filters.reset);

function receive(kind, added) {
  if (!added) return; // a duplicate, sent again after a reconnect
  counts[kind] += 1;
  filters.offerType(added.entry.type);
  for (const entry of added.changed) {
    table.refresh(entry);
    detailPane.refresh(entry, filters.filterByVisitor);
  }
  if (isPaused) hiddenWhilePaused += 1;
  else if (filters.matches(added.entry)) pending.push(added.entry);
  if (pending.length > table.MAX_ROWS) pending.shift(); // a hidden tab gets no animation frames
  needsRedraw ||= !isPaused && added.changed.length > 0 && filters.isActive(); // a new e-mail may match the filter
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  if (needsRedraw) return redraw();
  if (pending.length) table.prepend(pending.reverse());
  pending = [];
  showCounts();
}

function scheduleRedraw() {
  needsRedraw = true;
  frame ||= requestAnimationFrame(draw);
}

/** Redraws the table from the buffer, including the entries received while paused. */
function redraw() {
  pending = [];
  needsRedraw = false;
  hiddenWhilePaused = 0;
  table.replace(buffer.newest(table.MAX_ROWS, filters.matches));
  table.highlight(detailPane.shownEntry());
  showCounts();
}

function showCounts() {
  const isFiltered = filters.isActive();
  setText('stored', counts.stored);
  setText('rejected-count', counts.rejected);
  document.getElementById('rejected').classList.toggle('some', counts.rejected > 0);
  setText('shown', isFiltered ? `${table.count()} shown` : '');
  document.getElementById('all').hidden = !isFiltered;
  setText('pause', isPaused ? `Resume${hiddenWhilePaused ? ` (${hiddenWhilePaused} new)` : ''}` : 'Pause');
  setText('nothing', isFiltered && counts.stored + counts.rejected ? 'No event matches the filters.' : 'Waiting for the next event.');
  document.getElementById('nothing').hidden = table.count() > 0;
}

function setPaused(value) {
  isPaused = value;
  document.getElementById('pause').setAttribute('aria-pressed', String(value));
  document.body.classList.toggle('paused', value);
  if (value) showCounts();
  else redraw();
}

function clear() {
  buffer.clear();
  closeEntry();
  redraw();
}

function openEntry(entry) {
  detailPane.show(entry, filters.filterByVisitor);
  table.highlight(entry);
}

function closeEntry() {
  const entry = detailPane.shownEntry();
  detailPane.hide();
  table.highlight(null);
  if (entry) table.focus(entry);
}

function showState(state, text) {
  const element = document.getElementById('state');
  element.dataset.state = state;
  element.textContent = text;
}

function setText(id, text) {
  document.getElementById(id).textContent = text;
}
