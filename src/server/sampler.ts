import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Viewer } from "../auth/viewer.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { Operation } from "../schema/cacheMutations.ts";
import { type KeptResponse, RESPONSE_KIND } from "./cachedResponse.ts";
import { differingPaths } from "./differingPaths.ts";
import type { RunInternally } from "./internalOperation.ts";

/** An answer that was served from the cache. */
export interface SampledHit {
  readonly key: string;
  readonly kept: KeptResponse;
  readonly tags: readonly string[];
  readonly viewer: Viewer | null;
}

export interface SamplerOptions {
  /** The share of the hits that is compared, 0 to 1. */
  readonly rate: number;
  readonly store: Pick<CoherentStore, "lookUp">;
  readonly run: RunInternally;
  /** Invalidates what was kept with the tags. */
  readonly invalidate: (tags: readonly string[]) => Promise<void>;
  readonly log: Pick<Logger, "error" | "debug">;
  /** Longer than it may take until a write past the service is reported, in ms. */
  readonly waitMs?: number;
}

export type Sampler = ReturnType<typeof createSampler>;

/** The most tags, and the most paths, in one line of the log. */
const MAX_NAMED = 20;
/**
 * How far apart comparisons are, in ms. Otherwise a busy cache would spend a twentieth of its time on them;
 * one a second finds what there is to be found.
 */
const INTERVAL_MS = 1_000;

/**
 * Checks the cache's promise in operation: it asks the database what some hits should have said.
 *
 * An answer that differs proves nothing yet, because something may have changed between the hit and the
 * comparison. But then the entry that was served is invalidated, at the latest when the bound on writes past the
 * service is over. If that very entry is still valid after the wait, it was valid all along, and so it was wrong.
 *
 * Comparisons run one at a time, at most one a second, and after the answer has been sent: no client waits
 * for them. A wrong answer is counted, logged without its values, and invalidated.
 */
export function createSampler({ rate, store, run, invalidate, log, waitMs = 1_500 }: SamplerOptions) {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;
  let nextAt = 0;
  let samples = 0;
  let violations = 0;

  const keptNow = (key: string) =>
    new Promise<KeptResponse | undefined>((resolve) =>
      // Safe: only the response cache uses such a key.
      store.lookUp(RESPONSE_KIND, key, (entry) => resolve(entry?.value as KeptResponse | undefined)),
    );

  const compare = async ({ key, kept, tags, viewer }: SampledHit, operation: Operation): Promise<void> => {
    const { text, isFailed } = await run(operation, { viewer, isUncached: true });
    // An outage: a kept answer has no errors.
    if (isFailed) return;
    samples++;
    const served = String(kept.content);
    if (text === served) return;
    const paths = differingPaths(JSON.parse(served), JSON.parse(text), MAX_NAMED);
    if (paths.length === 0) return;
    await sleep(waitMs, undefined, { signal });
    const still = await keptNow(key);
    if (still?.etag !== kept.etag || still.keptAt !== kept.keptAt) return;
    violations++;
    log.error(
      { key, tags: tags.slice(0, MAX_NAMED), tagCount: tags.length, paths },
      "the cache has served an answer that is not what the database says: was a trigger disabled?",
    );
    await invalidate(tags);
  };

  return {
    /** Whether this hit is one to compare. */
    isDue: (): boolean =>
      running === undefined && Math.random() < rate && performance.now() >= nextAt && !signal.aborted,

    /**
     * Compares a hit with the database, in the background.
     *
     * @param operationOf the operation that led to the hit; called later, because it takes time to parse a request
     */
    take(hit: SampledHit, operationOf: () => Operation | undefined): void {
      nextAt = performance.now() + INTERVAL_MS;
      running = (async () => {
        await nextTurn();
        const operation = operationOf();
        if (operation !== undefined) await compare(hit, operation);
      })()
        .catch((error: unknown) => {
          if (!signal.aborted) log.debug({ err: error }, "a hit could not be compared with the database");
        })
        .finally(() => {
          running = undefined;
        });
    },

    statistics: () => ({ samples, violations }),

    resetStatistics(): void {
      samples = violations = 0;
    },

    /** Cancels a comparison that waits, and resolves when none runs. */
    async close(): Promise<void> {
      stopping.abort();
      await running;
    },
  };
}
