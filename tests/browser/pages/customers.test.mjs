// The pages about customers: the page of one person, with events, orders and returns that the test stores.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, openPage } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { OWNER as OWNER_OF_REPORTS, overflow, PHONE as PHONE_OF_REPORTS, withOwnerPage } from "./reports-page.mjs";

const OWNER = { ...OWNER_OF_REPORTS, timezoneId: "UTC" };
const PHONE = { ...PHONE_OF_REPORTS, timezoneId: "UTC" };

const HOUR_MS = 3_600_000;
const MARKUP = "<img src=x onerror=\"document.title='hacked'\">";

let events = 0;
/** Returns an event `hoursAgo` hours ago. */
const event = (type, hoursAgo, visitorId, sessionId, params, path = "/") => {
  events += 1;
  const id = `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`;
  const page = { url: `https://shop.example${path}`, referrer: "https://search.example/?q=hat", title: MARKUP };
  return { id, type, api: "metrilo", time: Date.now() - hoursAgo * HOUR_MS, visitorId, sessionId, params, page };
};

/** A person who comes by a phone, and later by a laptop with an order. */
const eventsOf = (email) => [
  event("search", 50, `${email}-phone`, `${email}-1`, { query: MARKUP, url: "https://shop.example/search" }, "/search?q=hat"),
  event("product_view", 49.9, `${email}-phone`, `${email}-1`, { product_id: "HAT" }, "/hat"),
  event("identify", 49.8, `${email}-phone`, `${email}-1`, { email }),
  event("identify", 5, `${email}-laptop`, `${email}-2`, { email }, "/account"),
  event("tag", 4.9, `${email}-laptop`, `${email}-2`, { tags: ["vip", MARKUP] }),
  event("order", 4.8, `${email}-laptop`, `${email}-2`, { order_id: `O-${email}`, total: 59.9, currency: "EUR", lines: [{ product_id: "HAT", name: MARKUP, quantity: 2 }] }),
  event("basket_add", 1, `${email}-laptop`, `${email}-3`, { product_id: "MUG", quantity: 1 }),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const store = async (list) => {
  const body = JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: list });
  const answer = await (await fetch(`${collector.url}/v2/batch`, { method: "POST", body })).json();
  assert.deepEqual(answer, { accepted: list.length, duplicates: 0, rejected: [] });
  await collector.countFresh("orders", "order.id");
};

/** Opens a page of the collector, like `withOwnerPage`. */
const withPage = (path, act, options = OWNER) => withOwnerPage(browser, collector.url + path, act, options);

const personPath = (email) => `/customers/${encodeURIComponent(email)}`;
const texts = (page, selector) => page.$$eval(selector, (found) => found.map((one) => one.textContent));

test("the page of a person shows what they did on all devices, as text", async () => {
  await store(eventsOf("jo+b@x.com"));
  await withPage(personPath("jo+b@x.com"), async (page) => {
    assert.equal(await page.textContent("h1"), "jo+b@x.com");
    assert.deepEqual(await texts(page, "#tags span"), ["vip", MARKUP].sort());
    assert.deepEqual(await texts(page, "#timeline .visit-head b"), Array(3).fill("Visit from search.example (referral)"));
    assert.deepEqual(await texts(page, "#timeline .order b"), ["Order O-jo+b@x.com"]);
    const first = await texts(page, "#timeline .visit:last-of-type .what");
    assert.deepEqual(first.slice(-3), ["Gave the address jo+b@x.com", "Viewed product HAT", `Searched for “${MARKUP}”`]);
    assert.deepEqual(await texts(page, "#orders tbody tr > :not(:first-child)"), ["O-jo+b@x.com", "€59.90", "placed", `2 × ${MARKUP}`]);
    assert.match((await texts(page, "#carts tbody tr"))[0], /1 × MUG/);
    const tiles = Object.fromEntries(await page.$$eval("#figures dl > div", (all) => all.map((tile) => [...tile.children].map((part) => part.textContent))));
    assert.deepEqual([tiles.Orders, tiles.Revenue, tiles.Returns], ["1", "€59.90", "0"]);
    await page.click("#timeline .event summary");
    assert.equal(JSON.parse(await page.textContent("#timeline .event pre")).type, "basket_add");
    assert.equal(await page.title(), "jo+b@x.com · Tillroll");
    assert.equal(await page.locator("img").count(), 0);
  });
});

