import type { Family } from "../../server/metrics/family.ts";

/** Messages from the primary process to a worker. */
export type ToWorker =
  /** Running requests may finish. With a successor, the worker's connections are handed over first. */
  | { readonly kind: "stop"; readonly hasSuccessor: boolean }
  /** Answered with `counted`. */
  | { readonly kind: "count"; readonly id: number }
  /** The answer to `metrics`. */
  | { readonly kind: "metrics"; readonly id: number; readonly text: string };

/** Messages from a worker to the primary process. */
export type ToPrimary =
  /** The worker answers at this address. */
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "counted"; readonly id: number; readonly families: readonly Family[] }
  /** The worker was asked for the figures of all workers. */
  | { readonly kind: "metrics"; readonly id: number };
