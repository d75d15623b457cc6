import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  getDirectiveValues,
  getOperationAST,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import type { CoherentStore } from "../../coherence/store.ts";
import type { Instant } from "../../coherence/validator.ts";
import { isUnavailable } from "../../errors.ts";
import { liveDirective, MIN_INTERVAL_MS } from "../../schema/live.ts";
import { etagOf } from "../cachedResponse.ts";
import type { RequestContext } from "../context.ts";
import type { GuardedStreams } from "../guardedStreams.ts";
import { createOperationProfiles, ttlOfCoordinates } from "../operationProfile.ts";
import type { Reruns } from "../rerun.ts";
import { acceptsEvents } from "./eventStreams.ts";

export interface LiveQueriesOptions {
  readonly schema: GraphQLSchema;
  readonly store: Pick<CoherentStore, "instant" | "watch">;
  readonly streams: GuardedStreams;
  readonly reruns: Reruns;
  /**
   * How often to run a query again that reads something whose changes no tag reports, or one for which the
   * database does not answer, in ms.
   */
  readonly pollMs?: number;
}

/** Lifetimes above 0, so that only a field that is read anew for every request has a time to live of 0. */
const KEPT = { user: 1, project: 1, conversionJob: 1, collection: 1, statistics: 1 };
/** Codes that end the stream: the viewer may not see this, or not any more. */
const REFUSALS = ["UNAUTHENTICATED", "FORBIDDEN"];

/**
 * Answers queries that are marked `@live` with a stream: the answer, and each later one that differs.
 *
 * The tags of what a run has read are watched, from an instant before the run began. A change of one of them
 * causes the next run. Every run is a request of its own, so it goes through the response cache: among all
 * viewers of the same answer, one executes it, and access is checked each time.
 */
export function liveQueries(options: LiveQueriesOptions): Plugin<RequestContext & { isRerun?: true }> {
  const { schema, store, streams, reruns, pollMs = 2_000 } = options;
  const profileOf = createOperationProfiles(schema, ttlOfCoordinates(schema, KEPT));

  function follow(args: ExecutionArgs, first: RequestContext, throttleMs: number) {
    const isPolled = !profileOf(args.document, args.operationName ?? undefined).isKept;
    let shown: string | undefined;
    let watched: { readonly tags: readonly string[]; readonly instant: Instant | undefined } | undefined;
    let isLast = false;
    let isAway = false;
    let startedAt = 0;
    let isClosed = false;
    /** Whether the reader was identified anew since the last run began. */
    let isAnother = false;
    let resume = () => {};

    /** Waits until `arm` calls back, or for this long (ms). The stream's end also ends the wait. */
    const wait = (ms: number | undefined, arm?: (resume: () => void) => () => void) =>
      new Promise<void>((resolve) => {
        if (isClosed) return resolve();
        const timer = ms === undefined ? undefined : setTimeout(() => resume(), Math.max(0, ms));
        let disarm: (() => void) | undefined;
        resume = () => {
          clearTimeout(timer);
          disarm?.();
          resume = () => {};
          resolve();
        };
        disarm = arm?.(() => resume());
      });

    const run = async (): Promise<ExecutionResult | undefined> => {
      startedAt = performance.now();
      isAnother = false;
      const instant = await store.instant();
      const rerun = await reruns.begin(first).catch((error: unknown) => {
        if (watched === undefined || !isUnavailable(error)) throw error;
        return undefined;
      });
      if (rerun === undefined) {
        // The reader could not be identified, because the database is away. A reader that has an answer keeps
        // it, as below.
        watched = { tags: watched!.tags, instant };
        isAway = true;
        return undefined;
      }
      const { context, execute } = rerun;
      const result = await execute(args);
      const { kept, tags } = context.response.outcome();
      watched = { tags: kept === undefined ? context.dependencies.all() : tags(), instant };
      const codes = result.errors?.map(({ extensions }) => extensions.code) ?? [];
      isAway = codes.includes("SERVICE_UNAVAILABLE");
      // A reader that has an answer keeps it through an outage.
      if (isAway && shown !== undefined) return undefined;
      isLast = codes.some((code) => REFUSALS.includes(String(code)));
      const digest = kept?.etag ?? etagOf(JSON.stringify(result));
      if (digest === shown) return undefined;
      shown = digest;
      return result;
    };

    const pull = async (): Promise<ExecutionResult | undefined> => {
      while (!isClosed && !isLast) {
        if (watched !== undefined) {
          const { tags, instant } = watched;
          if (!isAnother)
            await wait(isPolled || isAway ? pollMs : undefined, (resume) =>
              store.watch(tags, instant, resume),
            );
          const restMs = startedAt + throttleMs - performance.now();
          if (restMs > 0) await wait(restMs);
          if (isClosed) return undefined;
        }
        const result = await run();
        if (result !== undefined) return result;
      }
      return undefined;
    };

    return streams.open(first, {
      pull,
      close: () => {
        isClosed = true;
        resume();
      },
      onIdentified: () => {
        isAnother = true;
        resume();
      },
    });
  }

  return {
    onExecute({ args, setResultAndStopExecution }) {
      // Safe: Yoga's contexts are this service's own.
      const context = args.contextValue as RequestContext & { isRerun?: true };
      if (context.isRerun || !acceptsEvents(context.request.headers.get("accept"))) return;
      const operation = getOperationAST(args.document, args.operationName);
      const live =
        operation && getDirectiveValues(liveDirective, operation, args.variableValues ?? undefined);
      if (!live) return;
      // Safe: the directive's own argument. Null is the same as none.
      const throttleMs = Math.max((live.throttle as number | null | undefined) ?? 0, MIN_INTERVAL_MS);
      setResultAndStopExecution(follow(args, context, throttleMs) as never);
    },
  };
}
