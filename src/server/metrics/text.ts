import type { Metric } from "prom-client";
import type { Family } from "./family.ts";

/** Families as Prometheus reads them. `prom-client` writes that; it is loaded by the first who asks. */
export async function writeFamilies(families: readonly Family[]): Promise<string> {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  for (const family of families) {
    // Safe: a registry asks a metric for no more than its name, and for what `get` gives.
    registry.registerMetric({ name: family.name, get: async () => family } as unknown as Metric);
  }
  return registry.metrics();
}

/**
 * The same figures of several processes as one target's: each with the label `worker`. They are not added up, because some, such as
 * the jobs in the database, are told by each of them.
 */
export function joinFamilies(told: ReadonlyMap<number, readonly Family[]>): Family[] {
  const joined = new Map<string, Family>();
  for (const [worker, families] of told) {
    for (const family of families) {
      const values = family.values.map((sample) => ({ ...sample, labels: { ...sample.labels, worker } }));
      const known = joined.get(family.name);
      joined.set(
        family.name,
        known ? { ...known, values: [...known.values, ...values] } : { ...family, values },
      );
    }
  }
  return [...joined.values()];
}
