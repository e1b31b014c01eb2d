// Forms of the shop: what a submit tells, in which order, and what it never does: read another field, hold the submit up, or get lost when
// the page goes at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage({ flags: ["--demo"] });

const inline = (text) => `<script>${text}</script>`;
const integrate = (options) => inline(`metrilo.integrateForm(${JSON.stringify(options)});`);
const short = (events) => events.map(({ type, params }) => [type, params]);

const EMAIL = ["identify", { email: "johny@x.com" }];
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
const WHOLE = [
  EMAIL,
  ["customer_details", { first_name: "Johny", last_name: "Bravo", phone_number: "+46 100 200", subscribed: true }],
  ["tag", { tags: ["newsletter-subscriber"] }],
  ["custom", { name: "newsletter-subscribed" }],
];
const SMALL = { formSelector: "form", email: "email" };
const email = (value) => `<input name="email" value="${value}">`;

const form = (fields, attributes = `onsubmit="event.preventDefault()"`) => `<form id="newsletter" ${attributes}>${fields}</form>`;

/** title: the form's fields, the options, and what a submit stores, with forms that stay on their page. */
const SUBMITS = {
  "whole, with bracketed names": [FIELDS, OPTIONS, WHOLE],
  "the e-mail alone": [email("johny@x.com"), SMALL, [EMAIL]],
  "a box that is not ticked says nothing": [
    email("johny@x.com") + `<input type="checkbox" name="yes"><input name="first" value="Johny">`,
    { ...SMALL, subscribed: "yes", firstName: "first" },
    [EMAIL, ["customer_details", { first_name: "Johny" }]],
  ],
  "a box that is not ticked alone is no details": [email("johny@x.com") + `<input type="checkbox" name="yes">`, { ...SMALL, subscribed: "yes" }, [EMAIL]],
  "a hidden field before a ticked box of the same name": [
    email("johny@x.com") + `<input type="hidden" name="yes" value="0"><input type="checkbox" name="yes" value="1" checked>`,
    { ...SMALL, subscribed: "yes" },
    [EMAIL, ["customer_details", { subscribed: true }]],
  ],
  "a hidden field before a box that is not ticked": [
    email("johny@x.com") + `<input type="hidden" name="yes" value="1"><input type="checkbox" name="yes" value="1">`,
    { ...SMALL, subscribed: "yes" },
    [EMAIL],
  ],
  "a choice of yes and no is no box": [
    email("johny@x.com") + `<input type="radio" name="yes" value="1"><input type="radio" name="yes" value="0" checked>`,
    { ...SMALL, subscribed: "yes" },
    [EMAIL],
  ],
  "fields without a name are nobody's": [email("johny@x.com") + `<input value="private">`, { ...SMALL, firstName: "" }, [EMAIL]],
  "a number for a name": [email("johny@x.com") + `<input name="7" value="Johny">`, { ...SMALL, firstName: 7 }, [EMAIL, ["customer_details", { first_name: "Johny" }]]],
  "subscribed as a flag of old pages": [email("johny@x.com"), { ...SMALL, subscribed: true }, [EMAIL, ["customer_details", { subscribed: true }]]],
  "subscribed as a flag that is false": [email("johny@x.com"), { ...SMALL, subscribed: false }, [EMAIL, ["customer_details", { subscribed: false }]]],
  "the old keys, with names": [
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
    WHOLE,
  ],
  "the old keys, with selectors": [
    `<input id="mail" value="johny@x.com"><input class="first" value="Johny">`,
    { formSelector: "form", emailSelector: "#mail", firstNameSelector: "input.first" },
    [EMAIL, ["customer_details", { first_name: "Johny" }]],
  ],
  "fields that the form has not": [email("johny@x.com"), { ...SMALL, firstName: "nowhere", lastName: "no where[", subscribed: "none" }, [EMAIL]],
  "empty fields are left out": [email("johny@x.com") + `<input name="first"><input name="last" value="Bravo">`, { ...SMALL, firstName: "first", lastName: "last" }, [
    EMAIL,
    ["customer_details", { last_name: "Bravo" }],
  ]],
  "an empty e-mail: nothing at all": [FIELDS.replace(" Johny@x.com ", ""), OPTIONS, []],
  "no e-mail: nothing at all": [FIELDS.replace(" Johny@x.com ", "johny"), OPTIONS, []],
  ...Object.fromEntries(
    ["johny@x..com", "johny@x.com.", "<johny@x.com>", "johny,jane@x.com"].map((typed) => [
      `${typed} is no e-mail either: nothing at all`,
      [FIELDS.replace(" Johny@x.com ", typed), OPTIONS, []],
    ]),
  ),
  "an e-mail field that is not there: nothing at all": [FIELDS, { ...OPTIONS, email: "mail" }, []],
  "no e-mail named: nothing at all": [FIELDS, { ...OPTIONS, email: undefined }, []],
  "a box around the form": [FIELDS, { ...OPTIONS, formSelector: "#box" }, WHOLE],
  "tags as a text": [email("johny@x.com"), { ...SMALL, tags: "vip" }, [EMAIL, ["tag", { tags: ["vip"] }]]],
  "fields outside that belong to it": [`</form><input form="newsletter" name="email" value="johny@x.com"><form>`, { ...SMALL, formSelector: "#newsletter" }, [EMAIL]],
};

