// The connection to /live/events, which reconnects after every failure.
//
// EventSource reconnects by itself after a broken connection, but not after a response other than 200 (such as one of a proxy during a restart,
// or after a change of the password). Then this module opens a new one, with exponential backoff.

const STREAM_URL = '/live/events?last=200';
const INITIAL_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Connects and calls the functions of `handlers`: `hello`, `stored` and `rejected` with the parsed data, and `state` with 'connecting', 'live' or
 * 'lost' and a text to show.
 */
export function connect(handlers) {
  let failures = 0;

  function open() {
    handlers.state('connecting', failures ? 'Reconnecting' : 'Connecting');
    const source = new EventSource(STREAM_URL);
    for (const name of ['hello', 'stored', 'rejected']) {
      source.addEventListener(name, (message) => handleMessage(message.data, handlers[name]));
    }
    source.addEventListener('open', () => {
      failures = 0;
      handlers.state('live', 'Live');
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) handlers.state('lost', 'Disconnected, reconnecting');
      else retry();
    });
  }

  function retry() {
    failures += 1;
    const delayMs = Math.min(INITIAL_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS);
    handlers.state('lost', `Connection refused, retrying in ${delayMs / 1_000} s`);
    setTimeout(open, delayMs);
  }

  open();
}

function handleMessage(text, handle) {
  let data;
  try {
    data = JSON.parse(text);
  } catch (error) {
    console.warn('the live stream sent invalid JSON', error, text);
    return;
  }
  handle(data);
}
