// An application as a shop has it: React Router under StrictMode, with the tracker of the package.

import { StrictMode, createElement as h } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, Navigate, Route, Routes, useHref, useLocation } from "react-router";
import { TillrollProvider, usePageViews, useTillroll } from "tillroll/react";

const PageViews = () => {
  const { pathname, search } = useLocation();
  usePageViews(useHref({ pathname, search }));
  return null;
};

const Product = () => {
  const { metrilo } = useTillroll();
  return h("button", { onClick: () => metrilo.addToCart("312", 2) }, "Add to basket");
};

const App = () =>
  h(
    BrowserRouter,
    null,
    h(PageViews),
    h(Link, { to: "/product" }, "Product"),
    h(Link, { to: "/product#reviews" }, "Reviews"),
    h(Link, { to: "/old" }, "Old"),
    h(
      Routes,
      null,
      h(Route, { path: "/", element: h("p", null, "Home") }),
      h(Route, { path: "/product", element: h(Product) }),
      h(Route, { path: "/old", element: h(Navigate, { to: "/product?from=old", replace: true }) }),
    ),
  );

const root = document.getElementById("root");
createRoot(root).render(h(StrictMode, null, h(TillrollProvider, { options: window.trackerOptions }, h(App))));
