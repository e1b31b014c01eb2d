// Client of `/customers/{email}/…`. The browser adds the owner's credentials by itself.

import { ApiError } from '/reports/api.js';

const MESSAGES = {
  401: 'Your session has expired. Reload the page.',
  403: 'The collector refused this request because it came from another site.',
  503: 'The collector is temporarily unavailable.',
};

/** Nothing of this person is stored. */
export class UnknownCustomer extends ApiError {}

/** Returns the address in the form that the collector stores. Only ASCII letters become lower case: another spelling beyond ASCII is another person. */
export const normaliseEmail = (text) => text.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Returns the path of a person, or of something of that person. */
export const personPath = (email, part = '') => `/customers/${encodeURIComponent(email)}${part && `/${part}`}`;

const request = async (path, options = {}) => {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError('The collector cannot be reached.');
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  if (error?.code === 'unknown_customer') throw new UnknownCustomer('Nothing of this person is stored.');
  throw new ApiError(MESSAGES[response.status] ?? `The collector responded with status ${response.status}${error?.message ? `: ${error.message}` : ''}.`);
};

/** Returns up to `limit` entries of the timeline, newest first, after the cursor `before`. */
export const fetchTimeline = async (email, before, limit) => {
  const response = await request(personPath(email, `timeline?limit=${limit}&before=${before}`));
  const text = await response.text();
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
};

export const fetchTags = async (email) => (await (await request(personPath(email, 'tags'))).json()).tags;

/** Adds (`POST`) or removes (`DELETE`) tags; returns the tags that the person has then. */
export const changeTags = async (method, email, tags) => {
  const headers = { 'content-type': 'application/json' };
  const response = await request(personPath(email, 'tags'), { method, headers, body: JSON.stringify({ tags }) });
  return (await response.json()).tags;
};

/** Erases the person; returns the numbers of deleted records. */
export const erase = async (email) => (await (await request(personPath(email), { method: 'DELETE' })).json()).erased;
