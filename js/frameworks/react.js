// `tillroll/react`: a provider that starts the tracker once, and hooks. It adds no dependency; React is the application's own.

"use client";

import { createContext, createElement, useContext, useEffect, useRef, useState } from "react";

import { start } from "./index.js";

/** A page that is replaced within this time is a redirect, and no view. */
const REDIRECT_MS = 100;

const TrackerContext = createContext(undefined);

/** Starts the tracker and provides it to the components below; see react.d.ts. */
export const TillrollProvider = ({ options, children }) => {
  // `start` returns the same tracker each time, so a second call by StrictMode has no effect. Under server rendering it does nothing.
  const [tracker] = useState(() => start(options));
  return createElement(TrackerContext.Provider, { value: tracker }, children);
};

/** Returns the tracker; see react.d.ts. */
export const useTillroll = () => {
  const tracker = useContext(TrackerContext);
  if (!tracker) throw new Error("tillroll: useTillroll() needs a <TillrollProvider> above the component");
  return tracker;
};

/** Sends a page view for each new address; see react.d.ts. */
export const usePageViews = (address, name) => {
  const { metrilo } = useTillroll();
  const last = useRef(undefined);
  useEffect(() => {
    if (!address || last.current === address) return;
    const stop = () => (clearTimeout(timer), removeEventListener("pagehide", send));
    const send = () => {
      stop();
      last.current = address;
      metrilo.viewPage(new URL(address, location.href).href, name ? { name } : undefined);
    };
    // StrictMode runs each effect twice, and a redirect changes the address again: only the last address counts.
    const timer = setTimeout(send, REDIRECT_MS);
    addEventListener("pagehide", send);
    return stop;
  }, [metrilo, address, name]);
};
