// The types of `tillroll/testing`.

/** An event as the collector exports it. */
export interface StoredEvent {
  id: string;
  type: string;
  api: string;
  time: number;
  received_at: number;
  cursor: string;
  visitor_id: string | null;
  email: string | null;
  session_id: string | null;
  store_id: string | null;
  page: { url?: string; referrer?: string; title?: string } | null;
  params: Record<string, unknown>;
}

/** An event that the collector refused. */
export interface RejectedEvent {
  id: string | null;
  type: string | null;
  code: string;
  message: string;
  time: number | null;
}

/** Some fields of an event. Arrays must have the same length; fields that are not named may have any value. */
export type ExpectedEvent = { [Field in keyof StoredEvent]?: StoredEvent[Field] extends string | number | null ? StoredEvent[Field] : object };

/** An ephemeral collector, and what it received since the last reset. */
export interface Tracked {
  /** The collector's address. */
  readonly url: string;
  readonly token: string;
  readonly secret: string;
  /** The address for the script tag of the shop's pages. */
  readonly scriptUrl: string;
  events(): Promise<StoredEvent[]>;
  rejected(): Promise<RejectedEvent[]>;
  /** Waits for a stored event with all fields of `expected`, and returns it; `timeout` is in milliseconds, 5,000 by default. */
  expect(expected: ExpectedEvent, options?: { timeout?: number }): Promise<StoredEvent>;
  /** Starts both lists again. */
  reset(): Promise<void>;
}

/** Options of the collector. */
export interface CollectorOptions {
  /** The program. Default: the environment variable `TILLROLL_BIN`, else `tillroll` on the path. */
  binary?: string;
  /** The token of the collector's project, as the application has it built in. Default: `test`. */
  token?: string;
  /** The secret of the project, at least five characters. Default: `test-secret`. */
  secret?: string;
}

/** Starts a collector with an empty store on a free port. `close()` ends it and deletes what it stored. */
export function startCollector(options?: CollectorOptions): Promise<Tracked & { close(): Promise<void> }>;

/** The fixtures of `trackingFixtures`: one collector for each worker, reset before each test. */
export interface TrackingFixtures {
  tracked: Tracked;
}

/** Returns the fixtures for `test.extend` of `@playwright/test`. */
export function trackingFixtures(options?: CollectorOptions): any;
