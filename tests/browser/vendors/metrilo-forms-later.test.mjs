// metrilo.integrateForm: forms that are not there yet, that are drawn again, or that stand in an open shadow tree. One submit is one event.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const inline = (text) => `<script>${text}</script>`;
const FORM = `<form id="letter" onsubmit="event.preventDefault()"><input name="email" value="johny@x.com"><button>go</button></form>`;
const INTEGRATE = `metrilo.integrateForm({ formSelector: "#letter", email: "email" });`;
const BOX = `<div id="box"></div>`;
const IN_SHADOW = `document.getElementById("box").attachShadow({ mode: "open" })`;
const click = `document.getElementById("letter").querySelector("button").click()`;
const clickInShadow = `document.getElementById("box").shadowRoot.querySelector("button").click()`;

/** A form in a shadow tree whose button has a shadow tree of its own. */
const NESTED = `
  customElements.define("own-button", class extends HTMLElement {
    connectedCallback() {
      this.attachShadow({ mode: "open" }).innerHTML = "<button type=button>go</button>";
      this.shadowRoot.firstChild.onclick = () => this.closest("form").requestSubmit();
    }
  });
  ${IN_SHADOW}.innerHTML = ${JSON.stringify(FORM.replace("<button>go</button>", "<own-button></own-button>"))};
`;
const clickNested = `document.getElementById("box").shadowRoot.querySelector("own-button").shadowRoot.querySelector("button").click()`;

/** title: the page after the script, what makes the form appear, and what submits it. */
const FORMS = {
  "integrated before it is there": [inline(INTEGRATE) + FORM, "", click],
  "integrated through the queue": [inline(`metriloQueue.push(() => { ${INTEGRATE} });`) + FORM, "", click],
  "that appears later": [inline(INTEGRATE) + BOX, `document.getElementById("box").innerHTML = ${JSON.stringify(FORM)}`, click],
  "drawn again": [`<div id="box">${FORM}</div>` + inline(INTEGRATE), `document.getElementById("box").innerHTML = ${JSON.stringify(FORM)}`, click],
  "moved": [FORM + BOX + inline(INTEGRATE), `document.getElementById("box").append(document.getElementById("letter"))`, click],
  "submitted by requestSubmit": [FORM + inline(INTEGRATE), "", `document.getElementById("letter").requestSubmit()`],
  "given as an element": [FORM + inline(`metrilo.integrateForm({ formSelector: document.getElementById("letter"), email: "email" });`), "", click],
  "in an open shadow tree": [BOX + inline(`${IN_SHADOW}.innerHTML = ${JSON.stringify(FORM)}; ${INTEGRATE}`), "", clickInShadow],
  "in a shadow tree, with a button that has its own": [BOX + inline(NESTED + INTEGRATE), "", clickNested],
  "in a shadow tree that appears later": [BOX + inline(INTEGRATE), `${IN_SHADOW}.innerHTML = ${JSON.stringify(FORM)}`, clickInShadow],
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, a form`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    for (const [title, [body, change, submit]] of Object.entries(FORMS)) {
      test(`${title} identifies the visitor once`, () =>
        withPage(
          (collector) => ({ "/": scriptTag(collector) + body }),
          async ({ page, open, allEvents }) => {
            await open();
            if (change) await page.evaluate(`void (${change})`);
            await page.evaluate(`void ${submit}`);
            const events = (await allEvents()).filter(({ type }) => type !== "land");
            assert.deepEqual(events.map(({ type, params }) => [type, params]), [["identify", { email: "johny@x.com" }]]);
          },
        ));
    }
  });
}
