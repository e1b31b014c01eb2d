// The timeline of a person: visits with their events, and orders and returns, newest first, by days.
//
// Everything that senders wrote is set as text, never as markup. A visit arrives before its events, so each event finds the list of its visit.

import { element } from '/reports/table.js';
import { formatMoney, locales } from '/reports/format.js';
import { createTimeFormat } from '/reports/period.js';
import { count, describeDuration, describeEvent, describeSource, pathOf } from '/customers/describe.js';

/** How many events of a visit are shown at first. */
const MAX_SHOWN_EVENTS = 8;

const dayFormat = createTimeFormat(locales, { weekday: 'short', day: 'numeric', month: 'long', year: 'numeric' });
const timeFormat = createTimeFormat(locales, { hour: '2-digit', minute: '2-digit' });

const wholeFormat = createTimeFormat(locales, { dateStyle: 'medium', timeStyle: 'long' });

const timeOf = (time) => element('time', { dateTime: new Date(time).toISOString(), textContent: timeFormat().format(time), title: wholeFormat().format(time) });

/** Creates the whole event as JSON when the user opens it. */
const createEvent = ({ time, event }, names) => {
  const what = describeEvent(event, names);
  const path = event.page?.url ? pathOf(event.page.url) : '';
  const details = element('details', {}, element('summary', {}, timeOf(time), element('span', { className: 'what', textContent: what })));
  details.addEventListener('toggle', () => details.append(element('pre', { tabIndex: 0, textContent: JSON.stringify(event, null, 2) })), { once: true });
  if (path && !what.endsWith(` ${path}`)) details.firstElementChild.append(element('span', { className: 'page', textContent: path }));
  if (event.bot) details.firstElementChild.append(element('span', { className: 'badge', textContent: 'bot' }));
  return element('li', { className: `event ${event.type}` }, details);
};

const createVisit = ({ time, visit, source, device }) => {
  const facts = [describeDuration(visit.duration_seconds), count(visit.events_count, 'event'), [device?.type, device?.browser, device?.system].filter((part) => part && part !== 'other').join(', ')];
  return element('li', { className: 'visit' },
    element('p', { className: 'visit-head' },
      timeOf(time), element('b', { textContent: describeSource(source) }),
      element('span', { className: 'facts', textContent: facts.filter(Boolean).join(' · ') })),
    element('ol', { className: 'events' }));
};

const createOrder = ({ time, order }) => {
  const amount = typeof order.amount === 'number' ? formatMoney(order.amount, order.currency) : order.amount;
  const facts = [amount, order.status, order.products?.length ? count(order.products.length, 'product') : '', order.coupons?.length ? `coupon ${order.coupons.join(', ')}` : ''];
  return element('li', { className: 'order' },
    element('p', {}, timeOf(time), element('b', { textContent: `Order ${order.id}` }), element('span', { className: 'facts', textContent: facts.filter((fact) => fact !== undefined && fact !== '').join(' · ') })));
};

const createReturn = ({ time, return: record }) =>
  element('li', { className: 'return' },
    element('p', {}, timeOf(time), element('b', { textContent: `Return of the order ${record.order_id ?? ''}` }), element('span', { className: 'facts', textContent: record.status ?? '' })));

const CREATORS = { event: createEvent, visit: createVisit, order: createOrder, return: createReturn };

/** Adds an event to a visit. The events beyond the first ones of a long visit are hidden until the user asks for them. */
const addToVisit = (list, item, visit) => {
  list.append(item);
  if (list.childElementCount <= MAX_SHOWN_EVENTS) return;
  if (!list.nextElementSibling) {
    const more = element('button', { type: 'button', className: 'all', textContent: `Show all ${visit.events_count} events` });
    more.addEventListener('click', () => {
      list.classList.add('whole');
      more.hidden = true;
    });
    list.after(more);
  }
};

/** A timeline in the element `body`. `names` has the names of products by their ids. */
export const createTimeline = (body, names) => {
  const visits = new Map(); // session id → the visit and the list of its events
  let lastDay = '';
  let list = null;
  const listOfDay = (time) => {
    const day = dayFormat().format(time);
    if (day !== lastDay) {
      list = element('ol', { className: 'entries' });
      body.append(element('h3', { textContent: day }), list);
      lastDay = day;
    }
    return list;
  };
  /** Adds entries, which are older than those before. */
  return (entries) => {
    for (const entry of entries) {
      const item = CREATORS[entry.kind]?.(entry, names);
      if (!item) continue;
      const own = entry.kind === 'event' && !entry.event.bot ? visits.get(entry.event.session_id) : null;
      if (own) addToVisit(own.list, item, own.visit);
      else listOfDay(entry.time).append(item);
      if (entry.kind === 'visit') visits.set(entry.visit.id, { visit: entry.visit, list: item.lastElementChild });
    }
  };
};
