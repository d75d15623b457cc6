import { randomUUID } from "node:crypto";
import type { GraphQLParams, YogaInitialContext } from "graphql-yoga";
import type { Logger } from "pino";
import { CredentialError } from "../auth/error.ts";
import { type Identify, type Identity, identityOf } from "../auth/identity.ts";
import type { Refusals } from "../auth/refusals.ts";
import type { CacheLifetimes } from "../cacheKinds.ts";
import { Dependencies } from "../coherence/dependencies.ts";
import type { CoherentStore } from "../coherence/store.ts";
import { uncached } from "../coherence/uncached.ts";
import type { Cancellation } from "../database/cancellation.ts";
import type { Interruption } from "../database/interruption.ts";
import type { Feeds } from "../jobs/feeds.ts";
import type { Jobs } from "../jobs/index.ts";
import { createLoaders } from "../loaders.ts";
import type { Tracing } from "../observation/tracing.ts";
import type { Audit } from "../repositories/auditEntry.ts";
import type { Idempotency } from "../repositories/idempotency.ts";
import type { Repositories } from "../repositories/index.ts";
import type { Context } from "../schema/context.ts";
import { accessOf } from "../schema/rules.ts";
import type { SystemReports } from "../schema/system.ts";
import { type CachedResponse, createCachedResponse } from "./cachedResponse.ts";
import type { Exchange, ServerContext } from "./exchange.ts";

export interface ContextSources {
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly idempotency: Idempotency;
  readonly audit: Audit;
  readonly feeds: Feeds;
  readonly store: CoherentStore;
  readonly ttlMs: CacheLifetimes;
  readonly system: SystemReports;
  readonly log: Logger;
  /** Undefined: the database cannot cancel a statement. */
  readonly cancellation: Cancellation | undefined;
  /** Undefined: traces are off. */
  readonly tracing: Tracing | undefined;
  readonly identify: Identify;
  /** Records refused credentials. */
  readonly refusals: Pick<Refusals, "note">;
}

/** What the plugins see: the resolvers' context, and the server's own state of the request. */
export interface RequestContext extends Context, YogaInitialContext, ServerContext {
  readonly response: CachedResponse;
  readonly identity: Identity;
  /** Its interruption cancels the request's reads. For queries alone (src/server/plugins/executionTime.ts). */
  readonly execution: { interruption?: Interruption };
  /** The operation's complexity; set before it runs (src/server/plugins/operationLimits.ts). */
  complexity?: number;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/**
 * The caller's own id, so that its logs and ours can be correlated; a new one if there is none of the right form.
 */
export function requestIdOf(header: string | null | undefined): string {
  return header && REQUEST_ID.test(header) ? header : randomUUID();
}

type CreatedContext = Context & Pick<RequestContext, "response" | "identity" | "execution">;

/**
 * The context before the sender is identified. It declares every property that is added later. Envelop adds
 * properties by `Object.assign`, and an object that gets more than a dozen that way becomes a hash table.
 * That takes a microsecond, and each hook and resolver then looks its properties up in the table.
 */
export class InitialContext implements Record<keyof CreatedContext | "complexity", undefined> {
  viewer = undefined;
  access = undefined;
  identity = undefined;
  address = undefined;
  audit = undefined;
  repositories = undefined;
  jobs = undefined;
  feeds = undefined;
  loaders = undefined;
  dependencies = undefined;
  system = undefined;
  requestId = undefined;
  lastEventId = undefined;
  response = undefined;
  execution = undefined;
  idempotency = undefined;
  idempotencyKey = undefined;
  signal = undefined;
  complexity = undefined;

  readonly request: Request;
  readonly params: GraphQLParams;
  readonly exchange: Exchange;

  constructor(request: Request, params: GraphQLParams, exchange: Exchange) {
    this.request = request;
    this.params = params;
    this.exchange = exchange;
  }
}

export async function createContext(
  sources: ContextSources,
  initial: YogaInitialContext & ServerContext & { readonly isRerun?: true },
): Promise<CreatedContext> {
  const { repositories, jobs, idempotency, audit, feeds, store, ttlMs, system } = sources;
  const { request, exchange } = initial;
  const requestId = exchange?.requestId ?? requestIdOf(request.headers.get("x-request-id"));
  const dependencies = new Dependencies();
  const execution: RequestContext["execution"] = {};
  const address = exchange?.address ?? null;
  let identity: Identity;
  try {
    identity =
      exchange?.runAs === undefined
        ? await sources.identify(request.headers.get("authorization"))
        : identityOf(exchange.runAs);
  } catch (error) {
    // A rerun belongs to a stream whose credential was accepted before. If that is refused now, nobody has
    // tried to get in.
    if (error instanceof CredentialError && !initial.isRerun)
      sources.refusals.note({ problem: error.problem, requestId, address });
    throw error;
  }
  const response = createCachedResponse(store, dependencies, identity.instant);
  if (exchange !== undefined) {
    exchange.response = response;
    exchange.identity = identity;
  }
  const access = accessOf(identity.viewer);
  return {
    viewer: identity.viewer,
    access,
    identity,
    address,
    audit,
    repositories,
    jobs,
    feeds,
    loaders: createLoaders(repositories, {
      access,
      reads: dependencies,
      isNoted: () => initial.isRerun === true || response.isEnabled(),
      store: exchange?.isUncached ? uncached : store,
      ttlMs,
      begun: response.begun,
      ...within(sources, execution),
      mayUseReplicas: true,
    }),
    dependencies,
    system,
    requestId,
    lastEventId: request.headers.get("last-event-id"),
    response,
    execution,
    idempotency,
    idempotencyKey: request.headers.get("idempotency-key"),
    signal: () => request.signal,
  };
}

/**
 * Wraps the request's reads. Whatever causes a read, it is cancelled when the request is given up, and traced
 * in the span that is active now.
 */
function within({ cancellation, tracing }: ContextSources, execution: RequestContext["execution"]) {
  if (cancellation === undefined && tracing === undefined) return {};
  const span = tracing?.active();
  return {
    within: <Result>(read: () => Promise<Result>): Promise<Result> => {
      const run = () => cancellation?.within(execution.interruption, read) ?? read();
      return tracing === undefined ? run() : tracing.within(span, run);
    },
  };
}
