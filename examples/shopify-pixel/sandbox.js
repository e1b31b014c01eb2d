// Stands in for Shopify's half in the sandboxed frame: `analytics` and `browser`, which are asynchronous, because the shop's page answers.

const subscribers = {};

window.analytics = { subscribe: (name, callback) => (subscribers[name] ??= []).push(callback) };

const request = (name) => (...args) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    parent.postMessage({ name, args }, "*", [port2]);
  });

window.browser = {
  cookie: { get: request("getCookie"), set: request("setCookie") },
  sessionStorage: { getItem: request("getItem"), setItem: request("setItem") },
};

window.addEventListener("message", ({ data }) => subscribers[data.name]?.forEach((callback) => callback(data)));
