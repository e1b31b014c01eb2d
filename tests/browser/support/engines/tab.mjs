// The subset of Playwright's `Page` that tests of all engines use, for browsers that Playwright does not drive. It needs four operations,
// which every driver protocol has.

/** The code points that the driver protocols define for special keys. */
const KEYS = { Tab: "\uE004", Enter: "\uE007" };

/** How long a test waits for a condition in the page. */
const WAIT_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 20;

/**
 * One tab. `driver` has `navigate(url)`, which returns when the page has loaded, `run(expression)`, which returns the string that a promise in
 * the page resolves to, `type(keys)` and `close()`; `context` is the visitor's context.
 */
export class Tab {
  constructor(driver, context) {
    this.driver = driver;
    this.visitorContext = context;
    this.listeners = [];
  }

  on(name, listener) {
    this.listeners.push([name, listener]);
  }

  /** Calls the listeners of an event of the browser. */
  emit(name, message) {
    for (const [event, listener] of this.listeners) if (event === name) listener(message);
  }

  context() {
    return this.visitorContext;
  }

  goto(url) {
    return this.driver.navigate(url);
  }

  /** Runs a function, or the text of an expression, in the page. The argument and the result must be JSON. */
  async evaluate(script, argument) {
    const value = typeof script === "function" ? `(${script})(${JSON.stringify(argument) ?? ""})` : `(${script})`;
    const text = await this.driver.run(`(async () => JSON.stringify([await ${value}]))()`);
    return JSON.parse(text)[0] ?? undefined;
  }

  /** Polls until the function returns a truthy value. Evaluation fails during navigation and works again on the next page. */
  async waitForFunction(script, argument) {
    const deadline = performance.now() + WAIT_TIMEOUT_MS;
    for (;;) {
      const isDone = await this.evaluate(script, argument).catch(() => false);
      if (isDone) return;
      if (performance.now() > deadline) throw new Error(`not true within ${WAIT_TIMEOUT_MS} ms: ${script}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS)); // eslint-disable-line no-restricted-syntax -- poll
    }
  }

  /** Finds and clicks in one step, because the page may navigate between two steps. */
  click(selector) {
    return this.waitForFunction((selector) => {
      const element = document.readyState === "complete" && document.querySelector(selector);
      return Boolean(element) && (element.click(), true);
    }, selector);
  }

  waitForURL(pattern) {
    return this.waitForFunction((source) => document.readyState === "complete" && new RegExp(source).test(location.href), pattern.source);
  }

  focus(selector) {
    return this.waitForFunction((selector) => {
      const element = document.querySelector(selector);
      return Boolean(element) && (element.focus(), true);
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

/** Returns the actions that press and release the keys one after the other, in the format of both protocols. */
export const keyActions = (keys) => [
  { type: "key", id: "keyboard", actions: keys.flatMap((value) => ["keyDown", "keyUp"].map((type) => ({ type, value }))) },
];
