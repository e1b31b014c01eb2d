// The whole application: it starts the tracker with the options of its script element, and sends the calls of the page.

import { start } from "tillroll";

const { token, collector } = document.currentScript.dataset;
const { metrilo } = start({ token, collector });

metrilo.viewProduct("312");
document.querySelector("#add").addEventListener("click", () => metrilo.addToCart("312", 1));
