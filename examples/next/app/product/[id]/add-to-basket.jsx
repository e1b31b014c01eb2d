"use client";

// A component that calls the tracker.

import { useTillroll } from "tillroll/react";

export function AddToBasket({ id }) {
  const { metrilo } = useTillroll();
  return (
    <button id="add" onClick={() => metrilo.addToCart(id, 1)}>
      Add to basket
    </button>
  );
}
