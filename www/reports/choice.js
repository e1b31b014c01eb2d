// What the reader chose: period, interval, market and currency, in the form and in the page's address.
//
// The address keeps the choice, so a page that is loaded again or sent to a colleague shows the same.

import { dateOf, dayOf, FARTHEST, fitting, today } from '/reports/period.js';
import * as words from '/reports/words.js';

const form = document.getElementById('choice');
const { period, from, to, interval, market, currency } = form.elements;

const option = (value, text) => Object.assign(document.createElement('option'), { value, textContent: text });

/** Offers what there is, and takes the choice from the address. */
export const fill = ({ currencies, markets }) => {
  market.append(...markets.map(({ id, name }) => option(id, name)));
  // A shop without any order has no currency yet; nothing is shown in this one.
  const all = currencies.length ? currencies : ['EUR'];
  currency.append(...all.map((code) => option(code, code)));
  currency.closest('label').hidden = all.length < 2;
  market.closest('label').hidden = markets.length < 2;
  const asked = new URLSearchParams(location.search);
  for (const [name, field] of [['market', market], ['currency', currency], ['per', interval]]) {
    const value = asked.get(name);
    if (value && [...field.options].some((option) => option.value === value)) field.value = value;
  }
  const [first, last] = [dayOf(asked.get('from') ?? ''), dayOf(asked.get('to') ?? '')];
  if (first <= last) {
    period.value = 'own';
    dates({ from: first, to: last });
  } else if ([...period].some((radio) => radio.value === asked.get('days') && radio.value !== 'own')) {
    period.value = asked.get('days');
  }
  if (period.value !== 'own') dates(spoken());
  if (!asked.get('per')) interval.value = fitting(spoken());
  shown();
};

const dates = (days) => {
  from.value = dateOf(days.from);
  to.value = dateOf(days.to);
};

/** The period of the form; its end is today, unless it is the reader's own. */
const spoken = () => (period.value === 'own' ? { from: dayOf(from.value), to: dayOf(to.value) } : { from: today() - Number(period.value) + 1, to: today() });

const shown = () => (document.getElementById('dates').hidden = period.value !== 'own');

/** Calls `changed` whenever the choice is another one. */
export const listen = (changed) => {
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', (event) => {
    const isPeriod = event.target.name === 'period';
    if (isPeriod && period.value !== 'own') dates(spoken());
    if (isPeriod || event.target.type === 'date') interval.value = fitting(spoken());
    shown();
    if (choose()) {
      remember();
      changed();
    }
  });
};

/** The choice, or null where its dates make no period. */
export const choose = () => {
  const days = spoken();
  const fault = days.from > days.to ? 'The first day comes after the last.' : days.to - days.from >= FARTHEST ? `${FARTHEST} days are the most.` : '';
  from.setCustomValidity(fault);
  if (!(days.from <= days.to) || fault) {
    form.reportValidity();
    return null;
  }
  return { ...days, interval: interval.value, market: market.value, currency: currency.value };
};

const remember = () => {
  const asked = new URLSearchParams();
  if (period.value === 'own') {
    asked.set('from', from.value);
    asked.set('to', to.value);
  } else {
    asked.set('days', period.value);
  }
  asked.set('per', interval.value);
  if (market.value) asked.set('market', market.value);
  if (currency.options.length > 1) asked.set('currency', currency.value);
  history.replaceState(null, '', `?${asked}`);
};

/** The choice as a sentence. */
export const told = (choice) => {
  const name = choice.market ? market.selectedOptions[0].textContent : 'all markets';
  return `${words.day(choice.from)} to ${words.day(choice.to)}, ${name}, money in ${choice.currency}.`;
};
