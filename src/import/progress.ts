import type { Limits } from "./limits.ts";

/** How far a scan is. `total` is there when it is known; `note` is for people. */
export interface Progress {
  readonly phase: "fetch" | "extract" | "scan" | "detect";
  readonly done: number;
  readonly total?: number;
  readonly note?: string;
}

export type OnProgress = (progress: Progress) => void;

/** What every step that reads a source is given. */
export interface ReadOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}
