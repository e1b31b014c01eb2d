// The reports page: queries the metrics API and shows the responses as tables and charts.
//
// Each widget loads and fails independently of the others. Responses to queries with earlier filters are discarded.

import { fetchSession } from '/reports/api.js';
import { drawChart, removeChart } from '/reports/chart.js';
import { applicable, FILTERS, OTHERS } from '/reports/columns.js';
import { createError } from '/reports/error.js';
import { addressWithoutFilters, describe, describeBriefly, describeMissing, describeProblem, fillMenus, initialize, isMarketChosen, loadCurrencies, onChange, selectedFilters, whenReached } from '/reports/filter-form.js';
import { foldOnPhones } from '/reports/fold.js';
import { formatChange, formatCount, formatDay, formatDuration, formatMoney, formatShare } from '/reports/format.js';
import { part, showLinks } from '/reports/parts.js';
import { configure, isoDate, longestPeriod, parseDay, timeZone } from '/reports/period.js';
import { loadSummary } from '/reports/summary.js';
import { createTable, download, element, toCsv } from '/reports/table.js';

const main = document.getElementById('widgets');
const about = document.getElementById('about');
const summarySection = element('section', { id: 'summary', className: 'tiles', ariaLabel: 'Summary' });
const FIRST_TOUCH = 'In this part, channel, source and campaign are those of the first visit of the person.';
const SOURCE_FILTERS = ['channel', 'source', 'campaign'];
let requestNo = 0;
let menus = null; // a promise, once the menus are being filled
const failed = new Set(); // functions, each of which loads again what failed

foldOnPhones(document.getElementById('fold'));
showLinks(document.getElementById('parts'));
main.append(summarySection, ...part.widgets.map(createSection));
start();

async function start() {
  try {
    const session = await fetchSession();
    configure(session);
    document.getElementById('project').textContent = session.project;
    document.getElementById('zone').textContent = timeZone;
    initialize(await loadCurrencies());
    // Tables and files name the market.
    if (isMarketChosen()) await showMenus();
  } catch (error) {
    return showPageError(error);
  }
  onChange(load);
  await load();
}

/** Fills the menus once; after an error again with the next figures. */
function showMenus() {
  menus ??= fillMenus().catch((error) => {
    menus = null;
    throw error;
  });
  return menus;
}

/** Loads again all that failed: what made one part fail, most often made others fail too. */
function retry() {
  const loads = [...failed];
  failed.clear();
  return Promise.all(loads.map((load) => load()));
}

/** Returns a box with the text of the error, and a button that loads again all that failed, `load` among them. */
function createFailure(error, load) {
  failed.add(load);
  return createError(error, retry);
}

/** Fills the menus; the widgets show the error. */
function fillMenusOrRetry() {
  return showMenus().catch(() => failed.add(fillMenusOrRetry));
}

/** Shows one error instead of all widgets. */
function showPageError(error) {
  summarySection.replaceChildren(createError(error, () => location.reload()));
  part.widgets.forEach(({ id }) => (document.getElementById(id).hidden = true));
  main.setAttribute('aria-busy', 'false');
}

/** Returns the filters of the form with the touch that this part means by a source; null if the period is not valid. */
function currentFilters() {
  const filters = selectedFilters();
  return filters && { ...filters, touch: part.touch };
}

async function load() {
  const filters = currentFilters();
  requestNo += 1;
  failed.clear();
  const ownRequestNo = requestNo;
  // Figures of an earlier period would contradict the form.
  main.hidden = !filters;
  if (!filters) return showProblem();
  about.textContent = describe(filters);
  document.getElementById('chosen').textContent = describeBriefly(filters);
  showLinks(document.getElementById('parts'));
  showClear(filters);
  main.setAttribute('aria-busy', 'true');
  const shown = Promise.all([showMissing(filters, ownRequestNo), showSummary(filters, ownRequestNo), ...part.widgets.map((widget) => showWidget(widget, filters, ownRequestNo))]);
  // The figures come first.
  Promise.race([shown, whenReached()]).then(fillMenusOrRetry);
  await shown;
  if (ownRequestNo === requestNo) main.setAttribute('aria-busy', 'false');
}

/** Shows what is wrong with the period, and no figures. */
function showProblem() {
  about.textContent = describeProblem();
  main.setAttribute('aria-busy', 'false');
}

/** Shows the link that clears the filters, if any is chosen. */
function showClear(filters) {
  const clear = document.getElementById('clear');
  const address = addressWithoutFilters(filters);
  clear.hidden = !address;
  clear.href = address;
}

/** Adds to the description which orders are in no amount. */
async function showMissing(filters, ownRequestNo) {
  try {
    const missing = await describeMissing(filters);
    if (ownRequestNo === requestNo) about.textContent = [describe(filters), missing].filter(Boolean).join(' ');
  } catch {
    // The widgets show the error.
    if (ownRequestNo === requestNo) failed.add(() => showMissing(filters, ownRequestNo));
  }
}

function createSection({ id, title, note, isWide }) {
  const head = element('div', { className: 'head' }, element('h2', { id: `${id}-title`, textContent: title }), element('div', { className: 'actions' }));
  const body = element('div', { className: 'body' });
  const section = element('section', { id, className: isWide ? 'widget wide' : 'widget' }, head, body);
  section.setAttribute('aria-labelledby', `${id}-title`);
  section.append(element('p', { className: 'note', textContent: note ?? '' }), element('p', { className: 'note unused' }));
  return section;
}

