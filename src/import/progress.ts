import type { Limits } from "./limits.ts";

/** How far a scan has got. `total` is set when it is known; `note` is for people. */
export interface Progress {
  readonly phase: "fetch" | "extract" | "scan" | "detect";
  readonly done: number;
  readonly total?: number;
  readonly note?: string;
}

export type OnProgress = (progress: Progress) => void;

/** The options of every step that reads a source. */
export interface ReadOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}
