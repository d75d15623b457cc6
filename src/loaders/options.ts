import type { CacheLifetimes } from "../cacheKinds.ts";
import type { Dependencies } from "../coherence/dependencies.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { Instant } from "../coherence/validator.ts";
import type { Access } from "../repositories/access.ts";

export interface LoaderOptions {
  /** What exists for the requester: nothing else is visible. By default everything. */
  readonly access?: Access;
  /** Collects what the request's answer depends on (tags and parts), cached or not. */
  readonly reads: Pick<Dependencies, "add" | "addPart" | "noteAbsent">;
  /** Whether that is needed. If not, what takes time to determine is left out. By default yes. */
  readonly isNoted?: () => boolean;
  readonly store: Pick<CoherentStore, "getMany" | "areKept" | "hasReplicas">;
  readonly ttlMs: CacheLifetimes;
  /**
   * An instant after the request's arrival, if there is one: then its reads need not ask for another.
   * Undefined in a request that writes, because its later reads must see what it wrote.
   */
  readonly begun?: () => Instant | undefined;
  /** Default: false, for reads that decide who somebody is. */
  readonly mayUseReplicas?: boolean;
  /** Runs a read, and cancels it when the request is given up. */
  readonly within?: <Result>(read: () => Promise<Result>) => Promise<Result>;
}
