import { randomUUID } from "node:crypto";
import type { YogaInitialContext } from "graphql-yoga";
import type { Logger } from "pino";
import type { Viewer } from "../auth/viewer.ts";
import type { CoherentStore } from "../coherence/store.ts";
import { uncached } from "../coherence/uncached.ts";
import type { Feeds } from "../jobs/feeds.ts";
import type { Jobs } from "../jobs/index.ts";
import { type CacheLifetimes, createLoaders } from "../loaders.ts";
import type { Idempotency } from "../repositories/idempotency.ts";
import type { Repositories } from "../repositories/index.ts";
import type { Context } from "../schema/context.ts";
import { accessOf } from "../schema/rules.ts";
import type { SystemReports } from "../schema/system.ts";
import { type CachedResponse, createCachedResponse } from "./cachedResponse.ts";
import type { ServerContext } from "./exchange.ts";

export interface ContextSources {
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly idempotency: Idempotency;
  readonly feeds: Feeds;
  readonly store: CoherentStore;
  readonly ttlMs: CacheLifetimes;
  readonly system: SystemReports;
  readonly log: Logger;
  /** Says who sent the request; null for nobody in particular. */
  readonly identify: (authorization: string | null) => Promise<Viewer | null>;
}

/** What the plugins see: the resolvers' context, and the request's part in the response cache. */
export interface RequestContext extends Context, YogaInitialContext, ServerContext {
  readonly response: CachedResponse;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** A caller's own id is kept, so that its logs and ours can be told together. */
export function requestIdOf(header: string | null | undefined): string {
  return header && REQUEST_ID.test(header) ? header : randomUUID();
}

export async function createContext(
  { repositories, jobs, idempotency, feeds, store, ttlMs, system, log, identify }: ContextSources,
  { request, exchange }: YogaInitialContext & ServerContext,
): Promise<Context & { response: CachedResponse }> {
  const requestId = exchange?.requestId ?? requestIdOf(request.headers.get("x-request-id"));
  const dependencies = new Set<string>();
  const response = createCachedResponse(store, dependencies);
  const viewer =
    exchange?.runAs !== undefined ? exchange.runAs : await identify(request.headers.get("authorization"));
  if (exchange !== undefined) {
    exchange.response = response;
    exchange.viewer = viewer;
  }
  const access = accessOf(viewer);
  return {
    viewer,
    access,
    repositories,
    jobs,
    feeds,
    loaders: createLoaders(repositories, {
      access,
      reads: dependencies,
      store: exchange?.isUncached ? uncached : store,
      ttlMs,
      begun: response.begun,
    }),
    dependencies,
    system,
    log: log.child({ requestId }),
    requestId,
    lastEventId: request.headers.get("last-event-id"),
    response,
    idempotency,
    idempotencyKey: request.headers.get("idempotency-key"),
    signal: request.signal,
  };
}
