import { hash } from "node:crypto";
import type { ExecuteFunction } from "@envelop/core";
import { type BuildResponseCacheKeyFunction, useResponseCache } from "@envelop/response-cache";
import type { ExecutionResult, GraphQLSchema } from "graphql";
import type { Plugin } from "graphql-yoga";
import { scopeOf } from "../../auth/viewer.ts";
import type { CacheLifetimes } from "../../cacheKinds.ts";
import { type CachedResponse, explained, resultOf, SerializedData } from "../cachedResponse.ts";
import type { RequestContext } from "../context.ts";
import { createOperationProfiles, ttlOfCoordinates } from "../operationProfile.ts";
import { operationSchema } from "../requestedOperation.ts";
import type { Sampler } from "../sampler.ts";

export interface ResponseCacheOptions {
  readonly schema: GraphQLSchema;
  readonly ttlMs: CacheLifetimes;
  /** Adds `extensions.responseCache` to every answer that was looked up. */
  readonly isExplained: boolean;
  /** Compares hits with the database. */
  readonly sampler: Pick<Sampler, "isDue" | "take">;
}

/**
 * Keeps whole answers of queries, for each viewer, in the coherent store.
 *
 * `@envelop/response-cache` decides what is kept and for how long, and calls the store
 * (src/server/cachedResponse.ts). The reads record what an answer depends on, so two steps of the plugin
 * would find nothing more and are left out. One is to run the document with `__typename` and `id` added at
 * every level; the other is to walk the result for them, which takes time exponential in its depth. The
 * document runs as it was sent, and the plugin is given a result that it cannot walk.
 */
export function responseCache({
  schema,
  ttlMs,
  isExplained,
  sampler,
}: ResponseCacheOptions): Plugin<RequestContext>[] {
  const ttlPerSchemaCoordinate = ttlOfCoordinates(schema, ttlMs);
  const profileOf = createOperationProfiles(schema, ttlPerSchemaCoordinate);

  return [
    {
      onExecute({ args: { document, operationName, contextValue }, executeFn, setExecuteFn }) {
        const { response, viewer, exchange, execution } = contextValue;
        if (exchange?.isUncached) return;
        // Leases change with every claim, and with them what their holders may see: no answer of theirs would
        // be kept for long.
        if (viewer?.role === "WORKER") return;
        const profile = profileOf(document, operationName ?? undefined);
        if (!profile.isKept || (profile.isPrivate && viewer === null)) return;
        response.enable(profile, execution.interruption);
        setExecuteFn((rewritten) => close(() => executeFn({ ...rewritten, document }), response));
      },
    },
    useResponseCache<RequestContext>({
      cache: ({ response }) => response.cache,
      enabled: ({ response }) => response.isEnabled(),
      session: ({ viewer }) => scopeOf(viewer),
      ttl: ttlMs.collection,
      ttlPerSchemaCoordinate,
      invalidateViaMutation: false,
      includeExtensionMetadata: false,
      // Safe: the plugin types the context of this one option as unknown.
      getDocumentString: ({ contextValue }) => (contextValue as RequestContext).params.query ?? "",
      buildResponseCacheKey: responseKey,
      shouldCacheResult: ({ result }) => result.errors === undefined,
    }) as Plugin<RequestContext>,
    {
      onExecute({ args: { contextValue } }) {
        const { response, params, viewer } = contextValue;
        if (!response.isEnabled()) return;
        return {
          onExecuteDone({ result, setResult }) {
            // Safe: neither @defer nor @stream is in the schema.
            response.settle(result as ExecutionResult);
            const { status, key, kept, tags } = response.outcome();
            if (kept === undefined) return;
            if (status === "hit" && sampler.isDue())
              sampler.take({ key: key!, kept, tags: tags(), viewer }, () => operationSchema.parse(params));
            setResult(resultOf(isExplained ? explained(kept, status, tags()) : kept.content));
          },
        };
      },
    },
  ];
}

/** Runs the operation, and hides its result from the plugin's walk. */
async function close(
  execute: () => ReturnType<ExecuteFunction>,
  response: CachedResponse,
): Promise<ExecutionResult> {
  try {
    // Safe: neither @defer nor @stream is in the schema, so there is one result.
    const result = (await execute()) as ExecutionResult;
    if (result.data == null) return result;
    if (result.data instanceof SerializedData) return result;
    return { ...result, data: new SerializedData(result.data) as never };
  } catch (error) {
    response.abandon(error);
    throw error;
  }
}

/** Synchronous: a digest takes half a microsecond, and needs no trip through WebCrypto's threads. */
const responseKey: BuildResponseCacheKeyFunction = (({
  documentString,
  operationName,
  variableValues,
  sessionId,
}) =>
  `response:${hash(
    "sha256",
    JSON.stringify([documentString, operationName ?? null, variableValues ?? {}, sessionId ?? ""]),
    "base64url",
  )}`) satisfies (...parameters: Parameters<BuildResponseCacheKeyFunction>) => string as never;
