// The visitor's cookie: what is in it, who can read it, how long and how far it reaches; and who the visitor is by it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage({
  browserFlags: ["--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.co.uk 127.0.0.1, MAP *.myshopify.com 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"],
});

const DAY = 24 * 60 * 60;
const ANONYMOUS = /^[0-9a-f]{42}$/;
const pages = (collector) => ({ "/": scriptTag(collector), "/two": scriptTag(collector) });

/** What `$_COOKIE` holds for a Cookie header: names and values are decoded as in a form, where a plus is a blank. */
const php = (header) => {
  const decode = (text) => Buffer.from(text.replace(/\+/g, " ").replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), "latin1").toString();
  const pairs = (header ?? "").split(";").filter((pair) => pair.includes("="));
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), decode(pair.slice(pair.indexOf("=") + 1))]));
};

const cbuid = async (page) => (await page.context().cookies()).filter(({ name }) => name === "cbuid");
const content = async (page) => decodeURIComponent((await cbuid(page))[0]?.value ?? "");

/** Opens a page and calls `act` in it once the core is there. */
const act = async (open, page, script, given) => {
  await open();
  await page.evaluate(() => window.tillroll.ready);
  if (script) await page.evaluate(script, given);
};

const identify = (email) => window.metrilo.identify(email);

