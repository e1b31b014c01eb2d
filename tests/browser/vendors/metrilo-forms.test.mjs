// metrilo.integrateForm: the events of a submit and their order. A submit must not read other fields, delay the form, or lose events when the
// page navigates at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture({ flags: ["--demo"] });

const inline = (text) => `<script>${text}</script>`;
const integrate = (options) => inline(`metrilo.integrateForm(${JSON.stringify(options)});`);
const typesAndParams = (events) => events.map(({ type, params }) => [type, params]);

const IDENTIFY = ["identify", { email: "johny@x.com" }];
const OPTIONS = {
  formSelector: "#newsletter",
  email: "n[fields][1]",
  firstName: "n[fields][0][first]",
  lastName: "n[fields][0][last]",
  phoneNumber: "n[fields][3]",
  subscribed: "n[fields][2][]",
  tags: ["newsletter-subscriber"],
  customEvent: "newsletter-subscribed",
};
const FIELDS = `
  <input name="n[fields][1]" value=" Johny@x.com ">
  <input name="n[fields][0][first]" value="Johny">
  <input name="n[fields][0][last]" value="Bravo">
  <input name="n[fields][3]" value="+46 100 200">
  <input type="checkbox" name="n[fields][2][]" checked>
  <button>Sign up</button>`;
const ALL_EVENTS = [
  IDENTIFY,
  ["customer_details", { first_name: "Johny", last_name: "Bravo", phone_number: "+46 100 200", subscribed: true }],
  ["tag", { tags: ["newsletter-subscriber"] }],
  ["custom", { name: "newsletter-subscribed" }],
];
const EMAIL_ONLY = { formSelector: "form", email: "email" };
const email = (value) => `<input name="email" value="${value}">`;

const form = (fields, attributes = `onsubmit="event.preventDefault()"`) => `<form id="newsletter" ${attributes}>${fields}</form>`;

/** title: the form's fields, the options, and the events of a submit. These forms stay on their page. */
const SUBMITS = {
  "all options, with bracketed names": [FIELDS, OPTIONS, ALL_EVENTS],
  "the e-mail alone": [email("johny@x.com"), EMAIL_ONLY, [IDENTIFY]],
  "an unchecked checkbox adds no field": [
    email("johny@x.com") + `<input type="checkbox" name="yes"><input name="first" value="Johny">`,
    { ...EMAIL_ONLY, subscribed: "yes", firstName: "first" },
    [IDENTIFY, ["customer_details", { first_name: "Johny" }]],
  ],
  "an unchecked checkbox alone sends no customer_details": [email("johny@x.com") + `<input type="checkbox" name="yes">`, { ...EMAIL_ONLY, subscribed: "yes" }, [IDENTIFY]],
  "a hidden field before a checked checkbox of the same name": [
    email("johny@x.com") + `<input type="hidden" name="yes" value="0"><input type="checkbox" name="yes" value="1" checked>`,
    { ...EMAIL_ONLY, subscribed: "yes" },
    [IDENTIFY, ["customer_details", { subscribed: true }]],
  ],
  "a hidden field before an unchecked checkbox of the same name": [
    email("johny@x.com") + `<input type="hidden" name="yes" value="1"><input type="checkbox" name="yes" value="1">`,
    { ...EMAIL_ONLY, subscribed: "yes" },
    [IDENTIFY],
  ],
  "radio buttons are not a checkbox": [
    email("johny@x.com") + `<input type="radio" name="yes" value="1"><input type="radio" name="yes" value="0" checked>`,
    { ...EMAIL_ONLY, subscribed: "yes" },
    [IDENTIFY],
  ],
  "fields without a name are ignored": [email("johny@x.com") + `<input value="private">`, { ...EMAIL_ONLY, firstName: "" }, [IDENTIFY]],
  "a number as a field name": [email("johny@x.com") + `<input name="7" value="Johny">`, { ...EMAIL_ONLY, firstName: 7 }, [IDENTIFY, ["customer_details", { first_name: "Johny" }]]],
  "subscribed as a boolean": [email("johny@x.com"), { ...EMAIL_ONLY, subscribed: true }, [IDENTIFY, ["customer_details", { subscribed: true }]]],
  "subscribed as a boolean that is false": [email("johny@x.com"), { ...EMAIL_ONLY, subscribed: false }, [IDENTIFY, ["customer_details", { subscribed: false }]]],
  "the old option names, with field names": [
    FIELDS,
    {
      formSelector: "#newsletter",
      emailSelector: OPTIONS.email,
      firstNameSelector: OPTIONS.firstName,
      lastNameSelector: OPTIONS.lastName,
      phoneNumberSelector: OPTIONS.phoneNumber,
      subscribedSelector: OPTIONS.subscribed,
      tags: OPTIONS.tags,
      customEvent: OPTIONS.customEvent,
    },
    ALL_EVENTS,
  ],
  "the old option names, with selectors": [
    `<input id="mail" value="johny@x.com"><input class="first" value="Johny">`,
    { formSelector: "form", emailSelector: "#mail", firstNameSelector: "input.first" },
    [IDENTIFY, ["customer_details", { first_name: "Johny" }]],
  ],
  "fields that are not in the form": [email("johny@x.com"), { ...EMAIL_ONLY, firstName: "nowhere", lastName: "no where[", subscribed: "none" }, [IDENTIFY]],
  "empty fields are left out": [email("johny@x.com") + `<input name="first"><input name="last" value="Bravo">`, { ...EMAIL_ONLY, firstName: "first", lastName: "last" }, [
    IDENTIFY,
    ["customer_details", { last_name: "Bravo" }],
  ]],
  "an empty e-mail sends nothing": [FIELDS.replace(" Johny@x.com ", ""), OPTIONS, []],
  "an invalid e-mail sends nothing": [FIELDS.replace(" Johny@x.com ", "johny"), OPTIONS, []],
  ...Object.fromEntries(
    ["johny@x..com", "johny@x.com.", "<johny@x.com>", "johny,jane@x.com"].map((typed) => [
      `the invalid e-mail ${typed} sends nothing`,
      [FIELDS.replace(" Johny@x.com ", typed), OPTIONS, []],
    ]),
  ),
  "a missing e-mail field sends nothing": [FIELDS, { ...OPTIONS, email: "mail" }, []],
  "a missing email option sends nothing": [FIELDS, { ...OPTIONS, email: undefined }, []],
  "a selector of an element around the form": [FIELDS, { ...OPTIONS, formSelector: "#box" }, ALL_EVENTS],
  "tags as a string": [email("johny@x.com"), { ...EMAIL_ONLY, tags: "vip" }, [IDENTIFY, ["tag", { tags: ["vip"] }]]],
  "fields outside the form that belong to it": [`</form><input form="newsletter" name="email" value="johny@x.com"><form>`, { ...EMAIL_ONLY, formSelector: "#newsletter" }, [IDENTIFY]],
};

