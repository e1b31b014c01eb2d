// What the tests ask of a page, for browsers that Playwright does not drive: the same functions under the same names, as far as tests of
// all engines need them, over four things that every driver protocol has.

/** Keys that the protocols know by a number of their own. */
const KEYS = { Tab: "\uE004", Enter: "\uE007" };

/** How long a page may take to show what a test asks for, in milliseconds. */
const PATIENCE = 15_000;

/**
 * One tab. `driver` has `navigate(url)`, which returns when the page has loaded, `run(expression)`, the text that a promise in the page comes
 * to, `type(keys)` and `close()`; `context` is that of the tab.
 */
export class Tab {
  constructor(driver, context) {
    this.driver = driver;
    this.owner = context;
    this.listeners = [];
  }

  on(name, listener) {
    this.listeners.push([name, listener]);
  }

  /** Tells the test what the browser said. */
  emit(name, said) {
    for (const [wanted, listener] of this.listeners) if (wanted === name) listener(said);
  }

  context() {
    return this.owner;
  }

  goto(url) {
    return this.driver.navigate(url);
  }

  /** Runs a function, or the text of an expression, in the page; what goes in and comes out must be JSON. */
  async evaluate(work, given) {
    const value = typeof work === "function" ? `(${work})(${JSON.stringify(given) ?? ""})` : `(${work})`;
    const text = await this.driver.run(`(async () => JSON.stringify([await ${value}]))()`);
    return JSON.parse(text)[0] ?? undefined;
  }

  /** Asks until the page says yes. A page that is being left cannot be asked, the next one can. */
  async waitForFunction(work, given) {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const yes = await this.evaluate(work, given).catch(() => false);
      if (yes) return;
      if (performance.now() > deadline) throw new Error(`not within ${PATIENCE} ms: ${work}`);
      await new Promise((resolve) => setTimeout(resolve, 20)); // poll
    }
  }

  /** In one step, since the page may be left between two. */
  click(selector) {
    return this.waitForFunction((selector) => {
      const found = document.readyState === "complete" && document.querySelector(selector);
      return Boolean(found) && (found.click(), true);
    }, selector);
  }

  waitForURL(pattern) {
    return this.waitForFunction((source) => document.readyState === "complete" && new RegExp(source).test(location.href), pattern.source);
  }

  focus(selector) {
    return this.waitForFunction((selector) => {
      const found = document.querySelector(selector);
      return Boolean(found) && (found.focus(), true);
    }, selector);
  }

  async fill(selector, text) {
    await this.focus(selector);
    await this.driver.type([...text]);
  }

  async press(selector, key) {
    await this.focus(selector);
    await this.driver.type([KEYS[key]]);
  }

  close() {
    return this.driver.close();
  }
}

/** Keys pressed one after the other, as both protocols want to hear it. */
export const strokes = (keys) => [
  { type: "key", id: "keyboard", actions: keys.flatMap((value) => ["keyDown", "keyUp"].map((type) => ({ type, value }))) },
];
