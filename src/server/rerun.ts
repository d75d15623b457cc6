import type { ExecutionArgs, ExecutionResult } from "graphql";
import type { Plugin, YogaServer } from "graphql-yoga";
import type { RequestContext } from "./context.ts";

export type Reruns = ReturnType<typeof createReruns>;

/** Runs operations of requests that were answered before: for answers that go on. */
export function createReruns() {
  // biome-ignore lint/suspicious/noExplicitAny: the contexts are this service's own, see below
  let yoga: YogaServer<any, any>;

  return {
    plugin: {
      onYogaInit: (init) => {
        yoga = init.yoga;
      },
    } satisfies Plugin as Plugin<RequestContext>,

    /**
     * As if the request had been sent again now: its viewer is identified again, nothing is read
     * yet, and every plugin has its say.
     *
     * Rejects as the request would be refused.
     */
    async begin({ request, params, requestId }: RequestContext) {
      const enveloped = yoga.getEnveloped({ request, params, exchange: { requestId }, isRerun: true });
      // Safe: it is made by createContext, on top of what is given above; Yoga types what it was given alone.
      const context = (await enveloped.contextFactory()) as unknown as RequestContext;
      return {
        context,
        execute: async (args: Omit<ExecutionArgs, "contextValue">): Promise<ExecutionResult> =>
          // Safe: a rerun is one result; live queries begin streams in first runs alone.
          (await enveloped.execute({ ...args, contextValue: context })) as ExecutionResult,
      };
    },
  };
}
