"use client";

// Starts the tracker in the browser, and sends a page view for each route.

import { usePathname, useSearchParams } from "next/navigation";
import { Suspense } from "react";
import { TillrollProvider, usePageViews } from "tillroll/react";

const options = { token: "sh0p-t0k3n", collector: "https://collector.example.com/" };

function PageViews() {
  const query = useSearchParams().toString();
  usePageViews(usePathname() + (query && "?" + query));
  return null;
}

export function Tracker({ children }) {
  return (
    <TillrollProvider options={options}>
      <Suspense>
        <PageViews />
      </Suspense>
      {children}
    </TillrollProvider>
  );
}
