// Questions to the metrics API, and the token that they carry.
//
// The token comes from this page's own address, where the browser says who looks; it ends soon, and is asked for again then.

const TYPE = 'application/vnd.api+json';

let token = null; // a promise of the answer with the token

/** What went wrong, in words for people. */
export class Failure extends Error {}

const WORDS = {
  401: 'You are not signed in any more. Load the page again.',
  404: 'This collector has no metrics API.',
  501: 'This collector was built without its analytics engine, so there is nothing to ask.',
  503: 'The collector cannot answer at the moment.',
};

async function grant() {
  const response = await reach('/reports/token', { method: 'POST' });
  if (!response.ok) throw new Failure(WORDS[response.status] ?? `The collector gave no token (${response.status}).`);
  return response.json();
}

async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Failure('The collector cannot be reached.');
  }
}

/** Whose reports these are, and how many days a question may cover. */
export async function introduction() {
  token ??= grant();
  return token;
}

/** Asks `resource`/`kind`; returns the answer's `data`. */
export async function ask(resource, kind, query, filter, again = true) {
  token ??= grant();
  let access;
  try {
    access = (await token).access_token;
  } catch (error) {
    token = null;
    throw error;
  }
  const headers = { accept: 'application/vnd.api.v1+json', 'content-type': TYPE, authorization: `Bearer ${access}` };
  const body = JSON.stringify({ [kind]: query, filter });
  const response = await reach(`/metrics/${resource}/${kind}`, { method: 'POST', headers, body });
  if (response.status === 401 && again) {
    token = null;
    return ask(resource, kind, query, filter, false);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer.data;
  throw new Failure(WORDS[response.status] ?? `The collector answered ${response.status}${answer?.error?.title ? `: ${answer.error.title}` : ''}.`);
}
