import * as z from "zod";
import { pause } from "./fault.ts";
import type { Instance } from "./instance.ts";

const SAMPLE_EVERY_MS = 1_000;
const QUERY = JSON.stringify({
  query: "{ cacheStatistics { localHits sharedHits joinedHits misses bypasses replicas { reads } } }",
});
const count = z.number();
const reply = z.object({
  data: z.object({
    cacheStatistics: z.object({
      localHits: count,
      sharedHits: count,
      joinedHits: count,
      misses: count,
      bypasses: count,
      replicas: z.array(z.object({ reads: count })),
    }),
  }),
});
type Figures = z.infer<typeof reply>["data"]["cacheStatistics"];

/** Look-ups in the caches below the response cache, as the instances count them. */
export interface Lookups {
  hits: number;
  misses: number;
  /** Look-ups while the cache could vouch for nothing: an epoch was lost, or has not begun. */
  bypasses: number;
  /** Misses that a replica answered. */
  fromReplicas: number;
}

/** Adds up the instances' figures over their restarts. Figures of the last second before a kill are lost. */
export async function sumLookups(
  instances: readonly Instance[],
  sum: Lookups,
  signal: AbortSignal,
): Promise<void> {
  const previous = new Map<Instance, Figures>();
  while (!signal.aborted) {
    await pause(SAMPLE_EVERY_MS, signal);
    await Promise.all(
      instances.map(async (instance) => {
        const figures = await figuresOf(instance);
        if (figures === undefined) return;
        const before = previous.get(instance);
        previous.set(instance, figures);
        // Fewer than before: this is another process, which began at 0.
        const isSame = before !== undefined && hitsOf(figures) >= hitsOf(before);
        sum.hits += hitsOf(figures) - (isSame ? hitsOf(before) : 0);
        sum.misses += figures.misses - (isSame ? before.misses : 0);
        sum.bypasses += figures.bypasses - (isSame ? before.bypasses : 0);
        sum.fromReplicas += readsOf(figures) - (isSame ? readsOf(before) : 0);
      }),
    );
  }
}

const hitsOf = ({ localHits, sharedHits, joinedHits }: Figures) => localHits + sharedHits + joinedHits;

const readsOf = ({ replicas }: Figures) => replicas.reduce((sum, { reads }) => sum + reads, 0);

async function figuresOf(instance: Instance): Promise<Figures | undefined> {
  try {
    const { text } = await instance.client.post(QUERY);
    return reply.parse(JSON.parse(text)).data.cacheStatistics;
  } catch {
    // The instance does not answer at the moment.
    return undefined;
  }
}
