// The types of `tillroll/react`.

import type { ReactElement, ReactNode } from "react";

import type { Options, Tillroll } from "./index.js";

/** Starts the tracker, once, and provides it to the components below. Under server rendering all functions exist and do nothing. */
export function TillrollProvider(props: { options: Options; children?: ReactNode }): ReactElement;

/** Returns the tracker. Throws an error without a provider above the component. */
export function useTillroll(): Tillroll;

/**
 * Sends a page view 100 ms after `address` has become another one; a redirect within that time is no view of its own. `address` is absolute or relative to the page; nothing is sent while it is
 * empty. With React Router pass `useHref` of the location, which has the router's `basename`; with Next the path and query of `usePathname` and `useSearchParams`, or of `useRouter`.
 */
export function usePageViews(address: string | null | undefined, name?: string): void;
