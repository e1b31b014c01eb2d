// The visitor cookie: its content, attributes, lifetime and domain, and how it identifies the visitor.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture({
  browserFlags: ["--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.co.uk 127.0.0.1, MAP *.myshopify.com 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"],
});

const DAY_SECS = 24 * 60 * 60;
const ANONYMOUS_ID = /^[0-9a-f]{42}$/;
const pages = (collector) => ({ "/": scriptTag(collector), "/two": scriptTag(collector) });

/** Returns PHP's `$_COOKIE` for a Cookie header: values are form-decoded, so a plus is a space. */
const parseAsPhp = (header) => {
  const decode = (text) => Buffer.from(text.replace(/\+/g, " ").replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), "latin1").toString();
  const pairs = (header ?? "").split(";").filter((pair) => pair.includes("="));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), decode(pair.slice(pair.indexOf("=") + 1))]));
};

const visitorCookies = async (page) => (await page.context().cookies()).filter(({ name }) => name === "cbuid");
const decodedContent = async (page) => decodeURIComponent((await visitorCookies(page))[0]?.value ?? "");

/** Opens the page, waits for the core and runs a script in the page. */
const openAndRun = async (open, page, script, argument) => {
  await open();
  await page.evaluate(() => window.tillroll.ready);
  if (script) await page.evaluate(script, argument);
};

const identify = (email) => window.metrilo.identify(email);

