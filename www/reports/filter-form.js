// The form with the filters of the reports: period, interval, market, channel, source, campaign, device, product and currency.
//
// The URL contains the filters, so reloading or sharing it shows the same reports.

import { FILTERS } from '/reports/columns.js';
import { formatCount, formatDay } from '/reports/format.js';
import { dayCount, defaultInterval, fits, isoDate, longestPeriod, maxPeriodDays, namedPeriod, parseDay } from '/reports/period.js';
import { countRecords, placedOrders, productLines, topBuckets, topProducts } from '/reports/queries.js';
import { visits } from '/reports/tracking-queries.js';

/** The currency of a shop without orders. */
const DEFAULT_CURRENCY = 'EUR';
/** The value of the period that the user enters as dates. */
const CUSTOM = 'custom';

const form = document.getElementById('filters');
const { period, from, to, interval, market, channel, source, campaign, device, product, currency } = form.elements;

/** How many sources and campaigns the form lists. */
const MAX_SOURCES = 100;
const MAX_CURRENCIES = 30;
/** The menus whose values the shop and its links make. They are filled later, and have the commonest values only. */
const FILLED_LATER = [market, source, campaign, product];

/** The selects in the address, each with its name there. */
const SELECTS = [['market', market], ['channel', channel], ['source', source], ['campaign', campaign], ['device', device], ['product', product], ['currency', currency], ['per', interval]];

const createOption = (value, text) => Object.assign(document.createElement('option'), { value, textContent: text });
const hasOption = (select, value) => [...select.options].some((option) => option.value === value);

const labelsOf = (buckets) => buckets.map(({ label }) => label);

/** Returns the shop's currencies in the longest period that a query covers, the commonest first. */
export const loadCurrencies = async () => labelsOf(await topBuckets('orders', 'order.currency_code', placedOrders(longestPeriod()), { limit: MAX_CURRENCIES }));

/** Sets the form from the URL. */
export const initialize = (currencies) => {
  const codes = currencies.length ? currencies : [DEFAULT_CURRENCY];
  currency.append(...codes.map((code) => createOption(code, code)));
  currency.closest('label').hidden = codes.length < 2;
  readUrl(new URLSearchParams(location.search));
  showDates();
};

/** Whether the address names a market. */
export const isMarketChosen = () => Boolean(market.value);

/** Resolves once the user goes to the form. */
export const whenReached = () => new Promise((resolve) => ['pointerover', 'focusin'].forEach((type) => form.addEventListener(type, resolve, { once: true })));

/** Fills the menus with the markets, products, sources and campaigns of the longest period that a query covers, the commonest first. */
export const fillMenus = async () => {
  const longest = longestPeriod();
  const filter = placedOrders(longest);
  const breakdown = { by: 'market.name', field: 'order.id', operator: 'value_count', limit: 1 };
  const visitsBy = (by) => topBuckets('visits', by, visits(longest), { field: 'visit.id', limit: MAX_SOURCES });
  const [markets, ...names] = await Promise.all([
    topBuckets('orders', 'market.id', filter, { limit: 100, breakdown }),
    topProducts('orders', productLines(filter), { limit: 50 }),
    visitsBy('source.name'),
    visitsBy('source.campaign'),
  ]);
  const marketNames = markets.map((bucket) => [bucket.label, bucket['market.name'][0]?.label ?? bucket.label]);
  fillMenu(market, marketNames, 2);
  [product, source, campaign].forEach((select, at) => fillMenu(select, labelsOf(names[at]).map((name) => [name, name]), 1));
};

/**
 * Fills a menu with values and their texts, and disables it if it has fewer than `least`: to hide it would move the figures. The chosen value is in
 * the menu already.
 */
const fillMenu = (select, options, least) => {
  for (const [value, text] of options) {
    const option = [...select.options].find((other) => other.value === value);
    if (option) option.textContent = text;
    else select.append(createOption(value, text));
  }
  select.disabled = !select.value && select.options.length - 1 < least;
};

const readUrl = (params) => {
  for (const [name, select] of SELECTS) {
    const value = params.get(name);
    if (value && FILLED_LATER.includes(select)) select.append(createOption(value, value));
    if (value && hasOption(select, value)) select.value = value;
  }
  const [first, last] = [parseDay(params.get('from') ?? ''), parseDay(params.get('to') ?? '')];
  if (!Number.isNaN(first + last)) {
    period.value = CUSTOM;
    setDates({ from: first, to: last });
  } else if ([...period].some((radio) => radio.value === params.get('days') && radio.value !== CUSTOM)) {
    period.value = params.get('days');
  }
  disableLongPeriods();
  if (period.value !== CUSTOM) setDates(selectedPeriod());
  if (!params.get('per')) interval.value = defaultInterval(selectedPeriod());
};