describe("integrateForm", PARALLEL, () => {
  for (const [title, [fields, options, expected]] of Object.entries(SUBMITS)) {
    test(title, () =>
      withPage(
        (collector) => ({ "/": scriptTag(collector) + `<div id="box">${form(fields)}</div>` + integrate(options) }),
        async ({ page, open, allEvents }) => {
          await open();
          await page.evaluate(() => document.querySelector("form").requestSubmit());
          assert.deepEqual(typesAndParams((await allEvents()).slice(1)), expected);
        },
      ),
    );
  }

  test("a form that is integrated twice sends events once for each submit", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + form(email("a@x.com")) + integrate({ ...EMAIL_ONLY, customEvent: "x" }) + integrate({ ...EMAIL_ONLY, customEvent: "y" }) }),
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(() => {
          const form = document.querySelector("form");
          form.requestSubmit();
          form.email.value = "b@x.com";
          form.requestSubmit();
        });
        const eventsOf = (email) => [["identify", { email }], ["custom", { name: "x" }]];
        assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [...eventsOf("a@x.com"), ...eventsOf("b@x.com")]);
      },
    ));

  test("every form that matches a selector is integrated, once even if its container is integrated too", () =>
    withPage(
      (collector) => ({
        "/":
          scriptTag(collector) +
          ["a@x.com", "b@x.com"].map((value) => `<div class="letter">${form(email(value))}</div>`).join("") +
          integrate({ ...EMAIL_ONLY, customEvent: "x" }) +
          integrate({ ...EMAIL_ONLY, formSelector: ".letter, .letter form", customEvent: "y" }),
      }),
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(() => document.querySelectorAll("form").forEach((form) => form.requestSubmit()));
        const names = (await allEvents()).slice(1).map(({ params }) => params.email ?? params.name);
        // The options that were integrated first count.
        assert.deepEqual(names, ["a@x.com", "x", "b@x.com", "x"]);
      },
    ));

  test("a missing form is ignored, and a later call integrates it", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + integrate(EMAIL_ONLY) + integrate({ formSelector: "][" }) + inline(`metrilo.integrateForm(); metrilo.integrateForm(null); metrilo.integrateForm("form");`) }),
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(
          ([html, options]) => {
            document.body.insertAdjacentHTML("beforeend", html);
            document.querySelector("form").requestSubmit();
            window.metrilo.integrateForm(options);
            document.querySelector("form").requestSubmit();
          },
          [form(email("johny@x.com")), EMAIL_ONLY],
        );
        assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [IDENTIFY]);
      },
    ));

  test("only the named fields are read, and none is changed", () =>
    withPage(
      (collector) => ({
        "/": scriptTag(collector) + form(FIELDS + `<input type="password" name="password" value="s3cret"><input name="card" value="4111"><input type="checkbox" name="terms" checked><textarea name="note">private</textarea><select name="country"><option>SE</select>`) + integrate(OPTIONS),
      }),
      async ({ page, open, allEvents }) => {
        await open();
        const [reads, writes] = await page.evaluate(() => {
          const reads = [];
          const writes = [];
          for (const type of [HTMLInputElement, HTMLTextAreaElement, HTMLSelectElement]) {
            for (const name of ["value", "checked", "defaultValue", "selectedOptions", "files"]) {
              const original = Object.getOwnPropertyDescriptor(type.prototype, name);
              if (!original) continue;
              Object.defineProperty(type.prototype, name, {
                ...original,
                get() {
                  reads.push(this.name);
                  return original.get.call(this);
                },
                set() {
                  writes.push(this.name);
                },
              });
            }
          }
          window.FormData = class {
            constructor() {
              reads.push("FormData");
            }
          };
          document.querySelector("form").requestSubmit();
          return [[...new Set(reads)].sort(), writes];
        });
        assert.deepEqual(reads, ["email", "firstName", "lastName", "phoneNumber", "subscribed"].map((key) => OPTIONS[key]).sort());
        assert.deepEqual(writes, []);
        const events = await allEvents();
        assert.deepEqual(typesAndParams(events.slice(1)), ALL_EVENTS);
        assert.doesNotMatch(JSON.stringify(events), /s3cret|4111|private/);
      },
    ));

  test("a submit is not prevented, delayed or hidden from the page", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + form(FIELDS) + integrate(OPTIONS) }),
      async ({ page, open }) => {
        await open();
        const observed = await page.evaluate(() => {
          const observed = [];
          addEventListener("submit", (event) => observed.push(["window", event.defaultPrevented, event.submitter?.tagName]), true);
          const form = document.querySelector("form");
          form.onsubmit = (event) => observed.push(["form", event.defaultPrevented]);
          addEventListener("submit", (event) => {
            observed.push(["bubbled", event.defaultPrevented]);
            event.preventDefault();
          });
          form.querySelector("button").click();
          return observed;
        });
        assert.deepEqual(observed, [["window", false, "BUTTON"], ["form", false], ["bubbled", false]]);
      },
    ));

  test("a form whose own handler stops the event still sends events", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + form(email("johny@x.com"), "") + inline(`document.querySelector("form").addEventListener("submit", function (event) { event.preventDefault(); event.stopImmediatePropagation(); });`) + integrate(EMAIL_ONLY) }),
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(() => document.querySelector("form").requestSubmit());
        assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [IDENTIFY]);
      },
    ));

  for (const method of ["get", "post"]) {
    test(`a native submit by ${method} sends events before the page navigates`, () =>
      withPage(
        (collector) => ({ "/": scriptTag(collector) + form(FIELDS, `action="/thanks" method="${method}"`) + integrate(OPTIONS), "/thanks": "<p>Thank you" }),
        async ({ page, url, open, waitForEvents }) => {
          await open();
          await page.click("button");
          await page.waitForURL(/thanks/);
          // The next page does not have the library, so the page with the form must send the events.
          const events = await waitForEvents((events) => events.length >= ALL_EVENTS.length + 1);
          assert.deepEqual(typesAndParams(events.slice(1)), ALL_EVENTS);
          assert.ok(events.every((event) => event.page.url === `${url}/` && event.email === "johny@x.com"));
        },
      ));
  }

  test("the next page sends the events of a native submit before the core has loaded", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + form(FIELDS, `action="/thanks" method="post"`) + integrate(OPTIONS), "/thanks": scriptTag(collector) }),
      async ({ page, open, collector, allEvents }) => {
        const wasm = `${collector.url}/assets/*.wasm`;
        await page.route(wasm, () => {});
        await open();
        await page.click("button");
        await page.waitForURL(/thanks/);
        await page.unroute(wasm);
        await page.reload();
        await page.waitForFunction(() => window.tillroll);
        assert.deepEqual(typesAndParams((await allEvents()).filter(({ type }) => type !== "land")), ALL_EVENTS);
      },
    ));

  test("the newsletter form of the demo shop sends its events with a native submit", () =>
    withPage(
      () => ({}),
      async ({ page, collector }) => {
        await page.goto(collector.url);
        await page.fill("[name='newsletter[first_name]']", "Johny");
        await page.fill("[name='newsletter[email]']", "Johny@x.com");
        await page.check("[name='newsletter[subscribed]']");
        await page.click("#newsletter-form button");
        await page.waitForURL(/newsletter\.html/);
        const expected = [
          IDENTIFY,
          ["customer_details", { first_name: "Johny", subscribed: true }],
          ["tag", { tags: ["newsletter-subscriber"] }],
          ["custom", { name: "newsletter-subscribed" }],
        ];
        const ofDemoShop = (events) => events.filter((event) => event.page.url.startsWith(collector.url));
        const events = ofDemoShop(await collector.waitForEvents((events) => ofDemoShop(events).some(({ type }) => type === "custom")));
        assert.deepEqual(typesAndParams(events.filter(({ type }) => !["land", "page_view"].includes(type))), expected);
        assert.ok(events.every((event) => event.email === "johny@x.com"));
      },
    ));
});
