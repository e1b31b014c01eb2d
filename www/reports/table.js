// Numbers as a table, and the same numbers as a file.
//
// A figure's numbers are one value: `columns` of `{ title, kind, currency? }` and `rows` of cells. Texts that people see, bars and CSV all
// follow from it, so that they cannot differ.

import * as words from '/reports/words.js';

const SHOWN = {
  text: (cell) => cell,
  count: (cell) => words.count(cell),
  money: (cell, { currency }) => words.money(cell, currency),
  share: (cell) => words.part(cell),
  interval: (cell, { length }) => words.interval(cell, length),
};

export const element = (name, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};

const shown = (cell, column) => (cell === null || cell === undefined ? '–' : SHOWN[column.kind](cell, column));

/** The table. The column `bars` is drawn as long as its numbers are great. */
export const table = ({ columns, rows, caption, bars }) => {
  const greatest = Math.max(...rows.map((row) => row[bars] ?? 0), 0);
  const head = columns.map((column, at) => element('th', { scope: 'col', className: at === bars ? `${column.kind} barred` : column.kind, textContent: column.title }));
  const body = rows.map((row) => {
    const cells = row.map((cell, at) => {
      const text = shown(cell, columns[at]);
      if (at === 0) return element('th', { scope: 'row', className: columns[at].kind, textContent: text });
      const made = element('td', { className: columns[at].kind }, element('span', { textContent: text }));
      if (at === bars) {
        const bar = element('span', { className: 'bar', ariaHidden: 'true' });
        bar.style.width = `${greatest ? (100 * (cell ?? 0)) / greatest : 0}%`;
        made.classList.add('barred');
        made.append(bar);
      }
      return made;
    });
    return element('tr', {}, ...cells);
  });
  return element('table', {}, element('caption', { textContent: caption }), element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
};

/** RFC 4180. A text that a spreadsheet would take for a formula is kept from being one. */
export const csv = ({ columns, rows }) => {
  const text = (cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const plain = (cell, column) => {
    if (cell === null || cell === undefined) return '';
    if (column.kind === 'interval') return new Date(cell * 86_400_000).toISOString().slice(0, 10);
    return typeof cell === 'number' ? String(cell) : quoted(text(String(cell)));
  };
  const titles = columns.map(({ title, currency }) => quoted(text(currency ? `${title} (${currency})` : title)));
  const lines = [titles, ...rows.map((row) => row.map((cell, at) => plain(cell, columns[at])))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
};

/** Gives a text to the browser's downloads. The mark at its head tells spreadsheets that it is UTF-8. */
export const download = (name, text) => {
  const address = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  element('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};
