// The inline snippet, for shops that load the library `async`: it makes `metrilo` and `ometria` whole at once, around whatever the page left
// under these names, and records what is called: in memory, and in local storage where the next page finds it if the library never comes.
// A call is `[key, time, address, referrer, title, object, method, arguments]`; js/facades/spoken.js reads that. As soon as `window.tillroll`
// is the library's, the objects are the page's own again. It throws nothing, and 600 bytes are its limit: the methods' names would fill most
// of them, so it knows how they begin.

/* global __KEEPS__ */

((page, doc, prefix, list, give) => {
  page.tillroll ||
    ((list = page.tillroll = []),
    (give = (left, name) =>
      new Proxy(Object(left), {
        get: (own, word) =>
          !/^(add|app|ch|cu|ev|getI|id|in[it]|is|ob|rem|sea|set[^t]|tr|vi)/.test(word.big && word) ||
          // A stub of the first generation keeps its own record.
          (own.event && own[word]) ||
          // Baskets outlive the snippet.
          (name && list != page.tillroll)
            ? own[word]
            : (...given) => {
                try {
                  name
                    ? (list.push((given = [prefix + list.length, +new Date(), doc.URL, doc.referrer, doc.title, name, word, given])),
                      // The shop needs its storage for other things, and some visitors never let the library in.
                      __KEEPS__ &&
                        (localStorage.length > 199 ||
                          navigator.globalPrivacyControl ||
                          (left = JSON.stringify(given))[8e3] ||
                          (localStorage[given[0]] = left)),
                      own[word](...given[7]))
                    : own.calls.push([word, ...given]);
                } catch {}
              },
      })),
    ["metrilo", "ometria"].map(
      (name) =>
        ((page[name] = give(page[name], name)).basket = new (page[name].Basket = function () {
          return give({ calls: [], size: 0 });
        })()),
    ));
})(self, document, "tillroll:" + Math.random() + ".");
