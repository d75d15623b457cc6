import type { Logger } from "pino";
import type { RedisConnection } from "../../cache/connection.ts";
import type { Database } from "../../database/database.ts";
import type { JobFigures } from "../../repositories/jobFigures.ts";
import type { CacheStatistics } from "../../schema/cacheStatistics.ts";
import { cacheFamilies, redisFamilies } from "./cache.ts";
import { databaseFamilies, jobFamilies } from "./database.ts";
import { type Family, gauge } from "./family.ts";
import { type RequestSources, requestFamilies } from "./requests.ts";
import { writeFamilies } from "./text.ts";

export interface MetricsSources extends RequestSources {
  readonly database: Pick<Database, "monitor" | "getPoolStatistics">;
  readonly cacheStatistics: () => Promise<CacheStatistics>;
  /** Undefined without Redis. */
  readonly redis: RedisConnection | undefined;
  readonly jobFigures: () => Promise<readonly JobFigures[]>;
  readonly log: Pick<Logger, "warn">;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Jobs are counted at most this often, however many scrapers there are: it is work for the database. */
const JOBS_EVERY_MS = 15_000;

/**
 * The content of `/metrics`, for Prometheus. At a scrape, the figures are read from the components that count
 * them anyway, so no request pays for them. `prom-client` writes the text (text.ts) and adds the figures of
 * the process; it is loaded at the first scrape.
 */
export function createMetrics(sources: MetricsSources) {
  let loaded: ReturnType<typeof load> | undefined;
  let jobs: { readonly at: number; readonly figures: Promise<readonly JobFigures[]> } | undefined;

  /** Figures that are at most `JOBS_EVERY_MS` old; undefined when the database does not answer. */
  const readJobs = async (): Promise<readonly JobFigures[] | undefined> => {
    if (jobs === undefined || performance.now() - jobs.at > JOBS_EVERY_MS)
      jobs = { at: performance.now(), figures: sources.jobFigures() };
    try {
      return await jobs.figures;
    } catch (error) {
      jobs = undefined;
      sources.log.warn({ err: error }, "the metrics are told without the jobs");
      return undefined;
    }
  };

  const families = async (): Promise<Family[]> => {
    loaded ??= load();
    const [statistics, figures, ofProcess] = await Promise.all([
      sources.cacheStatistics(),
      readJobs(),
      loaded.then((registry) => registry.getMetricsAsJSON()),
    ]);
    return [
      ...requestFamilies(sources),
      ...databaseFamilies(sources.database),
      ...cacheFamilies(statistics),
      ...(sources.redis === undefined ? [] : redisFamilies(sources.redis)),
      gauge(
        "jobs_known",
        "1 if the figures about jobs could be read from the database.",
        figures === undefined ? 0 : 1,
      ),
      ...(figures === undefined ? [] : jobFamilies(figures)),
      // Safe: `prom-client` declares metric types as numbers, but gives them as words.
      ...(ofProcess as unknown as Family[]),
    ];
  };

  return {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    families,
    read: async (): Promise<string> => writeFamilies(await families()),
  };
}

async function load() {
  const { default: client } = await import("prom-client");
  const ofProcess = new client.Registry();
  // Without a prefix: under the names that they have in every Node.js service.
  client.collectDefaultMetrics({ register: ofProcess });
  return ofProcess;
}