async function showWidget(widget, chosenFilters, ownRequestNo) {
  const filters = applicable({ ...chosenFilters, ...(widget.isAsOfToday && longestPeriod()) }, widget.uses);
  const section = document.getElementById(widget.id);
  const body = section.querySelector('.body');
  section.dataset.state = 'loading';
  section.querySelector('.unused').textContent = describeUnused({ uses: widget.uses }, chosenFilters);
  try {
    const data = await widget.load(filters);
    if (ownRequestNo !== requestNo) return;
    clearSection(section);
    if (isEmpty(widget, data)) {
      body.append(element('p', { className: 'nothing', textContent: emptyText(widget, filters) }));
      section.dataset.state = 'empty';
      return;
    }
    section.querySelector('.actions').append(createCsvButton(widget, data, filters));
    await showData(body, `${widget.title}, ${describe(filters)}`, data);
    section.dataset.state = 'shown';
  } catch (error) {
    if (ownRequestNo !== requestNo) return;
    clearSection(section);
    body.append(createFailure(error, () => showWidget(widget, chosenFilters, ownRequestNo)));
    section.dataset.state = 'failed';
  }
}

/** Returns whether there is nothing to show. A widget with a text for that shows it instead of a single row of all others. */
function isEmpty({ nothing }, { rows }) {
  return !rows.some(([label, ...cells]) => cells.some(Boolean) && !(nothing && label === OTHERS));
}

/** An empty widget names the remedy. */
function emptyText({ nothing }, filters) {
  if (FILTERS.some((name) => filters[name])) return 'No data with these filters. Choose other filters or a longer period.';
  return nothing ?? 'No data in this period. Choose a longer period, or look at the live view whether events arrive.';
}

/** Names the chosen filters that do not apply to a widget or a figure. */
function describeUnused({ title, uses }, filters) {
  const unused = FILTERS.filter((name) => filters[name] && !uses.includes(name));
  return unused.length ? `${title ? `${title}: not` : 'Not'} filtered by ${unused.join(' and ')}.` : '';
}

function clearSection(section) {
  section.querySelectorAll('.chart').forEach(removeChart);
  section.querySelector('.body').replaceChildren();
  section.querySelector('.actions').replaceChildren();
}

/** Shows the table; if the data has a chart, shows the chart with the table below, collapsed unless the chart cannot be drawn. */
async function showData(body, caption, data) {
  const table = element('div', { className: 'scroller' }, createTable({ ...data, caption }));
  if (!data.chart) return body.append(table);
  const container = element('div', { className: 'chart', role: 'img', ariaLabel: `${caption} The table below has the same numbers.` });
  const details = element('details', {}, element('summary', { textContent: 'Table' }), table);
  body.append(container, details);
  if (await drawChart(container, data)) return;
  container.remove();
  details.open = true;
}

function createCsvButton({ id, title }, data, { from, to }) {
  const button = element('button', { type: 'button', className: 'csv', textContent: 'CSV', ariaLabel: `Download ${title} as CSV`, title: `Download ${title} as CSV` });
  button.addEventListener('click', () => download(`tillroll-${id}-${isoDate(from)}-${isoDate(to)}.csv`, toCsv(data)));
  return button;
}

async function showSummary(filters, ownRequestNo) {
  try {
    const data = await loadSummary(part.name, filters);
    if (ownRequestNo !== requestNo) return;
    const actions = element('div', { className: 'actions' }, createCsvButton({ id: 'summary', title: 'Summary' }, data, filters));
    const { date_from: from, date_to: to } = data.previousDates;
    const compared = `Changes compare with ${[from, to].map((time) => formatDay(parseDay(time.slice(0, 10)))).join(' to ')}.`;
    const unused = data.figures.map((figure) => describeUnused(figure, filters));
    const ofFirstTouch = part.touch === 'first' && SOURCE_FILTERS.some((name) => filters[name]) ? FIRST_TOUCH : '';
    const note = element('p', { className: 'note', textContent: [compared, ofFirstTouch, ...unused].filter(Boolean).join(' ') });
    summarySection.replaceChildren(
      element('dl', {}, ...data.rows.map((row, at) => createTile(row, data.figures[at].kind, data.previousDates, filters.currency))),
      element('div', { className: 'foot' }, note, actions));
  } catch (error) {
    if (ownRequestNo === requestNo) summarySection.replaceChildren(createFailure(error, () => showSummary(filters, ownRequestNo)));
  }
}

function createTile([title, now, previous], kind, { date_from, date_to }, currency) {
  const format = { count: formatCount, money: (number) => formatMoney(number, currency), share: formatShare, seconds: formatDuration }[kind];
  const tooltip = `${format(previous)} from ${date_from.slice(0, 10)} to ${date_to.slice(0, 10)}`;
  const change = element('dd', { className: 'change', textContent: formatChange(now, previous), title: tooltip });
  return element('div', {}, element('dt', { textContent: title }), element('dd', { textContent: format(now) }), change);
}
