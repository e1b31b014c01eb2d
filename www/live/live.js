// The live view: every event as it is stored, and every rejection with its reason.
//
// The stream fills the log; the table shows the newest of it that the filters let through. What comes in is drawn once
// a frame, so that a burst costs one layout.

import * as detail from '/live/detail.js';
import * as filters from '/live/filters.js';
import { Log } from '/live/log.js';
import * as rows from '/live/rows.js';
import { listen } from '/live/stream.js';

const log = new Log();
const counts = { stored: 0, rejected: 0 };
let waiting = []; // entries to draw with the next frame, oldest first
let stale = false; // the table is to be drawn anew with the next frame
let heldBack = 0; // entries that came while paused
let paused = false;
let frame = 0;

listen({
  hello: ({ project }) => put('project', project ?? ''),
  state: showState,
  stored: (event) => take('stored', log.addStored(event)),
  rejected: (rejection) => take('rejected', log.addRejected(rejection)),
});

rows.onChoice(open, filters.onlyVisitor);
filters.onChange(redrawSoon);
detail.onClose(close);
document.getElementById('pause').addEventListener('click', () => pause(!paused));
document.getElementById('clear').addEventListener('click', clear);
document.getElementById('all').addEventListener('click', filters.reset);

function take(kind, added) {
  if (!added) return; // shown before, sent again after a reconnect
  counts[kind] += 1;
  filters.offer(added.entry.type);
  for (const entry of added.changed) {
    rows.refresh(entry);
    detail.refresh(entry, filters.onlyVisitor);
  }
  if (paused) heldBack += 1;
  else if (filters.matches(added.entry)) waiting.push(added.entry);
  if (waiting.length > rows.LIMIT) waiting.shift(); // a hidden tab draws no frames
  stale ||= !paused && added.changed.length > 0 && filters.active(); // an e-mail just learnt may match the filter
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  if (stale) return redraw();
  if (waiting.length) rows.prepend(waiting.reverse());
  waiting = [];
  showCounts();
}

/** Typing in the filter is answered once a frame. */
function redrawSoon() {
  stale = true;
  frame ||= requestAnimationFrame(draw);
}

/** Draws the table anew from the log, which also brings what was held back. */
function redraw() {
  waiting = [];
  stale = false;
  heldBack = 0;
  rows.replace(log.newest(rows.LIMIT, filters.matches));
  rows.mark(detail.current());
  showCounts();
}

function showCounts() {
  put('stored', counts.stored);
  put('rejected-count', counts.rejected);
  document.getElementById('rejected').classList.toggle('some', counts.rejected > 0);
  put('shown', filters.active() ? `${rows.count()} shown` : '');
  document.getElementById('all').hidden = !filters.active();
  put('pause', paused ? `Resume${heldBack ? ` (${heldBack} new)` : ''}` : 'Pause');
  put('nothing', filters.active() && counts.stored + counts.rejected ? 'Nothing here matches the filter.' : 'Waiting for the next event.');
  document.getElementById('nothing').hidden = rows.count() > 0;
}

function pause(on) {
  paused = on;
  document.getElementById('pause').setAttribute('aria-pressed', String(on));
  document.body.classList.toggle('paused', on);
  if (on) showCounts();
  else redraw();
}

function clear() {
  log.clear();
  close();
  redraw();
}

function open(entry) {
  detail.show(entry, filters.onlyVisitor);
  rows.mark(entry);
}

function close() {
  const entry = detail.current();
  detail.hide();
  rows.mark(null);
  if (entry) rows.focus(entry);
}

function showState(state, words) {
  const shown = document.getElementById('state');
  shown.dataset.state = state;
  shown.textContent = words;
}

function put(id, text) {
  document.getElementById(id).textContent = text;
}