describe("the cookie", AT_ONCE, () => {
  test("an anonymous visitor's is 42 hexadecimal digits, first-party, lax, readable and lasting", () =>
    play(pages, async ({ page, open, told }) => {
      await act(open, page);
      const [events, [cookie]] = [await told(), await cbuid(page)];
      assert.match(cookie.value, ANONYMOUS);
      assert.equal(events[0].visitor_id, cookie.value);
      assert.deepEqual([cookie.path, cookie.sameSite, cookie.httpOnly, cookie.secure], ["/", "Lax", false, false]);
      const days = (cookie.expires - Date.now() / 1000) / DAY;
      assert.ok(days > 60 && days <= 400, `${days} days`);
      await open("/two");
      await told();
      assert.equal((await cbuid(page))[0].value, cookie.value);
    }));

  for (const email of ["a+b@x.com", "o'neil@x.ie", "johny%40@x.com", "иван@пример.бг", "+359888@phone_email"]) {
    test(`${email} is read back intact by PHP, by the page and by us`, () => {
      const headers = [];
      const served = (collector) => ({ ...pages(collector), "/two": (request) => (headers.push(request.headers.cookie), { body: scriptTag(collector) }) });
      return play(served, async ({ page, open, told }) => {
        await act(open, page, identify, email);
        await told();
        const raw = await page.evaluate(() => document.cookie);
        assert.equal(decodeURIComponent(/(?:^|; )cbuid=([^;]*)/.exec(raw)[1]), email);
        assert.ok(raw.includes("@"), "merchants look for the sign itself");
        await open("/two");
        assert.equal(php(headers.at(-1)).cbuid, email);
        await page.evaluate(identify, email);
        const events = await told();
        assert.deepEqual(events.filter(({ type }) => type === "identify").map(({ params }) => params), [{ email }]);
        assert.deepEqual([...new Set(events.map((event) => event.email))], [email]);
      });
    });
  }

  for (const id of ["5f2", "0123456789abcdef0123456789abcdef", "5A".repeat(21), "made-by.older_plugin~1"]) {
    test(`the id ${id} of another maker is kept`, () =>
      play(pages, async ({ page, url, open, told }) => {
        await page.context().addCookies([{ name: "cbuid", value: id, url }]);
        await act(open, page);
        const events = await told();
        assert.deepEqual([...new Set(events.map((event) => event.visitor_id))], [id]);
        assert.equal((await cbuid(page))[0].value, id);
      }));
  }

  test("an e-mail that the server put there is who the visitor is", () =>
    play(pages, async ({ page, url, open, told }) => {
      await page.context().addCookies([{ name: "cbuid", value: "Johny%40X.com", url }]);
      await act(open, page, identify, "johny@x.com");
      const events = await told();
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.ok(events.every(({ type }) => type !== "identify"), "what the cookie says is known already");
    }));

  test("the cookie is the truth where storage says otherwise", () =>
    play(pages, async ({ page, url, open, told }) => {
      await page.addInitScript(() => localStorage.setItem("cbuid", "of-the-storage"));
      await page.context().addCookies([{ name: "cbuid", value: "of-the-cookie", url }]);
      await act(open, page);
      assert.equal((await told())[0].visitor_id, "of-the-cookie");
    }));

  test("the same address again makes no request", () =>
    play(pages, async ({ page, open, told, collector }) => {
      await act(open, page, identify, "johny@x.com");
      await told();
      await page.evaluate(() => window.tillroll.flush());
      const requests = [];
      page.on("request", (request) => request.method() === "POST" && requests.push(request.url()));
      await page.evaluate(async () => {
        for (const email of ["johny@x.com", " JOHNY@x.com ", "Johny@X.com"]) window.metrilo.identify(email);
        await window.tillroll.flush();
      });
      assert.deepEqual(requests, []);
      await told();
      assert.deepEqual(requests, [`${collector.url}/v2/batch`], "and the marker does");
    }));

  test("two people at one computer stay two", () =>
    play(pages, async ({ page, open, told }) => {
      await act(open, page, () => {
        window.metrilo.viewProduct(1);
        window.metrilo.identify("a@x.com");
        window.metrilo.viewProduct(2);
        window.metrilo.identify("b@x.com");
        window.metrilo.viewProduct(3);
      });
      const events = await told();
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [
        ["land", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "b@x.com"],
        ["product_view", "b@x.com"],
      ]);
      const [, , a, , b] = events;
      assert.match(b.visitor_id, ANONYMOUS);
      assert.notEqual(a.visitor_id, b.visitor_id);
      assert.equal(await content(page), "b@x.com");
    }));

  test("after a reset the visitor is a new one, and past events stay whose they were", () =>
    play(pages, async ({ page, open, told }) => {
      await act(open, page, () => {
        window.metrilo.viewProduct(1);
        window.metrilo.identify("a@x.com");
        window.tillroll.reset();
        window.metrilo.viewProduct(2);
      });
      const events = await told();
      const [, first, , second] = events;
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [
        ["land", "a@x.com"],
        ["product_view", "a@x.com"],
        ["identify", "a@x.com"],
        ["product_view", null],
      ]);
      assert.match(second.visitor_id, ANONYMOUS);
      assert.notEqual(second.visitor_id, first.visitor_id);
      assert.equal(await content(page), second.visitor_id);
    }));

  test("a reset before the core has arrived counts too", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + "<script>metrilo.identify('a@x.com'); tillroll.reset(); metrilo.viewProduct(2);</script>" }),
      async ({ page, open, told }) => {
        await act(open, page);
        const events = await told();
        assert.deepEqual(events.map(({ type, email }) => [type, email]), [["land", "a@x.com"], ["identify", "a@x.com"], ["product_view", null]]);
        assert.match(await content(page), ANONYMOUS);
      },
    ));

  test("one person on two devices, in any order of arrival", () =>
    play(pages, async ({ page, open, told }) => {
      await act(open, page, () => window.metrilo.viewProduct(1));
      const phone = await (await page.context().browser().newContext()).newPage();
      await phone.goto(page.url());
      await phone.evaluate(() => (window.metrilo.viewProduct(2), window.metrilo.identify("Johny@x.com")));
      await told(phone);
      await page.evaluate(identify, "johny@x.com");
      const events = await told();
      await phone.context().close();
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.equal(new Set(events.filter(({ type }) => type === "identify").map((event) => event.visitor_id)).size, 2);
    }));

  /** host: the domain of the cookie, and the domains that were tried. */
  const HOSTS = {
    "www.shop.test": [".shop.test", ["shop.test"]],
    "shop.test": [".shop.test", ["shop.test"]],
    "de.www.shop.test": [".shop.test", ["shop.test"]],
    "www.shop.co.uk": [".shop.co.uk", ["shop.co.uk"]],
    "awesome.myshopify.com": [".awesome.myshopify.com", ["awesome.myshopify.com"]],
    "127.0.0.1": ["127.0.0.1", [undefined]],
  };

  for (const [host, [domain, tried]] of Object.entries(HOSTS)) {
    test(`the widest domain of ${host}, without a refusal`, () =>
      play(
        pages,
        async ({ page, open, told }) => {
          const spoken = [];
          page.on("console", (message) => spoken.push(message.text()));
          await page.addInitScript(() => {
            const own = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
            window.written = [];
            Object.defineProperty(Document.prototype, "cookie", {
              ...own,
              set(text) {
                own.set.call(this, text);
                window.written.push([text, own.get.call(this).includes(text.split(";")[0])]);
              },
            });
          });
          await act(open, page);
          await told();
          const written = await page.evaluate(() => window.written);
          assert.ok(written.some(([text]) => text.startsWith("cbuid=")));
          assert.deepEqual(written.filter(([, taken]) => !taken), [], "cookies that the browser refused");
          assert.deepEqual([...new Set(written.map(([text]) => /;\s*domain=([^;]*)/.exec(text)?.[1]))], tried);
          assert.equal((await cbuid(page))[0].domain, domain);
          assert.deepEqual(spoken, []);
        },
        { host },
      ));
  }

  test("on https it is sent over https only", () =>
    play(pages, async ({ page, collector }) => {
      await page.route("https://www.shop.test/**", (route) => route.fulfill({ contentType: "text/html", body: `<link rel="icon" href="data:,">${scriptTag(collector.url)}` }));
      await page.goto("https://www.shop.test/");
      await page.evaluate(async () => (await window.tillroll.ready, window.metrilo.viewProduct(1), window.tillroll.flush()));
      const [cookie] = await cbuid(page);
      assert.deepEqual([cookie.secure, cookie.domain, cookie.sameSite], [true, ".shop.test", "Lax"]);
    }));

  test("data-cookie-domain says how far it reaches", () =>
    play(
      (collector) => ({ "/": scriptTag(collector, 'data-cookie-domain="www.shop.test"') }),
      async ({ page, open, told }) => {
        await act(open, page);
        await told();
        assert.equal((await cbuid(page))[0].domain, ".www.shop.test");
      },
      { host: "www.shop.test" },
    ));
});
