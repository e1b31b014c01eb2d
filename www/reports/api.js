// Client of the metrics API, with its access token.
//
// The token comes from `/reports/token`, where the browser authenticates the user. It expires soon, and is then requested again.

const CONTENT_TYPE = 'application/vnd.api+json';
const ACCEPT = 'application/vnd.api.v1+json';

let session = null; // a promise of the token response

/** An error with a message for the user, and the response's status if there was a response. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const MESSAGES = {
  401: 'Your session has expired. Reload the page.',
  404: 'This collector has no metrics API.',
  501: 'This collector was built without its analytics engine.',
};

const describe = (status, title) => {
  const what = status === 503 ? 'The collector cannot answer now' : `The collector responded with status ${status}`;
  return `${what}${title ? `: ${title}` : ''}.`;
};

async function requestToken() {
  const response = await send('/reports/token', { method: 'POST' });
  if (!response.ok) throw new ApiError(MESSAGES[response.status] ?? `The collector returned no token (${response.status}).`);
  return response.json();
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new ApiError('The collector cannot be reached.');
  }
}

/** Returns the token response: the project's name, and the largest number of days that one query may cover. */
export async function fetchSession() {
  session ??= requestToken();
  return session;
}

const inFlight = new Map(); // text of a query → promise of its data

/** Sends a query of `resource`/`kind`; returns the response's `data`. Throws `ApiError`. Widgets that ask the same at the same time share a request. */
export const query = (resource, kind, parameters, filter) => {
  const key = JSON.stringify([resource, kind, parameters, filter]);
  const sent = inFlight.get(key) ?? sendQuery(resource, kind, parameters, filter).then(({ data }) => data).finally(() => inFlight.delete(key));
  inFlight.set(key, sent);
  return sent;
};

/** Sends a search; returns a page of records, the number of all records that match, and the cursor of the next page or null. */
export const search = async (resource, parameters, filter) => {
  const { data, meta } = await sendQuery(resource, 'search', parameters, filter);
  return { records: data, count: meta.pagination.record_count, cursor: meta.pagination.cursor };
};

async function sendQuery(resource, kind, parameters, filter, canRetry = true) {
  session ??= requestToken();
  let token;
  try {
    token = (await session).access_token;
  } catch (error) {
    session = null;
    throw error;
  }
  const headers = { accept: ACCEPT, 'content-type': CONTENT_TYPE, authorization: `Bearer ${token}` };
  const body = JSON.stringify({ [kind]: parameters, filter });
  const response = await send(`/metrics/${resource}/${kind}`, { method: 'POST', headers, body });
  if (response.status === 401 && canRetry) {
    session = null;
    return sendQuery(resource, kind, parameters, filter, false);
  }
  const content = await response.json().catch(() => null);
  if (response.ok && content) return content;
  const title = content?.error?.title;
  throw new ApiError(MESSAGES[response.status] ?? describe(response.status, title), response.status);
}
