// Tables of numbers, and their export as CSV.
//
// A table is one value: `columns` of `{ title, kind, currency? }` and `rows` of cells. The visible table, its bars and the CSV file are all
// derived from it, so they cannot differ.

import { OTHERS } from '/reports/columns.js';
import { formatCount, formatDate, formatInterval, formatMoney, formatRatio, formatShare } from '/reports/format.js';
import { isoDate } from '/reports/period.js';

/** How long the browser may take to start the download. */
const URL_LIFETIME_MS = 10_000;

const FORMATTERS = {
  text: (cell) => cell,
  count: (cell) => formatCount(cell),
  money: (cell, { currency }) => formatMoney(cell, currency),
  ratio: (cell) => formatRatio(cell),
  share: (cell) => formatShare(cell),
  interval: (cell, { length }) => formatInterval(cell, length),
  amount: ({ value, currency }) => formatMoney(value, currency),
  date: (cell) => formatDate(cell),
};

/** Creates an element with properties and children. */
export const element = (name, properties = {}, ...children) => {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
};

/** Returns the title of a column with the currency of its amounts. */
const titleWithCurrency = ({ title, currency }) => (currency ? `${title} (${currency})` : title);

/** Returns the headings of the visible table: with currencies if there are several. */
const headings = (columns) => {
  const currencies = new Set(columns.map(({ currency }) => currency).filter(Boolean));
  return columns.map((column) => (currencies.size > 1 ? titleWithCurrency(column) : column.title));
};

/** Returns a label, as a link: to the address of the column, or to this page with a further filter, if the column has one. */
const createLabel = (text, { filter, addressOf }) => {
  if (addressOf) return element('a', { href: addressOf(text), textContent: text });
  if (!filter || text === OTHERS) return text;
  const params = new URLSearchParams(location.search);
  params.set(filter, text);
  return element('a', { href: `?${params}`, textContent: text, title: `Show the reports for ${filter} ${text}` });
};

const isEmpty = (cell) => cell === null || cell === undefined;
const formatCell = (cell, column) => (isEmpty(cell) ? '–' : FORMATTERS[column.kind](cell, column));

/** Creates the table element. Cells of the column with the index `barColumn` have a bar in proportion to their number, except that of all others. */
export const createTable = ({ columns, rows, caption, barColumn }) => {
  const hasBar = (row) => row[0] !== OTHERS;
  const maximum = Math.max(...rows.filter(hasBar).map((row) => row[barColumn] ?? 0), 0);
  const titles = headings(columns);
  const head = columns.map((column, at) =>
    element('th', { scope: 'col', className: at === barColumn ? `${column.kind} barred` : column.kind, textContent: titles[at] }));
  const body = rows.map((row) => {
    const cells = row.map((cell, at) => {
      const text = formatCell(cell, columns[at]);
      if (at === 0) return element('th', { scope: 'row', className: columns[at].kind }, createLabel(text, columns[at]));
      const td = element('td', { className: columns[at].kind }, element('span', { textContent: text }));
      if (at === barColumn) {
        td.classList.add('barred');
        if (hasBar(row)) {
          const bar = element('span', { className: 'bar', ariaHidden: 'true' });
          bar.style.width = `${maximum ? (100 * (cell ?? 0)) / maximum : 0}%`;
          td.append(bar);
        }
      }
      return td;
    });
    return element('tr', {}, ...cells);
  });
  return element('table', {}, element('caption', { textContent: caption }), element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
};

/** Returns the table as CSV (RFC 4180). Texts that spreadsheets would evaluate as formulas get a leading apostrophe. */
export const toCsv = ({ columns, rows }) => {
  const escapeFormula = (cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const toField = (cell, column) => {
    if (isEmpty(cell)) return '';
    if (column.kind === 'interval') return isoDate(cell);
    if (column.kind === 'amount') return quote(`${cell.value} ${cell.currency ?? ''}`.trim());
    return typeof cell === 'number' ? String(cell) : quote(escapeFormula(String(cell)));
  };
  const titles = columns.map((column) => quote(escapeFormula(titleWithCurrency(column))));
  const lines = [titles, ...rows.map((row) => row.map((cell, at) => toField(cell, columns[at])))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
};

/** Downloads a CSV text as a file. The byte order mark makes spreadsheets read it as UTF-8. */
export const download = (name, text) => {
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), URL_LIFETIME_MS);
};
