// The application: one tracker for all components, and a page view for each route.

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, Route, Routes, useHref, useLocation, useParams } from "react-router";
import { TillrollProvider, usePageViews, useTillroll } from "tillroll/react";

const options = { token: "sh0p-t0k3n", collector: "https://collector.example.com/" };

const PageViews = () => {
  const { pathname, search } = useLocation();
  usePageViews(useHref({ pathname, search }));
  return null;
};

const Home = () => (
  <Link id="product" to="/product/312">
    Blue shirt
  </Link>
);

const Product = () => {
  const { id } = useParams();
  const { metrilo } = useTillroll();
  return (
    <button id="add" onClick={() => metrilo.addToCart(id, 1)}>
      Add to basket
    </button>
  );
};

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <TillrollProvider options={options}>
      <BrowserRouter>
        <PageViews />
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/product/:id" element={<Product />} />
        </Routes>
      </BrowserRouter>
    </TillrollProvider>
  </StrictMode>,
);
