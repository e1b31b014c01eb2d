// The debug window: what the library registered on this page, and what became of it. Fetched only when `#om_debug` asks for it. It lives
// in a shadow of its own, out of reach of the shop's styles; everything in it is text.

import { ofEvent, ofReport } from "../facades/messages.js";

const STYLE = `
  :host { all: initial; position: fixed; top: 8px; right: 8px; z-index: 2147483647; font: 12px/1.4 ui-monospace, Menlo, Consolas, monospace; color: #e8eaed; }
  section { width: min(360px, calc(100vw - 16px)); background: #16191d; border: 1px solid #3c4148; border-radius: 8px; box-shadow: 0 4px 24px #0006; }
  header { display: flex; align-items: center; gap: 8px; padding: 6px 8px; cursor: move; touch-action: none; user-select: none; }
  h1 { flex: 1; margin: 0; font: inherit; font-weight: 700; }
  button { font: inherit; color: inherit; background: none; border: 1px solid #5f6670; border-radius: 4px; padding: 2px 8px; min-height: 26px; cursor: pointer; }
  button:focus-visible { outline: 2px solid #8ab4f8; outline-offset: 1px; }
  ol { list-style: none; margin: 0; padding: 0; max-height: min(50vh, 420px); overflow: auto; border-top: 1px solid #3c4148; }
  li { display: flex; border-bottom: 1px solid #23272d; }
  li button { flex: 1; display: flex; gap: 8px; border: 0; border-radius: 0; text-align: left; padding: 5px 8px; overflow-wrap: anywhere; }
  li button:hover { background: #23272d; }
  li span:first-child { flex: 1; }
  .fate { color: #9aa0a6; white-space: nowrap; }
  .stored { color: #81c995; }
  .dropped { color: #f28b82; }
  [hidden] { display: none; }
`;

const element = (name, text, properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties);

/** Lets the window be moved by its header, within the page, with a pointer or the arrow keys. */
const movable = (host, header) => {
  const place = (left, top) => {
    const box = host.getBoundingClientRect();
    host.style.left = Math.max(0, Math.min(left, innerWidth - box.width)) + "px";
    host.style.top = Math.max(0, Math.min(top, innerHeight - 40)) + "px";
    host.style.right = "auto";
  };
  header.addEventListener("pointerdown", (down) => {
    if (down.target.closest("button")) return;
    const { left, top } = host.getBoundingClientRect();
    header.setPointerCapture(down.pointerId);
    header.onpointermove = (move) => place(left + move.clientX - down.clientX, top + move.clientY - down.clientY);
    header.onpointerup = () => (header.onpointermove = null);
  });
  header.addEventListener("keydown", ({ key, target }) => {
    if (target !== header) return;
    const step = { ArrowLeft: [-16, 0], ArrowRight: [16, 0], ArrowUp: [0, -16], ArrowDown: [0, 16] }[key];
    const { left, top } = host.getBoundingClientRect();
    if (step) place(left + step[0], top + step[1]);
  });
};

/**
 * Opens the window. `log` is what was reported so far; `on(listener)` hears what comes; `close()` is called when the visitor closes it for
 * good.
 */
export const open = ({ log, on, close }) => {
  const host = element("tillroll-debug", "");
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];

  const box = element("section", "");
  box.setAttribute("aria-label", "Tillroll debug window");
  const header = element("header", "", { tabIndex: 0, title: "Move with the pointer or the arrow keys" });
  const fold = element("button", "Fold");
  const off = element("button", "Close", { title: "Until #om_debug is asked for again" });
  const list = element("ol", "");
  list.setAttribute("role", "log");
  header.append(element("h1", "Tillroll"), fold, off);
  box.append(header, list);
  shadow.append(box);
  document.documentElement.append(host);
  movable(host, header);

  fold.onclick = () => {
    list.hidden = !list.hidden;
    fold.textContent = list.hidden ? "Unfold" : "Fold";
    fold.setAttribute("aria-expanded", String(!list.hidden));
  };
  off.onclick = () => {
    host.remove();
    close();
  };

  const fates = new Map();
  const line = (message, data) => {
    const button = element("button", "");
    const fate = element("span", "", { className: "fate" });
    button.append(element("span", message), fate);
    button.onclick = () => console.log(message, ...(data === undefined ? [] : [data]));
    const item = element("li", "");
    item.append(button);
    list.append(item);
    list.scrollTop = list.scrollHeight;
    return fate;
  };
  const decide = (keys, fate, why) => {
    for (const key of keys) {
      const shown = fates.get(key);
      if (!shown) continue;
      shown.textContent = why ? `${fate}: ${why}` : fate;
      shown.className = `fate ${fate}`;
    }
  };
  const hear = (report) => {
    for (const message of ofReport(report)) line(message, report.name === "error" ? report : undefined);
    if (report.name === "kept") {
      const event = JSON.parse(report.answer);
      if (event.type === "identify" && event.params.email) line(`Identified: ${event.params.email}`);
      fates.set(report.keys, line(ofEvent(event), event.params));
      decide([report.keys], "kept");
    }
    if (report.name === "sending") decide(report.keys.split(","), "sent");
    if (report.name === "sent") decide(report.keys.split(","), "stored");
    if (report.name === "dropped") decide(report.keys.split(","), "dropped", report.reason);
  };
  log.forEach(hear);
  on(hear);
};
