import type { ExecutionArgs, ExecutionResult } from "graphql";
import type { Plugin, YogaServer } from "graphql-yoga";
import type { RequestContext } from "./context.ts";

export type Reruns = ReturnType<typeof createReruns>;

/** Runs the operations of earlier requests again, for streams. */
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
     * Begins a rerun, as if the request had been sent again now: its viewer is identified again, nothing has
     * been read yet, and every plugin is called.
     *
     * Rejects with the error with which the request would be refused.
     */
    async begin({ request, params, requestId }: RequestContext) {
      const enveloped = yoga.getEnveloped({ request, params, exchange: { requestId }, isRerun: true });
      // Safe: createContext makes it, on top of what is given above; Yoga's type has only what was given.
      const context = (await enveloped.contextFactory()) as unknown as RequestContext;
      return {
        context,
        execute: async (args: Omit<ExecutionArgs, "contextValue">): Promise<ExecutionResult> =>
          // Safe: a rerun has one result; live queries open streams in first runs alone.
          (await enveloped.execute({ ...args, contextValue: context })) as ExecutionResult,
      };
    },
  };
}