describe("forms", AT_ONCE, () => {
  for (const [title, [fields, options, expected]] of Object.entries(SUBMITS)) {
    test(title, () =>
      play(
        (collector) => ({ "/": scriptTag(collector) + `<div id="box">${form(fields)}</div>` + integrate(options) }),
        async ({ page, open, told }) => {
          await open();
          await page.evaluate(() => document.querySelector("form").requestSubmit());
          assert.deepEqual(short((await told()).slice(1)), expected);
        },
      ),
    );
  }

  test("integrated twice it fires once; and every submit fires", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + form(email("a@x.com")) + integrate({ ...SMALL, customEvent: "x" }) + integrate({ ...SMALL, customEvent: "y" }) }),
      async ({ page, open, told }) => {
        await open();
        await page.evaluate(() => {
          const form = document.querySelector("form");
          form.requestSubmit();
          form.email.value = "b@x.com";
          form.requestSubmit();
        });
        const said = (email) => [["identify", { email }], ["custom", { name: "x" }]];
        assert.deepEqual(short((await told()).slice(1)), [...said("a@x.com"), ...said("b@x.com")]);
      },
    ));

  test("each form of a selector is heard, and one in a box that is integrated too fires once", () =>
    play(
      (collector) => ({
        "/":
          scriptTag(collector) +
          ["a@x.com", "b@x.com"].map((value) => `<div class="letter">${form(email(value))}</div>`).join("") +
          integrate({ ...SMALL, customEvent: "x" }) +
          integrate({ ...SMALL, formSelector: ".letter, .letter form", customEvent: "y" }),
      }),
      async ({ page, open, told }) => {
        await open();
        await page.evaluate(() => document.querySelectorAll("form").forEach((form) => form.requestSubmit()));
        const names = (await told()).slice(1).map(({ params }) => params.email ?? params.name);
        // The box hears it first.
        assert.deepEqual(names, ["a@x.com", "y", "b@x.com", "y"]);
      },
    ));

  test("a form that is not there yet is no fault, and is found when it is asked for again", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + integrate(SMALL) + integrate({ formSelector: "][" }) + inline(`metrilo.integrateForm(); metrilo.integrateForm(null); metrilo.integrateForm("form");`) }),
      async ({ page, open, told }) => {
        await open();
        await page.evaluate(
          ([html, options]) => {
            document.body.insertAdjacentHTML("beforeend", html);
            document.querySelector("form").requestSubmit();
            window.metrilo.integrateForm(options);
            document.querySelector("form").requestSubmit();
          },
          [form(email("johny@x.com")), SMALL],
        );
        assert.deepEqual(short((await told()).slice(1)), [EMAIL]);
      },
    ));

  test("no field but those named is read, and none is changed", () =>
    play(
      (collector) => ({
        "/": scriptTag(collector) + form(FIELDS + `<input type="password" name="password" value="s3cret"><input name="card" value="4111"><input type="checkbox" name="terms" checked><textarea name="note">private</textarea><select name="country"><option>SE</select>`) + integrate(OPTIONS),
      }),
      async ({ page, open, told }) => {
        await open();
        const [read, written] = await page.evaluate(() => {
          const read = [];
          const written = [];
          for (const type of [HTMLInputElement, HTMLTextAreaElement, HTMLSelectElement]) {
            for (const name of ["value", "checked", "defaultValue", "selectedOptions", "files"]) {
              const own = Object.getOwnPropertyDescriptor(type.prototype, name);
              if (!own) continue;
              Object.defineProperty(type.prototype, name, {
                ...own,
                get() {
                  read.push(this.name);
                  return own.get.call(this);
                },
                set() {
                  written.push(this.name);
                },
              });
            }
          }
          window.FormData = class {
            constructor() {
              read.push("everything");
            }
          };
          document.querySelector("form").requestSubmit();
          return [[...new Set(read)].sort(), written];
        });
        assert.deepEqual(read, ["email", "firstName", "lastName", "phoneNumber", "subscribed"].map((key) => OPTIONS[key]).sort());
        assert.deepEqual(written, []);
        const events = await told();
        assert.deepEqual(short(events.slice(1)), WHOLE);
        assert.doesNotMatch(JSON.stringify(events), /s3cret|4111|private/);
      },
    ));

  test("a submit is never prevented, delayed or hidden from the page", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + form(FIELDS) + integrate(OPTIONS) }),
      async ({ page, open }) => {
        await open();
        const seen = await page.evaluate(() => {
          const seen = [];
          addEventListener("submit", (event) => seen.push(["window", event.defaultPrevented, event.submitter?.tagName]), true);
          const form = document.querySelector("form");
          form.onsubmit = (event) => seen.push(["form", event.defaultPrevented]);
          addEventListener("submit", (event) => {
            seen.push(["bubbled", event.defaultPrevented]);
            event.preventDefault();
          });
          form.querySelector("button").click();
          return seen;
        });
        assert.deepEqual(seen, [["window", false, "BUTTON"], ["form", false], ["bubbled", false]]);
      },
    ));

  test("a form whose own handler throws or stops the event is heard all the same", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + form(email("johny@x.com"), "") + inline(`document.querySelector("form").addEventListener("submit", function (event) { event.preventDefault(); event.stopImmediatePropagation(); });`) + integrate(SMALL) }),
      async ({ page, open, told }) => {
        await open();
        await page.evaluate(() => document.querySelector("form").requestSubmit());
        assert.deepEqual(short((await told()).slice(1)), [EMAIL]);
      },
    ));

  for (const method of ["get", "post"]) {
    test(`a native submit by ${method} that leaves for another page at once`, () =>
      play(
        (collector) => ({ "/": scriptTag(collector) + form(FIELDS, `action="/thanks" method="${method}"`) + integrate(OPTIONS), "/thanks": "<p>Thank you" }),
        async ({ page, url, open, stored }) => {
          await open();
          await page.click("button");
          await page.waitForURL(/thanks/);
          // The page that follows has no script of ours: what the submit told must have left with the page that it was made on.
          const events = await stored((events) => events.length >= WHOLE.length + 1);
          assert.deepEqual(short(events.slice(1)), WHOLE);
          assert.ok(events.every((event) => event.page.url === `${url}/` && event.email === "johny@x.com"));
        },
      ));
  }

  test("a native submit before the core has arrived: the next page sends it", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + form(FIELDS, `action="/thanks" method="post"`) + integrate(OPTIONS), "/thanks": scriptTag(collector) }),
      async ({ page, open, collector, told }) => {
        const wasm = `${collector.url}/assets/*.wasm`;
        await page.route(wasm, () => {});
        await open();
        await page.click("button");
        await page.waitForURL(/thanks/);
        await page.unroute(wasm);
        await page.reload();
        await page.waitForFunction(() => window.tillroll);
        assert.deepEqual(short((await told()).filter(({ type }) => type !== "land")), WHOLE);
      },
    ));

  test("the demo shop's newsletter, submitted natively to another page", () =>
    play(
      () => ({}),
      async ({ page, collector }) => {
          await page.goto(collector.url);
        await page.fill("[name='newsletter[first_name]']", "Johny");
        await page.fill("[name='newsletter[email]']", "Johny@x.com");
        await page.check("[name='newsletter[subscribed]']");
        await page.click("#newsletter-form button");
        await page.waitForURL(/newsletter\.html/);
        const wanted = [
          EMAIL,
          ["customer_details", { first_name: "Johny", subscribed: true }],
          ["tag", { tags: ["newsletter-subscriber"] }],
          ["custom", { name: "newsletter-subscribed" }],
        ];
        const here = (events) => events.filter((event) => event.page.url.startsWith(collector.url));
        const events = here(await collector.until((events) => here(events).some(({ type }) => type === "custom")));
        assert.deepEqual(short(events.filter(({ type }) => !["land", "page_view"].includes(type))), wanted);
        assert.ok(events.every((event) => event.email === "johny@x.com"));
      },
    ));
});
