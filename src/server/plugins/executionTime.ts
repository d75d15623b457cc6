import { type ExecutionResult, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import { Interruption } from "../../database/interruption.ts";
import { AppError } from "../../errors.ts";
import type { RequestContext } from "../context.ts";
import { createDeadlines } from "../deadlines.ts";
import { isPromise } from "../queryPlan.ts";

/**
 * Gives up queries that take too long, and those whose client has gone away. Their statements are cancelled,
 * and requests that wait for the same answer load it themselves, in the time that they have left. A mutation is
 * always finished, because otherwise nobody could tell what was done.
 *
 * It comes before the response cache in the list of plugins, so that the cache learns that a query was given up,
 * and so that waiting in the cache counts.
 */
export function executionTime(limitMs: number): Plugin<RequestContext> {
  const deadlines = createDeadlines(limitMs);

  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      if (getOperationAST(args.document, args.operationName)?.operation !== "query") return;
      // Safe: Yoga's contexts are this service's own.
      const context = args.contextValue as RequestContext;
      const interruption = new Interruption();
      context.execution.interruption = interruption;
      // From here on: the query may wait for another request's answer before it runs itself.
      const deadline = deadlines.set(() => interruption.interrupt(timedOut(limitMs)));
      const forget = whenGone(context, () =>
        interruption.interrupt(new AppError("EXECUTION_TIMEOUT", "Nobody waits for the answer.")),
      );
      const end = () => {
        deadlines.forget(deadline);
        forget();
      };
      setExecuteFn((given) => {
        if (interruption.isOver) return Promise.reject(interruption.reason);
        const executing = executeFn(given);
        if (!isPromise(executing)) return executing;
        return new Promise<ExecutionResult>((resolve, reject) => {
          interruption.listen(() => {
            end();
            reject(interruption.reason);
          });
          executing.then(
            // Safe: neither @defer nor @stream is in the schema, so there is one result.
            (result) => resolve(result as ExecutionResult),
            (error: unknown) => {
              end();
              reject(error);
            },
          );
        });
      });
      return { onExecuteDone: end };
    },
  };
}

/** Calls `gone` when the client goes away. @returns a function that stops listening */
function whenGone({ exchange, request }: RequestContext, gone: () => void): () => void {
  const client = exchange?.client;
  if (client !== undefined) {
    client.listen(gone);
    return () => client.ignore(gone);
  }
  const { signal } = request;
  if (signal.aborted) gone();
  signal.addEventListener("abort", gone, { once: true });
  return () => signal.removeEventListener("abort", gone);
}

function timedOut(limitMs: number): AppError {
  return new AppError(
    "EXECUTION_TIMEOUT",
    `The query was given up after ${limitMs} ms (MAX_EXECUTION_TIME). Ask for less at a time.`,
    { details: { limitMs } },
  );
}