/** Disables the named periods that no query covers. If the chosen one is among them, chooses the longest of the others. */
const disableLongPeriods = () => {
  const named = [...period].filter(({ value }) => value !== CUSTOM);
  for (const radio of named) {
    radio.disabled = !fits(namedPeriod(radio.value));
    radio.closest('label').title = radio.disabled ? `The longest period is ${maxPeriodDays} days.` : '';
  }
  if (!named.some(({ checked, disabled }) => checked && disabled)) return;
  const lengthOf = ({ value }) => dayCount(namedPeriod(value));
  const [longest] = named.filter(({ disabled }) => !disabled).sort((a, b) => lengthOf(b) - lengthOf(a));
  period.value = longest?.value ?? CUSTOM;
  if (!longest) setDates(longestPeriod());
};

const writeUrl = () => {
  const params = new URLSearchParams();
  const part = new URLSearchParams(location.search).get('part');
  if (part) params.set('part', part);
  if (period.value === CUSTOM) {
    params.set('from', from.value);
    params.set('to', to.value);
  } else {
    params.set('days', period.value);
  }
  for (const [name, select] of SELECTS) {
    const isChosen = select === interval || (select === currency ? currency.options.length > 1 : select.value);
    if (isChosen) params.set(name, select.value);
  }
  history.replaceState(null, '', `?${params}`);
};

const setDates = (days) => {
  from.value = isoDate(days.from);
  to.value = isoDate(days.to);
};

const showDates = () => (document.getElementById('dates').hidden = period.value !== CUSTOM);

/** Returns the period of the form. */
const selectedPeriod = () => (period.value === CUSTOM ? { from: parseDay(from.value), to: parseDay(to.value) } : namedPeriod(period.value));

/** Calls `handler()` when the user has changed the filters. */
export const onChange = (handler) => {
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', (event) => {
    const isPeriod = event.target.name === 'period';
    if (isPeriod && period.value !== CUSTOM) setDates(selectedPeriod());
    if (isPeriod || event.target.type === 'date') interval.value = defaultInterval(selectedPeriod());
    showDates();
    if (!describeProblem()) writeUrl();
    handler();
  });
};

/** Returns what is wrong with the dates, for the user; '' if they are a period that a query covers. */
export const describeProblem = () => {
  const days = selectedPeriod();
  if (Number.isNaN(dayCount(days))) return 'Choose the first and the last day.';
  if (days.from > days.to) return 'The first day is after the last day.';
  return fits(days) ? '' : `The period must not exceed ${maxPeriodDays} days.`;
};

/** Returns the filters, or null if the dates are not a valid period. */
export const selectedFilters = () => {
  const days = selectedPeriod();
  const problem = describeProblem();
  from.setCustomValidity(problem);
  if (problem) {
    form.reportValidity();
    return null;
  }
  const values = Object.fromEntries(SELECTS.map(([, select]) => [select.name, select.value]));
  return { ...days, ...values };
};

const textOf = (select) => select.selectedOptions[0].textContent;
/** Returns the chosen filters that are not the period, such as `channel Search`. */
const namesOfChosen = (filters) => [channel, source, campaign, device, product].filter((select) => filters[select.name]).map((select) => `${select.name} ${textOf(select)}`);
const describeDays = ({ from, to }) => `${formatDay(from)} to ${formatDay(to)}`;

/** Returns the filters as text for the user. */
export const describe = (filters) => {
  const marketName = filters.market ? textOf(market) : 'all markets';
  return `${[describeDays(filters), marketName, ...namesOfChosen(filters), `amounts in ${filters.currency}`].join(', ')}.`;
};

/** Returns which of the orders that match the filters are in no amount, as text for the user; '' if all are. */
export const describeMissing = async (filters) => {
  const filter = placedOrders(filters);
  const [orders, currencies] = await Promise.all([countRecords('orders', filter), topBuckets('orders', 'order.currency_code', filter, { limit: MAX_CURRENCIES })]);
  const missing = currencies.filter(({ label }) => label !== filters.currency).map(({ label, value }) => `${formatCount(value)} in ${label}`);
  const withoutCurrency = orders - currencies.reduce((sum, { value }) => sum + value, 0);
  if (withoutCurrency > 0) missing.push(`${formatCount(withoutCurrency)} without a currency (the setting --currency gives new ones theirs)`);
  return missing.length ? `Orders that are in no amount: ${missing.join(', ')}.` : '';
};

/** Returns the address without any filter but the period; '' if no filter is chosen. */
export const addressWithoutFilters = (filters) => {
  if (!FILTERS.some((name) => filters[name])) return '';
  const params = new URLSearchParams(location.search);
  FILTERS.forEach((name) => params.delete(name));
  return `?${params}`;
};

/** Returns what differs from the widest view, for the summary of the fold: `90 days, channel Search`. */
export const describeBriefly = (filters) => {
  const periodName = period.value === CUSTOM ? describeDays(filters) : form.querySelector('[name=period]:checked + span').textContent;
  return [periodName, ...(filters.market ? [textOf(market)] : []), ...namesOfChosen(filters)].join(', ');
};
