// The documents as a site, under /docs: every page, link and anchor, the search, and phones.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openPage } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";

const PHONE = { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true };
const MIN_PAGES = 15;

let browser;
let collector;
let site;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  site = await crawl(`${collector.url}/docs`);
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

/** Requests every file that can be reached from the start; returns the responses by address, and the links by page. */
const crawl = async (start) => {
  const responses = new Map();
  const links = [];
  const waiting = [start];
  while (waiting.length > 0) {
    const address = waiting.pop();
    if (responses.has(address)) continue;
    const response = await fetch(address);
    const text = await response.text();
    const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
    responses.set(address, { status: response.status, headers: response.headers, url: response.url, text, isPage });
    if (!isPage) continue;
    // Code shows elements as text, with the quotation marks that they have.
    const markup = text.replaceAll(/<code[\s\S]*?<\/code>/g, "");
    for (const [, target] of markup.matchAll(/(?:href|src)="([^"]*)"/g)) {
      const link = new URL(target.replaceAll("&amp;", "&"), response.url);
      links.push({ page: response.url, link });
      if (link.origin === collector.url) waiting.push(link.origin + link.pathname);
    }
  }
  return { responses, links };
};

const pages = () => [...new Set([...site.responses.values()].filter(({ isPage }) => isPage).map(({ url }) => url))].filter((url) => !url.endsWith("/toc.html"));

test("every page, script, style and image of the site is served", () => {
  assert.ok(pages().length >= MIN_PAGES, `${pages().length} pages`);
  const missing = [...site.responses].filter(([, { status }]) => status !== 200);
  assert.deepEqual(missing.map(([address, { status }]) => [address, status]), []);
});

test("every link leads to a page and an anchor of the site, or to a full address", () => {
  const isDead = ({ link }) => {
    if (link.protocol === "mailto:") return false;
    if (link.origin !== collector.url) return link.protocol !== "https:" && link.protocol !== "http:";
    const anchor = decodeURIComponent(link.hash.slice(1));
    return anchor !== "" && !site.responses.get(link.origin + link.pathname).text.includes(`id="${anchor}"`);
  };
  assert.deepEqual(site.links.filter(isDead).map(({ page, link }) => `${page} → ${link}`), []);
  const beyond = site.links.filter(({ link }) => link.origin === collector.url && !/^\/docs(\/|$)/.test(link.pathname));
  assert.deepEqual(beyond.map(({ page, link }) => `${page} → ${link}`), []);
});

test("pages are revalidated, files with a hash are cached, and the policy allows only files of the site", () => {
  for (const [address, { headers, isPage }] of site.responses) {
    const isHashed = /-[0-9a-f]{8,}\./.test(address);
    assert.equal(headers.get("cache-control"), isHashed ? "public, max-age=31536000, immutable" : "no-cache", address);
    if (isPage) assert.match(headers.get("content-security-policy"), /default-src 'none'; script-src 'self';/);
  }
});

test("each page loads without an error, and fits the width of a phone", async () => {
  const page = await openPage(browser, PHONE);
  for (const url of pages()) {
    await page.goto(url);
    const [title, width] = await page.evaluate(() => [document.querySelector("main h1")?.textContent, document.documentElement.scrollWidth]);
    assert.ok(title, url);
    assert.ok(width <= PHONE.viewport.width, `${url} is ${width} wide`);
  }
  assert.deepEqual(page.errors, []);
});

test("the search finds a page by a word in its text, and opens it", async () => {
  const page = await openPage(browser);
  await page.goto(`${collector.url}/docs`);
  await page.keyboard.press("/");
  await page.locator("#mdbook-searchbar").pressSequentially("anonymised revenue");
  await page.locator("#mdbook-searchresults a").first().waitFor();
  const found = await page.locator("#mdbook-searchresults a").evaluateAll((links) => links.map((link) => new URL(link.href).pathname));
  assert.ok(found.includes("/docs/data.html"), found.join(" "));
  await page.locator("#mdbook-searchresults a[href*='data.html']").first().click();
  await page.waitForURL(/\/docs\/data\.html/);
  assert.deepEqual(page.errors, []);
});
