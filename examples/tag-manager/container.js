// Stands in for the tag manager's container, which its own server makes. It inserts custom HTML tags as that does: variables become JavaScript
// values, each script is created again and keeps only its address and its text, and scripts of one tag run in their order.

const TAGS = [
  { trigger: "gtm.js", file: "tags/library.html" },
  { trigger: "gtm.js", file: "tags/page.html" },
  { trigger: "add_to_cart", file: "tags/add-to-cart.html" },
  { trigger: "purchase", file: "tags/purchase.html" },
];

const VARIABLES = { Items: (entry) => entry.ecommerce.items, Transaction: (entry) => entry.ecommerce.transaction_id };

const load = async (tag) => ({ ...tag, html: await (await fetch(tag.file)).text() });

const insert = (html, entry) => {
  const template = document.createElement("template");
  template.innerHTML = html.replace(/{{(\w+)}}/g, (_, name) => JSON.stringify(VARIABLES[name](entry)));
  for (const { src, text } of template.content.querySelectorAll("script")) {
    const script = document.createElement("script");
    script.async = false;
    if (src) script.src = src;
    else script.text = text;
    document.body.append(script);
  }
};

const start = async () => {
  const tags = await Promise.all(TAGS.map(load));
  const fire = (entry) => tags.forEach(({ trigger, html }) => trigger === entry.event && insert(html, entry));
  const earlier = window.dataLayer.splice(0);
  window.dataLayer.push = (...entries) => entries.forEach(fire);
  window.dataLayer.push({ event: "gtm.js" }, ...earlier);
  document.body.dataset.container = "ready";
};

void start();
