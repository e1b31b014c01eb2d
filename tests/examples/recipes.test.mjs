// The code blocks of docs/recipes.md, as a reader would run them, where the program that they need is installed.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { launch, openPage } from "../browser/support/browser.mjs";
import { Collector, freePort, TOKEN } from "../browser/support/collector.mjs";
import { readEventsOf } from "../browser/support/fixture.mjs";
import { startShop } from "../browser/support/shop-server.mjs";
import { codeBlocks } from "./code-blocks.mjs";

const BLOCKS = codeBlocks("docs/recipes.md");
const START_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 20;

/** Returns the last code block of a heading. */
const block = (name) => BLOCKS.findLast(({ heading }) => heading === name).text;

/** Returns whether a program can be started. */
const isInstalled = (program) => !spawnSync(program, ["-h"], { stdio: "ignore" }).error;

let collector;
let folder;
before(async () => {
  collector = await Collector.start(["--trust-proxy"]);
  folder = mkdtempSync(join(tmpdir(), "tillroll-recipes-"));
});
after(async () => {
  await collector?.close();
  rmSync(folder, { recursive: true, force: true });
});

const orders = async () => {
  const response = await fetch(`${collector.url}/export/orders`, { headers: collector.ownerHeaders() });
  return (await response.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
};

/** heading: the program, and the end of the file's name. */
const SENDERS = { PHP: ["php", "php"], Python: ["python3", "py"], Node: [process.execPath, "mjs"] };

describe("senders on the shop's server", () => {
  for (const [heading, [program, extension]] of Object.entries(SENDERS).filter(([, [program]]) => isInstalled(program)))
    test(`${heading}: a signed order is stored as the back end's`, async () => {
      const id = `order-${extension}`;
      const file = join(folder, `sender.${extension}`);
      const withAddress = (text) => text.replace("https://collector.example.com", collector.url);
      writeFileSync(file, withAddress(block(heading)).replace(/(["'])1001\1/, `"${id}"`));
      // Only the recipe for PHP has two files.
      writeFileSync(join(folder, "tillroll.php"), withAddress(BLOCKS.find(({ language }) => language === "php").text));
      const sender = spawn(program, [file]);
      let output = "";
      for (const stream of [sender.stdout, sender.stderr]) stream.on("data", (chunk) => (output += chunk));
      const [code] = await once(sender, "close");
      assert.deepEqual([code, output], [0, ""]);
      const { source, email, amount, status, products } = (await orders()).find((order) => order.id === id);
      assert.deepEqual({ source, email, amount, status }, { source: "backend", email: "johny@shop.example", amount: 29.9, status: "completed" });
      assert.deepEqual(products.map(({ productId, quantity }) => [productId, quantity]), [["312", 1]]);
    });
});

/** heading: the program, and its arguments and configuration, for the documented block and the port that it listens on. */
const PROXIES = {
  nginx: {
    program: process.env.NGINX ?? "/usr/sbin/nginx",
    args: (file) => ["-e", "stderr", "-p", folder, "-c", file],
    configuration: (text, port) => `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}
      http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
      server { listen 127.0.0.1:${port}; ${text} } }`,
  },
  Caddy: {
    program: process.env.CADDY ?? "/usr/bin/caddy",
    args: (file) => ["run", "--config", file, "--adapter", "caddyfile"],
    configuration: (text, port) => `{\n\tadmin off\n\tauto_https off\n}\n${text.replace("www.shop.example", `http://127.0.0.1:${port}`)}`,
  },
};

const startProxy = async ({ program, args, configuration }, text) => {
  const port = await freePort();
  const file = join(folder, `${port}.conf`);
  writeFileSync(file, configuration(text.replace("127.0.0.1:7070", collector.url.replace("http://", "")), port));
  const child = spawn(program, args(file), { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: folder } });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await fetch(url).catch(() => false))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${program} does not answer: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS)); // eslint-disable-line no-restricted-syntax -- poll
  }
  return { url, close: () => child.kill() };
};

const read = async (url) => {
  const response = await fetch(url);
  return [response.status, await response.text()];
};

