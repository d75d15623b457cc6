import { type ExecutionResult, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import { AppError } from "../../errors.ts";
import type { RequestContext } from "../context.ts";

/**
 * Gives up queries that take too long, and those whose sender has gone away: their statements are cancelled, and
 * whoever waits for the same answer asks for itself. What writes is finished: nobody could tell otherwise what was done.
 *
 * Before the response cache in the list of plugins, so that it is told.
 */
export function executionTime(limitMs: number): Plugin<RequestContext> {
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      if (getOperationAST(args.document, args.operationName)?.operation !== "query") return;
      // Safe: Yoga's contexts are this service's own.
      const { request, execution } = args.contextValue as RequestContext;
      setExecuteFn(async (given) => {
        const controller = new AbortController();
        execution.signal = controller.signal;
        const tooLong = () => controller.abort(timedOut(limitMs));
        const gone = () =>
          controller.abort(new AppError("EXECUTION_TIMEOUT", "Nobody waits for the answer."));
        const timer = setTimeout(tooLong, limitMs);
        if (request.signal.aborted) gone();
        request.signal.addEventListener("abort", gone, { once: true });
        try {
          const aborted = new Promise<never>((_, reject) => {
            const { signal } = controller;
            if (signal.aborted) reject(signal.reason);
            else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          });
          // Safe: neither @defer nor @stream is in the schema, so there is one result.
          return (await Promise.race([executeFn(given), aborted])) as ExecutionResult;
        } finally {
          clearTimeout(timer);
          request.signal.removeEventListener("abort", gone);
        }
      });
    },
  };
}

function timedOut(limitMs: number): AppError {
  return new AppError(
    "EXECUTION_TIMEOUT",
    `The query was given up after ${limitMs} ms (MAX_EXECUTION_TIME). Ask for less at a time.`,
    { details: { limitMs } },
  );
}