test("the timeline shows the names of products that the catalogue has", async () => {
  const product = JSON.stringify({ id: "CAP", name: "Blue cap", price: 20 });
  const answer = await fetch(`${collector.url}/import/products`, { method: "POST", headers: collector.ownerHeaders(), body: product });
  assert.equal((await answer.json()).accepted, 1);
  const views = ["CAP", "GONE"].map((id, at) => event("product_view", 3 - at, "names", "names-1", { product_id: id }));
  await store([event("identify", 4, "names", "names-1", { email: "names@x.com" }), ...views]);
  await withPage(personPath("names@x.com"), async (page) => {
    assert.deepEqual((await texts(page, "#timeline .what")).slice(0, 2), ["Viewed product GONE", "Viewed Blue cap"]);
  });
});

test("a long timeline is loaded page by page, and a long visit is folded", async () => {
  const views = Array.from({ length: 250 }, (_, at) => event("product_view", 90 - at / 100, "long", `long-${at % 2}`, { product_id: String(at) }));
  await store([event("identify", 91, "long", "long-0", { email: "long@x.com" }), ...views]);
  await withPage(personPath("long@x.com"), async (page) => {
    assert.equal(await page.locator("#timeline .event").count(), 98);
    assert.equal(await page.locator("#timeline .event:visible").count(), 16);
    await page.click("#timeline .visit:first-child .all");
    assert.equal(await page.locator("#timeline .visit:first-child .event:visible").count(), 49);
    for (const expected of [198, 251]) {
      await page.click("#more");
      await page.waitForFunction((expected) => document.querySelectorAll("#timeline .event").length === expected, expected);
    }
    assert.equal(await page.isVisible("#more"), false);
  });
});

test("tags are added and removed, and the data is a file", async () => {
  await store(eventsOf("tag@x.com"));
  await withPage(personPath("tag@x.com"), async (page) => {
    await page.fill("#add-tag input", " Wholesale ");
    await page.press("#add-tag input", "Enter");
    await page.waitForSelector("#tags li:nth-child(3)");
    await page.click("[aria-label='Remove the tag vip']");
    await page.waitForSelector("#tags li:nth-child(3)", { state: "detached" });
    assert.deepEqual(await texts(page, "#tags span"), [MARKUP, "Wholesale"]);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#data")]);
    assert.equal(download.suggestedFilename(), "customer-tag@x.com.json");
    const data = JSON.parse(await readFile(await download.path(), "utf8"));
    assert.deepEqual([data.customer.tags, data.events.length, data.orders.length], [[MARKUP, "Wholesale"], 7, 1]);
  });
});

test("only ASCII letters of the address in the path become lower case", async () => {
  for (const email of ["JÖRG@x.com", "jörg@x.com"]) await store(eventsOf(email));
  await withPage(personPath("JÖRG@x.com"), async (page) => {
    assert.equal(await page.textContent("h1"), "jÖrg@x.com");
    assert.deepEqual(await texts(page, "#timeline .order b"), ["Order O-JÖRG@x.com"]);
    assert.deepEqual(await texts(page, "#orders tbody tr > :nth-child(2)"), ["O-JÖRG@x.com"]);
    await page.click("#erase");
    await page.fill("#confirm input", "jörg@x.com");
    assert.equal(await page.isDisabled("#erase-now"), true);
    await page.fill("#confirm input", " JÖRG@X.com ");
    assert.equal(await page.isDisabled("#erase-now"), false);
  });
});

test("an erasure needs the address, describes itself, and leaves nothing", async () => {
  await store(eventsOf("gone@x.com"));
  await withPage(personPath("gone@x.com"), async (page) => {
    await page.click("#erase");
    assert.match(await page.textContent("#confirm"), /gone@x\.com.*cannot be undone/s);
    await page.fill("#confirm input", "other@x.com");
    assert.equal(await page.isDisabled("#erase-now"), true);
    await page.click("#confirm button[value=cancel]");
    await page.click("#erase");
    await page.fill("#confirm input", "Gone@x.com");
    await page.click("#erase-now");
    await page.waitForSelector("text=Nothing of this person is stored");
    assert.equal(await page.textContent("#about"), "Erased: 7 events, 1 cart; made anonymous: 1 order, 0 returns.");
  });
  const page = await openPage(browser, OWNER);
  await page.goto(collector.url + personPath("gone@x.com"));
  await page.waitForSelector("text=Nothing of this person is stored");
  await page.context().close();
});

