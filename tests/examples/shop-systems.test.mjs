// The recipes for shop systems: their code runs in PHP with stand-ins of the system's functions, and what it prints runs in a browser.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";

import { buildSync } from "esbuild";

import { launch, openPage } from "../browser/support/browser.mjs";
import { Collector } from "../browser/support/collector.mjs";
import { readEventsOf } from "../browser/support/fixture.mjs";
import { startShop } from "../browser/support/shop-server.mjs";
import { codeBlocks } from "./code-blocks.mjs";

const EMAIL = "jo@shop.example";
const QUERY = "</script>shirt";

const view = (url) => ["page_view", url];
const product = ["product_view", "312"];
const category = ["category_view", "312"];
const search = ["search", QUERY];
const identify = ["identify", EMAIL];
const checkout = ["checkout", undefined];

/**
 * For each system: its page, the files of its PHP blocks in order, what each page sends, and the order's id and status. A page that a customer
 * sees who has logged in identifies that customer.
 */
const SYSTEMS = {
  woocommerce: {
    files: ["tillroll-shop.php"],
    pages: { home: [view("https://shop.example/")], product: [product], category: [category], search: [identify, search], checkout: [checkout], thanks: [view("https://shop.example/"), identify] },
    order: ["1001", "completed"],
  },
  magento2: {
    document: "magento",
    files: ["ViewModel/Page.php", "calls.phtml", "Observer/SendOrder.php"],
    pages: { home: [view()], product: [product], category: [category], search: [search], checkout: [checkout] },
    order: ["000001001", "complete"],
  },
  magento1: { document: "magento", skipped: 3, files: ["Model/Observer.php", "view.phtml"], pages: { product: [product] }, order: ["100001001", "complete"] },
  opencart: {
    files: ["catalog.php", "admin.php"],
    sender: "system/library/tillroll.php",
    pages: { home: [view()], product: [product], category: [category], search: [identify, search], checkout: [checkout] },
    order: ["1001", "Complete"],
  },
  prestashop: {
    files: ["tillroll-module.php"],
    sender: "sender.php",
    pages: { home: [view()], product: [product], category: [category], search: [identify, search], checkout: [checkout] },
    order: ["XKBKNABJK", "Delivered"],
  },
};

const phpBlocks = (path) => codeBlocks(path).filter(({ language }) => language === "php");
const hasPhp = !spawnSync("php", ["-v"], { stdio: "ignore" }).error;

let browser;
let collector;
let folder;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  folder = mkdtempSync(join(tmpdir(), "tillroll-systems-"));
});
after(async () => {
  await browser?.close();
  await collector?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes the files of a recipe, with the address of this collector; returns their folder. */
const install = (system, { document = system, skipped = 0, files, sender = "tillroll.php" }) => {
  const root = join(folder, system);
  const write = (name, text) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text.replace("https://collector.example.com", collector.url));
  };
  write(sender, phpBlocks("docs/recipes.md")[0].text);
  const blocks = phpBlocks(`docs/recipes/${document}.md`).slice(skipped);
  files.forEach((name, at) => write(name, blocks[at].text));
  return root;
};

/** Runs the stand-ins for one page of the shop; returns what they print. */
const run = async (system, root, page) => {
  const script = fileURLToPath(new URL(`shop-systems/${system}.php`, import.meta.url));
  const php = spawn("php", ["-d", "display_errors=stderr", "-d", "error_reporting=-1", script, root, page], { env: { ...process.env, TZ: "UTC" } });
  let [output, errors] = ["", ""];
  php.stdout.on("data", (chunk) => (output += chunk));
  php.stderr.on("data", (chunk) => (errors += chunk));
  const [code] = await once(php, "close");
  assert.deepEqual([code, errors], [0, ""]);
  return output;
};

