// The kinds of columns that the widgets share.

const INTERVAL_TITLES = { day: 'Day', week: 'Week', month: 'Month', year: 'Year' };

export const intervalColumn = (length) => ({ title: INTERVAL_TITLES[length], kind: 'interval', length });
export const textColumn = (title) => ({ title, kind: 'text' });
export const countColumn = (title) => ({ title, kind: 'count' });
export const ratioColumn = (title) => ({ title, kind: 'ratio' });
export const shareColumn = (title) => ({ title, kind: 'share' });
export const moneyColumn = (title, { currency }) => ({ title, kind: 'money', currency });
