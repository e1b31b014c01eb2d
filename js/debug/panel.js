// The debug panel: a list of messages with their status, in a shadow root, where the shop's styles do not apply. All content is set as text,
// never as HTML. The panel can be moved, folded and closed, so that it never covers a part of the page permanently.

import { tryCall } from "../safe.js";
import { writeDebugFlag } from "./flag.js";

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
  .status { color: #9aa0a6; }
  .stored { color: #81c995; }
  .dropped { color: #f28b82; }
  [hidden] { display: none; }
`;

/** How far an arrow key moves the panel: horizontally and vertically, in pixels. */
const ARROW_STEPS_PX = { ArrowLeft: [-16, 0], ArrowRight: [16, 0], ArrowUp: [0, -16], ArrowDown: [0, 16] };

const element = (name, text, properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties);

/** Applies the styles as a constructed style sheet, which a content security policy does not block, if the browser supports it. */
const applyStyles = (shadow) => {
  const isAdopted = tryCall(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
    return true;
  });
  if (!isAdopted) shadow.append(element("style", STYLE));
};

/** Makes the panel movable by its header, within the viewport, with a pointer or the arrow keys. */
const makeMovable = (host, header) => {
  const moveTo = (left, top) => {
    const { width, height } = header.getBoundingClientRect();
    host.style.left = Math.max(0, Math.min(left, innerWidth - width)) + "px";
    host.style.top = Math.max(0, Math.min(top, innerHeight - height)) + "px";
    host.style.right = "auto";
  };
  header.addEventListener("pointerdown", (down) => {
    if (down.target.closest("button")) return;
    const { left, top } = host.getBoundingClientRect();
    header.setPointerCapture(down.pointerId);
    header.onpointermove = (move) => moveTo(left + move.clientX - down.clientX, top + move.clientY - down.clientY);
    header.onpointerup = header.onpointercancel = () => (header.onpointermove = null);
  });
  header.addEventListener("keydown", (event) => {
    const step = event.target === header && ARROW_STEPS_PX[event.key];
    if (!step) return;
    const { left, top } = host.getBoundingClientRect();
    moveTo(left + step[0], top + step[1]);
    event.preventDefault();
  });
};

/**
 * Opens the panel and returns `{ addLine, setStatus }`. `addLine(message, data, id)` appends a message; a click on it prints the message and
 * the data, if any, to the console. `setStatus(ids, status, detail)` sets the status of the lines with these ids; unknown ids are ignored.
 */
export const openPanel = () => {
  const host = element("tillroll-debug", "");
  const shadow = host.attachShadow({ mode: "open" });
  applyStyles(shadow);
  const box = element("section", "");
  box.setAttribute("aria-label", "Tillroll debug panel");
  const header = element("header", "", { tabIndex: 0, title: "Move with the pointer or the arrow keys" });
  const fold = element("button", "Fold", { type: "button" });
  fold.setAttribute("aria-expanded", "true");
  const close = element("button", "Close", { type: "button", title: "Stays closed until a page is opened with #om_debug" });
  const list = element("ol", "");
  list.setAttribute("role", "log");
  list.setAttribute("aria-live", "polite");
  header.append(element("h1", "Tillroll"), fold, close);
  box.append(header, list);
  shadow.append(box);
  document.documentElement.append(host);
  makeMovable(host, header);

  fold.onclick = () => {
    list.hidden = !list.hidden;
    fold.textContent = list.hidden ? "Unfold" : "Fold";
    fold.setAttribute("aria-expanded", String(!list.hidden));
  };
  close.onclick = () => {
    host.remove();
    writeDebugFlag(false);
  };

  // No `Map`: the page may have one of its own.
  const statuses = { __proto__: null };
  /** Applies `change` and keeps the list scrolled to its end if it was there before. */
  const keepScroll = (change) => {
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    change();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  };
  return {
    addLine: (message, data, id) => {
      const button = element("button", "", { type: "button" });
      const status = element("span", "", { className: "status" });
      button.append(element("span", message), status);
      button.onclick = () => console.log(message, ...(data === undefined ? [] : [data]));
      const item = element("li", "");
      item.append(button);
      keepScroll(() => list.append(item));
      if (id) statuses[id] = status;
    },
    setStatus: (ids, status, detail) => {
      for (const id of ids) {
        const shown = statuses[id];
        if (!shown) continue;
        keepScroll(() => (shown.textContent = detail ? `${status}: ${detail}` : status));
        shown.className = `status ${status}`;
      }
    },
  };
};
