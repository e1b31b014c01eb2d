// The application: the plugin comes before the router, so that it sees the first navigation.

import { createApp } from "vue";
import { createRouter, createWebHistory } from "vue-router";
import { createTillroll } from "tillroll/vue";

import App from "./App.vue";
import Home from "./Home.vue";
import Product from "./Product.vue";

const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", component: Home },
    { path: "/product/:id", component: Product },
  ],
});
const options = { token: "sh0p-t0k3n", collector: "https://collector.example.com/" };

createApp(App).use(createTillroll(options, router)).use(router).mount("#root");
