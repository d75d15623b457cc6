import type { Metric } from "prom-client";
import type { Family } from "./family.ts";

/** The families in Prometheus' text format. `prom-client` writes it, and is loaded at the first call. */
export async function writeFamilies(families: readonly Family[]): Promise<string> {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  for (const family of families) {
    // Safe: all that a registry uses of a metric is its name and `get`.
    registry.registerMetric({ name: family.name, get: async () => family } as unknown as Metric);
  }
  return registry.metrics();
}

/**
 * Merges the families of several processes into those of one target: each sample gets the label `worker`. They
 * are not added up, because every process reports some figures for all, such as the jobs in the database.
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
