import type { CacheLifetimes } from "../cacheKinds.ts";
import type { Dependencies } from "../coherence/dependencies.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { Instant } from "../coherence/validator.ts";
import type { Access } from "../repositories/access.ts";

export interface LoaderOptions {
  /** What there is for whoever asks: to them nothing else exists. Everything, unless given. */
  readonly access?: Access;
  /** Collects what the request's answer depends on, cached or not. */
  readonly reads: Pick<Dependencies, "add" | "addPart" | "noteAbsent">;
  /** Whether anybody asks for that. Where nobody does, what takes time to tell is left out. Yes, unless given. */
  readonly isNoted?: () => boolean;
  readonly store: Pick<CoherentStore, "getMany" | "areKept" | "hasReplicas">;
  readonly ttlMs: CacheLifetimes;
  /**
   * An instant after the request's arrival, when there is one: then its reads need not ask for another.
   * Undefined in a request that writes, whose later reads must see what it wrote.
   */
  readonly begun?: () => Instant | undefined;
  /** False, the default: for reads that decide who somebody is. */
  readonly mayUseReplicas?: boolean;
  /** Runs a read, so that it is given up when the request is. */
  readonly within?: <Result>(read: () => Promise<Result>) => Promise<Result>;
}
