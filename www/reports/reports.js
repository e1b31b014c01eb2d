// The reports: what the shop earned, asked of the metrics API and shown as tables and charts.
//
// A choice of period, market and currency is made of the form; every figure loads by itself and stands for its own faults. What an earlier
// choice asked and is answered late is not shown.

import { Failure, introduction } from '/reports/api.js';
import { draw, forget } from '/reports/chart.js';
import { choose, fill, listen, told } from '/reports/choice.js';
import { FIGURES, known, summary } from '/reports/figures.js';
import { limit, today } from '/reports/period.js';
import { csv, download, element, table } from '/reports/table.js';
import * as words from '/reports/words.js';

const main = document.getElementById('figures');
let turn = 0;

const tiles = element('section', { id: 'summary', className: 'tiles', ariaLabel: 'At a glance' });
main.append(tiles, ...FIGURES.map(frame));
start();

async function start() {
  try {
    const { project, longest_days: days } = await introduction();
    document.getElementById('project').textContent = project;
    limit(days);
    fill(await known(today()));
  } catch (error) {
    return everything(error);
  }
  listen(load);
  await load();
}

/** Nothing can be asked at all. */
function everything(error) {
  tiles.replaceChildren(fault(error, () => location.reload()));
  FIGURES.forEach(({ id }) => (document.getElementById(id).hidden = true));
  main.setAttribute('aria-busy', 'false');
}

async function load() {
  const choice = choose();
  if (!choice) return;
  turn += 1;
  const mine = turn;
  document.getElementById('about').textContent = told(choice);
  main.setAttribute('aria-busy', 'true');
  await Promise.all([glance(choice, mine), ...FIGURES.map((figure) => show(figure, choice, mine))]);
  if (mine === turn) main.setAttribute('aria-busy', 'false');
}

function frame({ id, title, note }) {
  const head = element('div', { className: 'head' }, element('h2', { id: `${id}-title`, textContent: title }), element('div', { className: 'acts' }));
  const body = element('div', { className: 'body' });
  const made = element('section', { id, className: 'figure' }, head, body);
  made.setAttribute('aria-labelledby', `${id}-title`);
  if (note) made.append(element('p', { className: 'note', textContent: note }));
  return made;
}

async function show(figure, choice, mine) {
  const section = document.getElementById(figure.id);
  const body = section.querySelector('.body');
  section.dataset.state = 'loading';
  try {
    const numbers = await figure.load(choice);
    if (mine !== turn) return;
    clear(section);
    if (!numbers.rows.some((row) => row.slice(1).some(Boolean))) {
      body.append(element('p', { className: 'nothing', textContent: 'Nothing in this period.' }));
      section.dataset.state = 'empty';
      return;
    }
    section.querySelector('.acts').append(saver(figure, numbers, choice));
    await (numbers.chart ? drawn(body, figure, numbers, choice) : body.append(scroller(table({ ...numbers, caption: caption(figure, choice) }))));
    section.dataset.state = 'shown';
  } catch (error) {
    if (mine !== turn) return;
    clear(section);
    body.append(fault(error, () => show(figure, choose(), turn)));
    section.dataset.state = 'failed';
  }
}

function clear(section) {
  section.querySelectorAll('.chart').forEach(forget);
  section.querySelector('.body').replaceChildren();
  section.querySelector('.acts').replaceChildren();
}

async function drawn(body, figure, numbers, choice) {
  const holder = element('div', { className: 'chart', role: 'img', ariaLabel: `${caption(figure, choice)} The numbers stand below as a table.` });
  const behind = element('details', {}, element('summary', { textContent: 'Numbers' }), scroller(table({ ...numbers, caption: caption(figure, choice) })));
  body.append(holder, behind);
  if (await draw(holder, numbers)) return;
  holder.remove();
  behind.open = true;
}

const scroller = (inside) => element('div', { className: 'scroller' }, inside);
const caption = ({ title }, choice) => `${title}, ${told(choice)}`;

function saver({ id, title }, numbers, { from, to }) {
  const name = `tillroll-${id}-${new Date(from * 86_400_000).toISOString().slice(0, 10)}-${new Date(to * 86_400_000).toISOString().slice(0, 10)}.csv`;
  const button = element('button', { type: 'button', className: 'csv', textContent: 'CSV', ariaLabel: `Download ${title} as CSV`, title: `${title} as CSV` });
  button.addEventListener('click', () => download(name, csv(numbers)));
  return button;
}

function fault(error, again) {
  const button = element('button', { type: 'button', textContent: 'Try again' });
  button.addEventListener('click', again);
  const text = error instanceof Failure ? error.message : `This could not be shown: ${error.message}`;
  const made = element('div', { className: 'fault' }, element('p', { textContent: text }), button);
  made.setAttribute('role', 'alert');
  return made;
}

async function glance(choice, mine) {
  try {
    const numbers = await summary(choice);
    if (mine !== turn) return;
    const { date_from, date_to } = numbers.period;
    const cards = numbers.rows.map(([title, now, then, kind]) => {
      const value = kind === 'money' ? words.money(now, choice.currency) : words.count(now);
      const before = kind === 'money' ? words.money(then, choice.currency) : words.count(then);
      const change = element('dd', { className: 'change', textContent: words.changed(now, then), title: `${before} from ${date_from.slice(0, 10)} to ${date_to.slice(0, 10)}` });
      return element('div', {}, element('dt', { textContent: title }), element('dd', { textContent: value }), change);
    });
    const rows = numbers.rows.map((row) => row.slice(0, 3));
    const acts = element('div', { className: 'acts' }, saver({ id: 'summary', title: 'At a glance' }, { ...numbers, rows }, choice));
    const note = element('p', { className: 'note', textContent: `Changes are against the ${words.count(choice.to - choice.from + 1)} days before.` });
    tiles.replaceChildren(element('dl', {}, ...cards), element('div', { className: 'foot' }, note, acts));
  } catch (error) {
    if (mine === turn) tiles.replaceChildren(fault(error, () => glance(choose(), turn)));
  }
}
