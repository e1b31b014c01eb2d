// The connection to /live/events, which mends itself.
//
// EventSource tries again by itself after a broken connection, but gives up for good when an answer is not 200
// (a restart behind a proxy, a password changed). Then we make a new one, waiting longer each time.

const ADDRESS = '/live/events?last=200';
const LONGEST_WAIT_MS = 30_000;

/**
 * Listens, and tells `on` what happens: `hello`, `stored` and `rejected` with the parsed data,
 * and `state` with 'connecting', 'live' or 'lost' and a text for people.
 */
export function listen(on) {
  let failures = 0;

  function open() {
    on.state('connecting', failures ? 'Trying again' : 'Connecting');
    const source = new EventSource(ADDRESS);
    for (const name of ['hello', 'stored', 'rejected']) {
      source.addEventListener(name, (message) => parsed(message.data, on[name]));
    }
    source.addEventListener('open', () => {
      failures = 0;
      on.state('live', 'Live');
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) on.state('lost', 'Lost, trying again');
      else again();
    });
  }

  function again() {
    failures += 1;
    const wait = Math.min(1_000 * 2 ** (failures - 1), LONGEST_WAIT_MS);
    on.state('lost', `Refused, next try in ${wait / 1_000} s`);
    setTimeout(open, wait);
  }

  open();
}

function parsed(text, take) {
  let data;
  try {
    data = JSON.parse(text);
  } catch (error) {
    console.warn('the live stream sent something that is not JSON', error, text);
    return;
  }
  take(data);
}