describe("the shop's own address", () => {
  for (const [heading, proxy] of Object.entries(PROXIES).filter(([, { program }]) => isInstalled(program)))
    test(`${heading}: pages load the library and send through the proxy, and the owner's pages are not public`, async () => {
      const { url, close } = await startProxy(proxy, block(heading));
      const browser = await launch();
      const shop = await startShop({ "/": `<script src="${url}/t/tracking.js?token=${TOKEN}"></script>` });
      try {
        const missing = await read(`${url}/no-such-page`);
        for (const path of ["live", "reports", "customers", "export/events", "metrics", "docs"]) assert.deepEqual(await read(`${url}/t/${path}`), missing, path);
        const page = await openPage(browser);
        const { allEvents } = await readEventsOf(collector, shop.url, page);
        const sent = page.waitForRequest((request) => request.url().startsWith(`${url}/t/v2/`));
        await page.goto(shop.url);
        await page.evaluate(() => window.metrilo.viewProduct("312"));
        assert.deepEqual((await allEvents()).map(({ type }) => type), ["land", "product_view"]);
        await sent;
        assert.deepEqual(page.errors, []);
      } finally {
        await browser.close();
        await shop.close();
        close();
      }
    });
});

const SEGMENT_SNIPPET = `<script>window.analytics = []; ["page", "identify", "track", "reset"].forEach((method) => (analytics[method] = (...args) => analytics.push([method, ...args])));
  analytics.page("Home"); analytics.track("Product Viewed", { product_id: "312" });</script>`;

test("Segment's calls: what the snippet recorded and later calls are stored", async () => {
  const script = `<script src="${collector.url}/tracking.js?token=${TOKEN}"></script><script>{${block("Segment's calls")}}</script>`;
  const shop = await startShop({ "/": SEGMENT_SNIPPET + script });
  const browser = await launch();
  try {
    const page = await openPage(browser);
    const { waitForEvents } = await readEventsOf(collector, shop.url, page);
    await page.goto(shop.url);
    await page.evaluate(() => {
      const { analytics } = window;
      analytics.track("Products Searched", { query: "shirt" });
      analytics.track("Product List Viewed", { list_id: "7" });
      analytics.track("Product Added", { product_id: "312", quantity: 2 });
      analytics.track("Product Removed", { product_id: "312", quantity: 1 });
      analytics.track("Checkout Started");
      analytics.identify("user-1", { email: "johny@shop.example", firstName: "Johny" });
      analytics.track("Order Completed", { order_id: "1001", total: 29.9, currency: "EUR", products: [{ product_id: "312", quantity: 1, price: 29.9 }] });
      analytics.group("group-1");
      analytics.ready(() => analytics.track("Coupon Entered"));
    });
    const events = await waitForEvents((events) => events.some(({ type }) => type === "custom") && events.some(({ type }) => type === "order"));
    const url = `${shop.url}/`;
    const expected = [
      ["page_view", { url, name: "Home" }],
      ["product_view", { product_id: "312" }],
      ["search", { query: "shirt", url }],
      ["category_view", { id: "7" }],
      ["basket_add", { product_id: "312", quantity: 2 }],
      ["basket_remove", { product_id: "312", quantity: 1 }],
      ["checkout", {}],
      ["identify", { email: "johny@shop.example" }],
      ["customer_details", { first_name: "Johny" }],
      ["order", { order_id: "1001", total: 29.9, currency: "EUR", lines: [{ product_id: "312", quantity: 1, price: 29.9 }] }],
      ["custom", { name: "Coupon Entered" }],
    ];
    assert.deepEqual(events.filter(({ type }) => type !== "land").map(({ type, params }) => [type, params]), expected);
    assert.deepEqual(page.errors, []);
  } finally {
    await browser.close();
    await shop.close();
  }
});

test("every block of code is run, or a note gives the reason why not", () => {
  const tested = [...Object.keys(SENDERS), ...Object.keys(PROXIES), "Segment's calls", "The shop's own address"];
  const untested = BLOCKS.map(({ heading }) => heading).filter((heading) => !tested.includes(heading));
  assert.deepEqual(untested, []);
});