const orders = async () => {
  const response = await fetch(`${collector.url}/export/orders`, { headers: collector.ownerHeaders() });
  return (await response.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
};

/** Returns the type of an event, and the value that identifies it in the tests. */
const summary = (shop) => ({ type, params }) => [type, params.product_id ?? params.id ?? params.query ?? params.email ?? (params.url === `${shop}/` ? undefined : params.url)];

for (const [system, recipe] of hasPhp ? Object.entries(SYSTEMS) : [])
  describe(system, () => {
    let root;
    before(() => (root = install(system, recipe)));

    for (const [name, expected] of Object.entries(recipe.pages))
      test(`the page "${name}" loads the library and sends its events`, async () => {
        const shop = await startShop({ "/": await run(system, root, name) });
        const page = await openPage(browser);
        const { allEvents } = await readEventsOf(collector, shop.url, page);
        await page.goto(shop.url);
        assert.deepEqual((await allEvents()).filter(({ type }) => type !== "land").map(summary(shop.url)), expected);
        assert.deepEqual(page.errors, []);
        await page.context().close();
        await shop.close();
      });

    test("an order is stored as the back end's", async () => {
      assert.equal(await run(system, root, "order"), "0", "nothing is left to send, and nothing is logged");
      const [id, status] = recipe.order;
      const stored = (await orders()).find((order) => order.id === id);
      assert.deepEqual([stored.source, stored.email, stored.amount, stored.status], ["backend", EMAIL, 29.9, status]);
      assert.deepEqual(stored.products.map(({ productId, quantity }) => [productId, quantity]), [["312", 2]]);
      assert.ok(Math.abs(new Date(stored.createdAt) - Date.now()) < 3_600_000, `created at ${stored.createdAt}`);
    });
  });

describe("what the recipes add beside the pages", { skip: !hasPhp && "PHP is not installed" }, () => {
  test("WooCommerce: the form of a product page fills the cart", async () => {
    const root = install("woocommerce", SYSTEMS.woocommerce);
    const shop = await startShop({ "/": await run("woocommerce", root, "product") });
    const page = await openPage(browser);
    const { allEvents } = await readEventsOf(collector, shop.url, page);
    await page.goto(shop.url);
    await page.getByRole("button").click();
    const added = (await allEvents()).filter(({ type }) => type === "basket_add");
    assert.deepEqual(added.map(({ params }) => [params.product_id, params.quantity]), [["312", 2]]);
    await page.context().close();
    await shop.close();
  });

  /** How each system's own script reports an addition: a stand-in of it, what it emits, and what is sent. */
  const CARTS = {
    woocommerce: {
      standIn: () => (window.jQuery = () => ({ on: (name, callback) => (window.emit = callback) })),
      emit: () => window.emit({}, {}, "", { data: (name) => ({ product_id: 312, quantity: 2 })[name] }),
      added: [["312", 2]],
    },
    magento2: {
      standIn: () => (window.require = (names, callback) => callback(() => ({ on: (name, listener) => (window.emit = listener) }))),
      emit: () => window.emit({}, { productIds: ["312"] }),
      added: [["312", 1]],
    },
    prestashop: {
      standIn: () => (window.prestashop = { on: (name, callback) => (window.emit = callback) }),
      emit: () => window.emit({ reason: { linkAction: "add-to-cart", idProduct: 312 } }),
      added: [["312", 1]],
    },
  };
  for (const [system, { standIn, emit, added }] of Object.entries(CARTS))
    test(`${system}: an addition that the system's own script reports is sent`, async () => {
      const shop = await startShop({ "/": await run(system, install(system, SYSTEMS[system]), "product") });
      const page = await openPage(browser);
      const { allEvents } = await readEventsOf(collector, shop.url, page);
      await page.addInitScript(standIn);
      await page.goto(shop.url);
      await page.evaluate(emit);
      const sent = (await allEvents()).filter(({ type }) => type === "basket_add");
      assert.deepEqual(sent.map(({ params }) => [params.product_id, params.quantity]), added);
      await page.context().close();
      await shop.close();
    });

  test("WooCommerce: an order that the collector could not take is scheduled again", async () => {
    const root = install("woocommerce-down", { ...SYSTEMS.woocommerce, document: "woocommerce" });
    writeFileSync(join(root, "tillroll.php"), phpBlocks("docs/recipes.md")[0].text.replace("https://collector.example.com", "http://127.0.0.1:1"));
    assert.equal(await run("woocommerce", root, "order"), "1");
  });

  test("OpenCart: the extension registers the events", async () => {
    const root = install("opencart-install", { ...SYSTEMS.opencart, document: "opencart" });
    const registered = (await run("opencart", root, "install")).trim().split("\n");
    assert.deepEqual(registered, [
      "catalog/view/common/header/after extension/module/tillroll/header",
      "catalog/model/checkout/order/addOrderHistory/after extension/module/tillroll/order",
    ]);
  });
});

test("Magento: the XML of the recipe is well-formed, and names the classes of its PHP", async () => {
  const page = await openPage(browser);
  const texts = codeBlocks("docs/recipes/magento.md").filter(({ language }) => language === "xml").map(({ text }) => text);
  const parse = (text) => [...new DOMParser().parseFromString(text, "application/xml").querySelectorAll("parsererror")].map((error) => error.textContent);
  for (const text of texts) assert.deepEqual(await page.evaluate(parse, text), []);
  const php = phpBlocks("docs/recipes/magento.md").map(({ text }) => text).join("\n");
  const classes = [...php.matchAll(/namespace ([\w\\]+);[^]*?class (\w+)/g)].map(([, space, name]) => `${space}\\${name}`);
  for (const name of classes) assert.ok(texts.some((text) => text.includes(name)), name);
});

test("Nuxt: the plugin starts the tracker, counts a page view, and provides its functions", async () => {
  const [block] = codeBlocks("docs/recipes/nuxt.md");
  const npm = new URL("../../dist/npm/", import.meta.url);
  const source = join(folder, "plugin.ts");
  writeFileSync(source, block.text.replace("https://collector.example.com", collector.url));
  const { outputFiles } = buildSync({
    entryPoints: [source], alias: { tillroll: fileURLToPath(new URL("index.js", npm)) }, bundle: true, format: "iife", globalName: "plugin", write: false,
    external: ["./fallback.js", "./debug*", "./replay*", "./views*"], define: { "import.meta.url": "document.baseURI" }, logLevel: "error",
  });
  const served = Object.fromEntries(["core.wasm", "views.js"].map((name) => [`/${name}`, () => ({ body: readFileSync(new URL(name, npm)), type: name.endsWith(".js") ? "text/javascript" : "application/wasm" })]));
  const html = `<script>window.defineNuxtPlugin = (setup) => setup({});</script><script src="/plugin.js"></script><script>window.tracker = plugin.default.provide.tracker</script>`;
  const shop = await startShop({ ...served, "/": html, "/plugin.js": outputFiles[0].text });
  const page = await openPage(browser);
  const { waitForEvents } = await readEventsOf(collector, shop.url, page);
  await page.goto(shop.url);
  await page.evaluate(() => window.tracker.metrilo.addToCart("312", 1));
  const events = await waitForEvents((events) => ["page_view", "basket_add"].every((type) => events.some((event) => event.type === type)));
  assert.deepEqual(events.map(({ type }) => type).sort(), ["basket_add", "land", "page_view"]);
  assert.deepEqual(page.errors, []);
  await page.context().close();
  await shop.close();
});

test("every block of the recipes for shop systems is run", () => {
  const used = { woocommerce: ["php"], magento: ["xml", "php", "php", "xml", "php", "xml", "php", "php"], opencart: ["php", "php"], prestashop: ["php"], nuxt: ["ts"] };
  for (const [document, expected] of Object.entries(used)) assert.deepEqual(codeBlocks(`docs/recipes/${document}.md`).map(({ language }) => language), expected, document);
});
