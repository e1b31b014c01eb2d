// The filters of the live view: by type, by visitor, or rejections only.
//
// The filters are in memory only. They are never in the URL, because they may contain an e-mail.

const select = document.getElementById('type');
const visitor = document.getElementById('visitor');
const rejected = document.getElementById('rejected');
const chips = document.getElementById('chips');

const offeredTypes = new Set();
const selectedTypes = new Set(); // empty: all
let rejectedOnly = false;
let notifyChange = () => {};

/** Calls `handler()` after each change of the filters. */
export function onChange(handler) {
  notifyChange = handler;
}

/** Returns whether the entry passes the filters. */
export function matches(entry) {
  const needle = visitor.value.trim().toLowerCase();
  return (!rejectedOnly || entry.rejected)
    && (selectedTypes.size === 0 || selectedTypes.has(entry.type))
    && (!needle || [entry.visitor, entry.email].some((name) => name?.toLowerCase().includes(needle)));
}

/** Returns whether any filter is set. */
export function isActive() {
  return rejectedOnly || selectedTypes.size > 0 || visitor.value.trim() !== '';
}

/** Adds an event type to the type filter, in alphabetical order. */
export function offerType(type) {
  if (offeredTypes.has(type)) return;
  offeredTypes.add(type);
  const option = new Option(type, type);
  const next = [...select.options].slice(1).find((other) => other.value > type);
  select.add(option, next ?? null);
}

/** Filters by the entry's visitor: by e-mail if the entry has one, because later events may have only that in common. */
export function filterByVisitor(entry) {
  visitor.value = entry.email ?? entry.visitor ?? '';
  notifyChange();
}

/** Removes all filters. */
export function reset() {
  selectedTypes.clear();
  visitor.value = '';
  rejectedOnly = false;
  render();
  notifyChange();
}

select.addEventListener('change', () => {
  selectedTypes.add(select.value);
  render();
  notifyChange();
});

visitor.addEventListener('input', () => notifyChange());

rejected.addEventListener('click', () => {
  rejectedOnly = !rejectedOnly;
  render();
  notifyChange();
});

function render() {
  rejected.setAttribute('aria-pressed', String(rejectedOnly));
  select.options[0].textContent = selectedTypes.size ? 'Add a type' : 'All types';
  select.selectedIndex = 0;
  chips.replaceChildren(...[...selectedTypes].map(chip));
}

function chip(type) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = `${type} ×`;
  button.setAttribute('aria-label', `Remove the filter ${type}`);
  button.addEventListener('click', () => {
    selectedTypes.delete(type);
    render();
    notifyChange();
    select.focus();
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}
