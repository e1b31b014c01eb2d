// Which events are shown: by type, by visitor, or only what was rejected.
//
// The choice lives here in memory. It never goes into the address, since an e-mail may be in it.

const select = document.getElementById('type');
const visitor = document.getElementById('visitor');
const rejected = document.getElementById('rejected');
const chips = document.getElementById('chips');

const known = new Set();
const types = new Set(); // empty: all
let onlyRejected = false;
let changed = () => {};

/** Calls `action()` after each change of the choice. */
export function onChange(action) {
  changed = action;
}

/** True when the entry is to be shown. */
export function matches(entry) {
  const wanted = visitor.value.trim().toLowerCase();
  return (!onlyRejected || entry.rejected)
    && (types.size === 0 || types.has(entry.type))
    && (!wanted || [entry.visitor, entry.email].some((name) => name?.toLowerCase().includes(wanted)));
}

/** True when anything is filtered at all. */
export function active() {
  return onlyRejected || types.size > 0 || visitor.value.trim() !== '';
}

/** Offers a type that came in, in the order of the alphabet. */
export function offer(type) {
  if (known.has(type)) return;
  known.add(type);
  const option = new Option(type, type);
  const after = [...select.options].slice(1).find((other) => other.value > type);
  select.add(option, after ?? null);
}

/** Shows one visitor: by e-mail where it is known, since later events may carry nothing else. */
export function onlyVisitor(entry) {
  visitor.value = entry.email ?? entry.visitor ?? '';
  changed();
}

/** Shows everything again. */
export function reset() {
  types.clear();
  visitor.value = '';
  onlyRejected = false;
  showChoice();
  changed();
}

select.addEventListener('change', () => {
  types.add(select.value);
  showChoice();
  changed();
});

visitor.addEventListener('input', () => changed());

rejected.addEventListener('click', () => {
  onlyRejected = !onlyRejected;
  showChoice();
  changed();
});

function showChoice() {
  rejected.setAttribute('aria-pressed', String(onlyRejected));
  select.options[0].textContent = types.size ? 'Add a type' : 'All types';
  select.selectedIndex = 0;
  chips.replaceChildren(...[...types].map(chip));
}

function chip(type) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = `${type} ×`;
  button.setAttribute('aria-label', `No longer show ${type}`);
  button.addEventListener('click', () => {
    types.delete(type);
    showChoice();
    changed();
    select.focus();
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}
