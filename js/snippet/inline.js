// The inline snippet, for shops that load the library with `async`: it makes `metrilo` and `ometria` usable immediately, around any objects
// that the page has under these names, and records their calls: in memory, and in local storage, where the next page finds them if the
// library never loads. A record is `[key, time, url, referrer, title, object, method, arguments]`, which replay.js decodes. Once
// `window.tillroll` is the library's object, the proxies pass everything through. It never throws. It may have 600 bytes; the names of all
// methods would fill most of them, so it matches how they begin.

/* global __KEEPS__ */

((page, doc, keyPrefix, records, wrap) => {
  page.tillroll ||
    ((records = page.tillroll = []),
    (wrap = (existing, name) =>
      new Proxy(Object(existing), {
        get: (target, method) =>
          !/^(add|app|ch|cu|ev|getI|id|in[it]|is|ob|rem|sea|set[^t]|tr|vi)/.test(method.big && method) ||
          // A v1 stub records its own calls.
          (target.event && target[method]) ||
          // Baskets keep recording after the library has loaded.
          (name && records != page.tillroll)
            ? target[method]
            : (...args) => {
                try {
                  name
                    ? (records.push((args = [keyPrefix + records.length, +new Date(), doc.URL, doc.referrer, doc.title, name, method, args])),
                      // Leaves room for the shop's own keys, and stores nothing for visitors with Global Privacy Control.
                      __KEEPS__ &&
                        (localStorage.length > 199 ||
                          navigator.globalPrivacyControl ||
                          (existing = JSON.stringify(args))[8e3] ||
                          (localStorage[args[0]] = existing)),
                      target[method](...args[7]))
                    : target.calls.push([method, ...args]);
                } catch {}
              },
      })),
    ["metrilo", "ometria"].map(
      (name) =>
        ((page[name] = wrap(page[name], name)).basket = new (page[name].Basket = function () {
          return wrap({ calls: [], size: 0 });
        })()),
    ));
})(self, document, "tillroll:" + Math.random() + ".");
