import type { Family } from "../../server/metrics/family.ts";

/** What a worker's process is told by the one that started it. */
export type ToWorker =
  /** Running requests may finish. With a successor, its connections are handed over first. */
  | { readonly kind: "stop"; readonly hasSuccessor: boolean }
  /** Answered with `counted`. */
  | { readonly kind: "count"; readonly id: number }
  /** The answer to `metrics`. */
  | { readonly kind: "metrics"; readonly id: number; readonly text: string };

/** What a worker tells. */
export type ToPrimary =
  /** It answers at this address. */
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "counted"; readonly id: number; readonly families: readonly Family[] }
  /** Somebody asks it what all workers have counted. */
  | { readonly kind: "metrics"; readonly id: number };
