// An application as a shop has it: Vue with its router, and the tracker of the package.

import { createApp, h } from "vue";
import { createRouter, createWebHistory, RouterLink, RouterView } from "vue-router";
import { createTillroll, useTillroll } from "tillroll/vue";

const Home = { render: () => h("p", "Home") };
const Product = {
  setup() {
    const { metrilo } = useTillroll();
    return () => h("button", { onClick: () => metrilo.addToCart("312", 2) }, "Add to basket");
  },
};
const App = {
  render: () => [
    h(RouterLink, { to: "/product" }, () => "Product"),
    h(RouterLink, { to: "/product#reviews" }, () => "Reviews"),
    h(RouterLink, { to: "/old" }, () => "Old"),
    h(RouterView),
  ],
};
const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", component: Home },
    { path: "/product", component: Product },
    { path: "/old", redirect: "/product?from=old" },
  ],
});
createApp(App).use(createTillroll(window.trackerOptions, router)).use(router).mount("#root");