test("another site cannot change anything with the owner's credentials", async () => {
  await store(eventsOf("safe@x.com"));
  const page = await openPage(browser, OWNER);
  try {
    // The browser has the credentials of the collector now.
    await page.goto(collector.url + personPath("safe@x.com"));
    await page.waitForSelector("main[aria-busy=false]");
    await page.route("https://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: "<p>evil</p>" }));
    await page.goto("https://evil.example/");
    const attempts = [["DELETE", "", ""], ["POST", "/tags", '{"tags":["evil"]}'], ["DELETE", "/tags", '{"tags":["vip"]}']];
    for (const [method, part, body] of attempts) {
      for (const mode of ["cors", "no-cors"]) {
        const send = ([url, options]) => fetch(url, options).then(() => "sent", () => "refused");
        await page.evaluate(send, [`${collector.url}${personPath("safe@x.com")}${part}`, { method, mode, credentials: "include", body: body || undefined }]);
      }
    }
    const data = await (await fetch(`${collector.url}${personPath("safe@x.com")}/data`, { headers: collector.ownerHeaders() })).json();
    assert.deepEqual([data.customer.tags, data.events.length], [[MARKUP, "vip"], 7]);
  } finally {
    await page.context().close();
  }
});

test("the pages fit a phone", async () => {
  await store(eventsOf("a-very-long-address-of-a-person-that-no-phone-has-room-for@subdomain.of-a-shop.example.com"));
  const path = personPath("a-very-long-address-of-a-person-that-no-phone-has-room-for@subdomain.of-a-shop.example.com");
  await withPage(path, async (page) => assert.equal(await overflow(page), 0), PHONE);
});

test("customers are found by the amount of their open cart", async () => {
  const now = new Date().toISOString();
  const cart = (id, total, email) => ({ id, status: "pending", total_amount_with_taxes: total, currency_code: "EUR", customer: { email }, created_at: now, updated_at: now, current_date: now });
  const carts = [cart("small", 20, "cart-large@x.com"), cart("large", 120, "cart-large@x.com"), cart("other", 99, "cart-small@x.com")];
  const people = ["cart-large@x.com", "cart-small@x.com"].map((email) => ({ email, createdAt: Date.now() }));
  for (const [list, records] of [["carts", carts], ["customers", people]]) {
    const body = records.map((record) => JSON.stringify(record)).join("\n");
    const answer = await fetch(`${collector.url}/import/${list}`, { method: "POST", headers: collector.ownerHeaders(), body });
    assert.equal((await answer.json()).accepted, records.length);
  }
  await collector.countFresh("orders", "order.id");
  await withPage("/customers?text=cart-", async (page) => {
    assert.deepEqual((await texts(page, "#rows [data-title='Open cart']")).sort(), ["€120.00", "€99.00"]);
    await page.fill("[name=cart_from]", "100");
    await page.press("[name=cart_from]", "Enter");
    await page.waitForFunction(() => document.querySelectorAll("#rows tbody tr").length === 1);
    assert.deepEqual(await texts(page, "#rows tbody th a"), ["cart-large@x.com"]);
  });
});

test("the pages need the owner's credentials and allow only their own origin", async () => {
  for (const path of ["/customers", personPath("jo@x.com")]) {
    assert.equal((await fetch(collector.url + path)).status, 401);
    const page = await fetch(collector.url + path, { headers: collector.ownerHeaders() });
    const policy = page.headers.get("content-security-policy");
    for (const part of ["default-src 'none'", "script-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"]) assert.ok(policy.includes(part), policy);
  }
});

test("the file has all customers although some are seen while it loads, or names how many it has", async () => {
  const people = Array.from({ length: 120 }, (_, at) => ({ email: `csv-${at}@x.com`, createdAt: Date.now() - (at + 1) * HOUR_MS }));
  const body = people.map((record) => JSON.stringify(record)).join("\n");
  const answer = await fetch(`${collector.url}/import/customers`, { method: "POST", headers: collector.ownerHeaders(), body });
  assert.equal((await answer.json()).accepted, people.length);
  await collector.countFresh("orders", "order.id");
  await withPage("/customers?text=csv-", async (page) => {
    const save = async () => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#csv")]);
      await page.waitForFunction(() => !document.getElementById("csv").disabled);
      return (await readFile(await download.path(), "utf8")).trim().split("\r\n").slice(1).map((line) => line.split(",")[0]);
    };
    let requests = 0;
    await page.route("**/metrics/customers/search", async (route) => {
      requests += 1;
      // The five who were not seen for the longest time.
      if (requests === 2) await store(people.slice(-5).map(({ email }, at) => event("identify", 0, `csv-${at}`, `csv-${at}`, { email })));
      await route.continue();
    });
    const found = await save();
    assert.deepEqual([found.length, new Set(found).size, requests], [120, 120, 2]);
    assert.equal(await page.textContent("#about"), "120 customers.");
    const again = await save();
    assert.deepEqual([again.slice(0, 5).sort(), again[5]], [people.slice(-5).map(({ email }) => email).sort(), "csv-0@x.com"]);
    await page.unroute("**/metrics/customers/search");
    await page.route("**/metrics/customers/search", async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      json.meta.pagination.record_count += 1;
      await route.fulfill({ response, json });
    });
    await save();
    assert.equal(await page.textContent("#about"), "The file has 120 of 121 customers. Some changed while it was loaded. Download it again.");
  });
});