describe("the visitor cookie", PARALLEL, () => {
  test("of an anonymous visitor has 42 hexadecimal digits and is first-party, SameSite=Lax, readable by scripts and persistent", () =>
    withPage(pages, async ({ page, open, allEvents }) => {
      await openAndRun(open, page);
      const [events, [cookie]] = [await allEvents(), await visitorCookies(page)];
      assert.match(cookie.value, ANONYMOUS_ID);
      assert.equal(events[0].visitor_id, cookie.value);
      assert.deepEqual([cookie.path, cookie.sameSite, cookie.httpOnly, cookie.secure], ["/", "Lax", false, false]);
      const days = (cookie.expires - Date.now() / 1000) / DAY_SECS;
      assert.ok(days > 60 && days <= 400, `${days} days`);
      await open("/two");
      await allEvents();
      assert.equal((await visitorCookies(page))[0].value, cookie.value);
    }));

  test("of the shop's server on one subdomain is replaced by one for the whole site", () =>
    withPage(
      pages,
      async ({ page, url, open, allEvents }) => {
        await page.context().addCookies([{ name: "cbuid", value: "5f2", url }]);
        await openAndRun(open, page, identify, "johny@x.com");
        await allEvents();
        assert.deepEqual((await visitorCookies(page)).map(({ domain, value }) => [domain, value]), [[".shop.test", "johny@x.com"]]);
      },
      { host: "www.shop.test" },
    ));

  for (const email of ["a+b@x.com", "o'neil@x.ie", "johny%40@x.com", "иван@пример.бг", "+359888@phone_email"]) {
    test(`with ${email} is read back unchanged by PHP, by the page and by the library`, () => {
      const headers = [];
      const recordingPages = (collector) => ({ ...pages(collector), "/two": (request) => (headers.push(request.headers.cookie), { body: scriptTag(collector) }) });
      return withPage(recordingPages, async ({ page, open, allEvents }) => {
        await openAndRun(open, page, identify, email);
        await allEvents();
        const raw = await page.evaluate(() => document.cookie);
        assert.equal(decodeURIComponent(/(?:^|; )cbuid=([^;]*)/.exec(raw)[1]), email);
        assert.ok(raw.includes("@"), "shops search for the unencoded @");
        await open("/two");
        assert.equal(parseAsPhp(headers.at(-1)).cbuid, email);
        await page.evaluate(identify, email);
        const events = await allEvents();
        assert.deepEqual(events.filter(({ type }) => type === "identify").map(({ params }) => params), [{ email }]);
        assert.deepEqual([...new Set(events.map((event) => event.email))], [email]);
      });
    });
  }

  for (const id of ["5f2", "0123456789abcdef0123456789abcdef", "5A".repeat(21), "made-by.older_plugin~1"]) {
    test(`with the id ${id} of another library is preserved`, () =>
      withPage(pages, async ({ page, url, open, allEvents }) => {
        await page.context().addCookies([{ name: "cbuid", value: id, url }]);
        await openAndRun(open, page);
        const events = await allEvents();
        assert.deepEqual([...new Set(events.map((event) => event.visitor_id))], [id]);
        assert.equal((await visitorCookies(page))[0].value, id);
      }));
  }

  test("with an e-mail that the server set identifies the visitor", () =>
    withPage(pages, async ({ page, url, open, allEvents }) => {
      await page.context().addCookies([{ name: "cbuid", value: "Johny%40X.com", url }]);
      await openAndRun(open, page, identify, "johny@x.com");
      const events = await allEvents();
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.ok(events.every(({ type }) => type !== "identify"), "the cookie has identified the visitor already");
    }));

  test("takes precedence over local storage", () =>
    withPage(pages, async ({ page, url, open, allEvents }) => {
      await page.addInitScript(() => localStorage.setItem("cbuid", "from-storage"));
      await page.context().addCookies([{ name: "cbuid", value: "from-cookie", url }]);
      await openAndRun(open, page);
      assert.equal((await allEvents())[0].visitor_id, "from-cookie");
    }));

  test("identify with the same e-mail sends no request", () =>
    withPage(pages, async ({ page, open, allEvents, collector }) => {
      await openAndRun(open, page, identify, "johny@x.com");
      await allEvents();
      await page.evaluate(() => window.tillroll.flush());
      const requests = [];
      // Not the renewal of the cookie, half a second after the first call.
      page.on("request", (request) => request.method() === "POST" && !request.url().includes("/v2/cookie") && requests.push(request.url()));
      await page.evaluate(async () => {
        for (const email of ["johny@x.com", " JOHNY@x.com ", "Johny@X.com"]) window.metrilo.identify(email);
        await window.tillroll.flush();
      });
      assert.deepEqual(requests, []);
      await allEvents();
      assert.deepEqual(requests, [`${collector.url}/v2/calls`], "only the marker sends a request");
    }));

  test("identify with another e-mail starts a new visitor", () =>
    withPage(pages, async ({ page, open, allEvents }) => {
      await openAndRun(open, page, () => {
        window.metrilo.viewProduct(1);
        window.metrilo.identify("a@x.com");
        window.metrilo.viewProduct(2);
        window.metrilo.identify("b@x.com");
        window.metrilo.viewProduct(3);
      });
      const events = await allEvents();
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [
        ["land", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "b@x.com"],
        ["product_view", "b@x.com"],
      ]);
      const [, , a, , b] = events;
      assert.match(b.visitor_id, ANONYMOUS_ID);
      assert.notEqual(a.visitor_id, b.visitor_id);
      assert.equal(await decodedContent(page), "b@x.com");
    }));

  test("reset starts a new visitor and does not change past events", () =>
    withPage(pages, async ({ page, open, allEvents }) => {
      await openAndRun(open, page, () => {
        window.metrilo.viewProduct(1);
        window.metrilo.identify("a@x.com");
        window.tillroll.reset();
        window.metrilo.viewProduct(2);
      });
      const events = await allEvents();
      const [, first, , second] = events;
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [
        ["land", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "a@x.com"],
        ["product_view", null],
      ]);
      assert.match(second.visitor_id, ANONYMOUS_ID);
      assert.notEqual(second.visitor_id, first.visitor_id);
      assert.equal(await decodedContent(page), second.visitor_id);
    }));

  test("a reset before the core has loaded is applied", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + "<script>metrilo.identify('a@x.com'); tillroll.reset(); metrilo.viewProduct(2);</script>" }),
      async ({ page, open, allEvents }) => {
        await openAndRun(open, page);
        const events = await allEvents();
        assert.deepEqual(events.map(({ type, email }) => [type, email]), [["land", "a@x.com"], ["identify", "a@x.com"], ["product_view", null]]);
        assert.match(await decodedContent(page), ANONYMOUS_ID);
      },
    ));

  test("one e-mail on two devices links both visitors, in any order", () =>
    withPage(pages, async ({ page, open, allEvents }) => {
      await openAndRun(open, page, () => window.metrilo.viewProduct(1));
      const phone = await (await page.context().browser().newContext()).newPage();
      await phone.goto(page.url());
      await phone.evaluate(() => (window.metrilo.viewProduct(2), window.metrilo.identify("Johny@x.com")));
      await allEvents(phone);
      await page.evaluate(identify, "johny@x.com");
      const events = await allEvents();
      await phone.context().close();
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.equal(new Set(events.filter(({ type }) => type === "identify").map((event) => event.visitor_id)).size, 2);
    }));

  /** host: the domain of the cookie, and the domains that the page tried. */
  const HOSTS = {
    "www.shop.test": [".shop.test", ["shop.test"]],
    "shop.test": [".shop.test", ["shop.test"]],
    "de.www.shop.test": [".shop.test", ["shop.test"]],
    "www.shop.co.uk": [".shop.co.uk", ["shop.co.uk"]],
    "awesome.myshopify.com": [".awesome.myshopify.com", ["awesome.myshopify.com"]],
    "127.0.0.1": ["127.0.0.1", [undefined]],
  };

  for (const [host, [domain, triedDomains]] of Object.entries(HOSTS)) {
    test(`on ${host} has the domain ${domain}, set without rejected attempts`, () =>
      withPage(
        pages,
        async ({ page, open, allEvents }) => {
          const messages = [];
          page.on("console", (message) => messages.push(message.text()));
          await page.addInitScript(() => {
            const original = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
            window.cookieWrites = [];
            Object.defineProperty(Document.prototype, "cookie", {
              ...original,
              set(text) {
                original.set.call(this, text);
                window.cookieWrites.push([text, original.get.call(this).includes(text.split(";")[0])]);
              },
            });
          });
          await openAndRun(open, page);
          await allEvents();
          const writes = await page.evaluate(() => window.cookieWrites);
          assert.ok(writes.some(([text]) => text.startsWith("cbuid=")));
          assert.deepEqual(writes.filter(([, isAccepted]) => !isAccepted), [], "cookies that the browser rejected");
          assert.deepEqual([...new Set(writes.map(([text]) => /;\s*domain=([^;]*)/.exec(text)?.[1]))], triedDomains);
          assert.equal((await visitorCookies(page))[0].domain, domain);
          assert.deepEqual(messages, []);
        },
        { host },
      ));
  }

  test("on https is secure", () =>
    withPage(pages, async ({ page, collector }) => {
      await page.route("https://www.shop.test/**", (route) => route.fulfill({ contentType: "text/html", body: `<link rel="icon" href="data:,">${scriptTag(collector.url)}` }));
      await page.goto("https://www.shop.test/");
      await page.evaluate(async () => (await window.tillroll.ready, window.metrilo.viewProduct(1), window.tillroll.flush()));
      const [cookie] = await visitorCookies(page);
      assert.deepEqual([cookie.secure, cookie.domain, cookie.sameSite], [true, ".shop.test", "Lax"]);
    }));

  test("has the domain of data-cookie-domain", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector, 'data-cookie-domain="www.shop.test"') }),
      async ({ page, open, allEvents }) => {
        await openAndRun(open, page);
        await allEvents();
        assert.equal((await visitorCookies(page))[0].domain, ".www.shop.test");
      },
      { host: "www.shop.test" },
    ));
});
