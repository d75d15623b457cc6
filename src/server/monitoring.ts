import type { Logger } from "pino";
import type { Identify } from "../auth/identity.ts";
import type { Config } from "../config.ts";
import type { Health } from "./health.ts";
import { createMetrics, type MetricsSources } from "./metrics/index.ts";
import { createMetricsServer } from "./metricsServer.ts";
import { createProbes } from "./probes.ts";

export interface MonitoringOptions extends MetricsSources {
  readonly health: Health;
  readonly settings: Config["metrics"];
  /** Replaces the metrics of this process alone. */
  readonly metricsOfAll: (() => Promise<string>) | undefined;
  readonly identify: Identify;
  readonly log: Logger;
}

/** What the operator sees: the probes, the metrics, and a separate port for both. */
export function createMonitoring(options: MonitoringOptions) {
  const { health, settings, metricsOfAll, identify, log, ...sources } = options;
  const metrics = createMetrics({ ...sources, log });
  const probes = createProbes({
    health,
    metrics: metricsOfAll === undefined ? metrics : { ...metrics, read: metricsOfAll },
    token: settings.token,
    identify,
  });
  return { metrics, probes, metricsServer: createMetricsServer({ probes, settings, log }) };
}