test("the list has filters that stay in the address, pages, and CSV", async () => {
  const markup = { email: "list-1@x.com", firstName: "Ada", lastName: MARKUP, subscribed: true, tags: ["gold"], createdAt: Date.now() };
  const others = Array.from({ length: 54 }, (_, at) => ({ email: `list-${at + 2}@x.com`, firstName: "Grace", createdAt: Date.now() - at * 1_000 }));
  const body = [markup, ...others].map((record) => JSON.stringify(record)).join("\n");
  const answer = await fetch(`${collector.url}/import/customers`, { method: "POST", headers: collector.ownerHeaders(), body });
  assert.equal((await answer.json()).accepted, 55);
  await store(eventsOf("list-buyer@x.com"));
  await withPage("/customers?text=list-", async (page) => {
    assert.equal(await page.textContent("#about"), "56 customers.");
    assert.equal(await page.locator("#rows tbody tr").count(), 50);
    await page.click("#more");
    await page.waitForFunction(() => document.querySelectorAll("#rows tbody tr").length === 56);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#csv")]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.equal(lines.length, 57);
    assert.match(lines[0], /^E-mail,First name,Last name,Tags,Subscribed,Orders,Revenue,/);
    await page.fill("[name=tag]", "gold");
    await page.press("[name=tag]", "Enter");
    await page.waitForFunction(() => document.querySelectorAll("#rows tbody tr").length === 1);
    assert.match(page.url(), /\?text=list-&tag=gold$/);
    assert.equal(await page.textContent("#rows .person-name"), `Ada ${MARKUP}`);
    await page.reload();
    await page.waitForSelector("main[aria-busy=false]");
    assert.equal(await page.inputValue("[name=tag]"), "gold");
    await page.fill("[name=tag]", "nothing has this");
    await page.press("[name=tag]", "Enter");
    await page.click("text=Clear the filters");
    await page.waitForFunction(() => document.querySelectorAll("#rows tbody tr").length === 50);
    assert.equal(new URL(page.url()).search, "");
  });
  await withPage("/customers?text=list-&orders=1", async (page) => {
    assert.deepEqual(await texts(page, "#rows tbody th a"), ["list-buyer@x.com"]);
    await page.click("#rows tbody th a");
    await page.waitForSelector("#timeline .visit");
    assert.equal(await page.textContent("h1"), "list-buyer@x.com");
  });
  await withPage("/customers?cart=true&text=list-", async (page) => assert.deepEqual(await texts(page, "#rows tbody th a"), ["list-buyer@x.com"]));
  await withPage("/customers?text=list-&segment=new", async (page) => assert.deepEqual(await texts(page, "#rows tbody th a"), ["list-buyer@x.com"]));
  await withPage("/customers?text=list-&orders=1", async (page) => {
    assert.deepEqual([await page.isVisible("[name=text]"), await page.isVisible("[name=orders]")], [true, false]);
    assert.equal(await page.innerText("#chosen"), "Orders: 1 or more");
    await page.tap("#fold summary");
    assert.equal(await page.inputValue("[name=orders]"), "1");
    assert.equal(await overflow(page), 0);
  }, PHONE);
});
