// The control of `cargo xtask bench page`: the least that a durable tracker in plain JavaScript does. It stores each event in IndexedDB, the
// events of one task in one transaction, and sends them after a delay. It has no identity, no session, no retry and no consent.
(() => {
  const { collector, token } = document.currentScript.dataset;
  const opening = indexedDB.open("control", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("events");
  const queue = [];
  let store;
  let timer;
  const eventStore = () => {
    if (!store) {
      store = opening.result.transaction("events", "readwrite").objectStore("events");
      queueMicrotask(() => (store = undefined));
    }
    return store;
  };
  const send = async () => {
    const events = queue.splice(0, 50);
    await (await fetch(`${collector}/v2/batch`, { method: "POST", body: JSON.stringify({ token, sentAt: Date.now(), events }) })).text();
    events.forEach((event) => eventStore().delete(event.id));
    timer = queue.length ? setTimeout(send, 0) : undefined;
  };
  window.control = (name, data) => {
    const time = Date.now();
    const id = time.toString(16).padStart(12, "0").replace(/.{8}/, "$&-") + "-7" + crypto.randomUUID().slice(15);
    const page = { url: location.href, referrer: document.referrer, title: document.title };
    queue.push({ id, type: "custom", api: "metrilo", time, visitorId: "0".repeat(42), page, params: { name, data } });
    if (opening.readyState === "done") eventStore().put(queue.at(-1), id);
    timer ??= setTimeout(send, 500);
  };
})();
