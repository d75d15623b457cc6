import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { CoherentStore } from "../coherence/store.ts";
import type { Jobs } from "../jobs/index.ts";
import { type CacheLifetimes, createLoaders } from "../loaders.ts";
import type { Idempotency } from "../repositories/idempotency.ts";
import type { Repositories } from "../repositories/index.ts";
import type { Context, Viewer } from "../schema/context.ts";
import type { SystemReports } from "../schema/system.ts";

export interface ContextSources {
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly idempotency: Idempotency;
  readonly store: CoherentStore;
  readonly ttlMs: CacheLifetimes;
  readonly system: SystemReports;
  readonly log: Logger;
  /** Says who sent the request; null for nobody in particular. */
  readonly identify: (request: Request) => Promise<Viewer | null>;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** A caller's own id is kept, so that its logs and ours can be told together. */
export function requestIdOf(header: string | null | undefined): string {
  return header && REQUEST_ID.test(header) ? header : randomUUID();
}

export async function createContext(
  { repositories, jobs, idempotency, store, ttlMs, system, log, identify }: ContextSources,
  request: Request,
  requestId = requestIdOf(request.headers.get("x-request-id")),
): Promise<Context> {
  const dependencies = new Set<string>();
  return {
    viewer: await identify(request),
    repositories,
    jobs,
    loaders: createLoaders(repositories, { reads: dependencies, store, ttlMs }),
    dependencies,
    system,
    log: log.child({ requestId }),
    requestId,
    idempotency,
    idempotencyKey: request.headers.get("idempotency-key"),
    signal: request.signal,
  };
}
