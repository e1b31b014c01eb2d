// What the widgets share: the kinds of columns, and the filters that apply to each kind of records.

const INTERVAL_TITLES = { day: 'Day', week: 'Week', month: 'Month', year: 'Year' };

export const intervalColumn = (length) => ({ title: INTERVAL_TITLES[length], kind: 'interval', length });
/** A column of labels. With a filter of the form, each label is a link to the reports with this filter. */
export const textColumn = (title, filter) => ({ title, kind: 'text', filter });
/** A column of labels, each a link to the address that `addressOf` returns for it. */
export const linkColumn = (title, addressOf) => ({ title, kind: 'text', addressOf });
export const dateColumn = (title) => ({ title, kind: 'date' });
export const countColumn = (title) => ({ title, kind: 'count' });
export const ratioColumn = (title) => ({ title, kind: 'ratio' });
export const shareColumn = (title) => ({ title, kind: 'share' });
export const moneyColumn = (title, { currency }) => ({ title, kind: 'money', currency });

/** The label of the row that adds up what the others leave. */
export const OTHERS = 'Others or unknown';

const ORIGIN = ['channel', 'source', 'campaign'];

/** The filters that not every widget applies. */
export const FILTERS = ['market', ...ORIGIN, 'device', 'product'];

export const OF_ORDERS = ['market', ...ORIGIN, 'product'];
export const OF_CARTS = ['market', 'product'];
export const OF_VISITS = ['market', ...ORIGIN, 'device'];
export const OF_EVENTS = [...OF_VISITS, 'product'];
export const OF_CUSTOMERS = ORIGIN;
export const OF_RETURNS = ['market'];

/** Returns the filters without those that a widget or a figure does not apply, so that no query of it applies them either. */
export const applicable = (filters, uses) => Object.fromEntries(Object.entries(filters).filter(([name]) => !FILTERS.includes(name) || uses.includes(name)));
