// The debug window itself: a list of messages with their fates, in a shadow of its own, out of reach of the shop's styles. Everything in it
// is text and was never HTML. It can be moved, folded and closed, so that it covers nothing for good.

import { DEBUG_COOKIE, DEBUG_OVER, DEBUG_REACH } from "../facades/cookies.js";
import { quietly } from "../quiet.js";

const STYLE = `
  :host { all: initial; position: fixed; top: 8px; right: 8px; z-index: 2147483647; font: 12px/1.4 ui-monospace, Menlo, Consolas, monospace; color: #e8eaed; }
  section { width: min(380px, calc(100vw - 16px)); background: #16191d; border: 1px solid #3c4148; border-radius: 8px; box-shadow: 0 4px 24px #0006; }
  header { display: flex; align-items: center; gap: 8px; padding: 6px 8px; cursor: move; touch-action: none; user-select: none; border-radius: 8px; }
  h1 { flex: 1; margin: 0; font: inherit; font-weight: 700; }
  button { font: inherit; color: inherit; background: none; border: 1px solid #5f6670; border-radius: 4px; padding: 2px 8px; min-height: 26px; cursor: pointer; }
  :focus-visible { outline: 2px solid #8ab4f8; outline-offset: 1px; }
  ol { list-style: none; margin: 0; padding: 0; max-height: min(50vh, 420px); overflow: auto; border-top: 1px solid #3c4148; }
  li { display: flex; border-bottom: 1px solid #23272d; }
  li button { flex: 1; display: flex; gap: 8px; border: 0; border-radius: 0; text-align: left; padding: 5px 8px; overflow-wrap: anywhere; }
  li button:hover { background: #23272d; }
  li span:first-child { flex: 1; }
  .fate { color: #9aa0a6; }
  .stored { color: #81c995; }
  .dropped { color: #f28b82; }
  [hidden] { display: none; }
`;

/** How far an arrow key moves the window, in pixels. */
const STEPS = { ArrowLeft: [-16, 0], ArrowRight: [16, 0], ArrowUp: [0, -16], ArrowDown: [0, 16] };

const element = (name, text, properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties);

/** Styles that a strict policy lets pass where the browser knows them. */
const dress = (shadow) => {
  const adopted = quietly(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
    return true;
  });
  if (!adopted) shadow.append(element("style", STYLE));
};

/** Lets the window be moved by its header, within the page, with a pointer or the arrow keys. */
const movable = (host, header) => {
  const place = (left, top) => {
    const { width, height } = header.getBoundingClientRect();
    host.style.left = Math.max(0, Math.min(left, innerWidth - width)) + "px";
    host.style.top = Math.max(0, Math.min(top, innerHeight - height)) + "px";
    host.style.right = "auto";
  };
  header.addEventListener("pointerdown", (down) => {
    if (down.target.closest("button")) return;
    const { left, top } = host.getBoundingClientRect();
    header.setPointerCapture(down.pointerId);
    header.onpointermove = (move) => place(left + move.clientX - down.clientX, top + move.clientY - down.clientY);
    header.onpointerup = header.onpointercancel = () => (header.onpointermove = null);
  });
  header.addEventListener("keydown", (event) => {
    const step = event.target === header && STEPS[event.key];
    if (!step) return;
    const { left, top } = host.getBoundingClientRect();
    place(left + step[0], top + step[1]);
    event.preventDefault();
  });
};

/**
 * Opens the window. `line(message, data, id)` adds a message; a click on it prints it, and the data where there are any, to the console.
 * `mark(ids, fate, why)` says what became of the lines of these ids; others are left alone.
 */
export const openWindow = () => {
  const host = element("tillroll-debug", "");
  const shadow = host.attachShadow({ mode: "open" });
  dress(shadow);
  const box = element("section", "");
  box.setAttribute("aria-label", "Tillroll debug window");
  const header = element("header", "", { tabIndex: 0, title: "Move with the pointer or the arrow keys" });
  const fold = element("button", "Fold", { type: "button" });
  fold.setAttribute("aria-expanded", "true");
  const close = element("button", "Close", { type: "button", title: "Until #om_debug is asked for again" });
  const list = element("ol", "");
  list.setAttribute("role", "log");
  list.setAttribute("aria-live", "polite");
  header.append(element("h1", "Tillroll"), fold, close);
  box.append(header, list);
  shadow.append(box);
  document.documentElement.append(host);
  movable(host, header);

  fold.onclick = () => {
    list.hidden = !list.hidden;
    fold.textContent = list.hidden ? "Unfold" : "Fold";
    fold.setAttribute("aria-expanded", String(!list.hidden));
  };
  close.onclick = () => {
    host.remove();
    quietly(() => (document.cookie = DEBUG_COOKIE + DEBUG_REACH + DEBUG_OVER));
  };

  const fates = new Map();
  /** Whoever reads the end of the list goes on reading the end of it. */
  const follow = (change) => {
    const isRead = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    change();
    if (isRead) list.scrollTop = list.scrollHeight;
  };
  return {
    line: (message, data, id) => {
      const button = element("button", "", { type: "button" });
      const fate = element("span", "", { className: "fate" });
      button.append(element("span", message), fate);
      button.onclick = () => console.log(message, ...(data === undefined ? [] : [data]));
      const item = element("li", "");
      item.append(button);
      follow(() => list.append(item));
      if (id) fates.set(id, fate);
    },
    mark: (ids, fate, why) => {
      for (const id of ids) {
        const shown = fates.get(id);
        if (!shown) continue;
        follow(() => (shown.textContent = why ? `${fate}: ${why}` : fate));
        shown.className = `fate ${fate}`;
      }
    },
  };
};
