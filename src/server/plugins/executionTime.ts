import { type ExecutionResult, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import { Interruption } from "../../database/interruption.ts";
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
      const context = args.contextValue as RequestContext;
      setExecuteFn(
        (given) =>
          new Promise<ExecutionResult>((resolve, reject) => {
            const interruption = new Interruption();
            context.execution.interruption = interruption;
            interruption.listen(() => reject(interruption.reason));
            const timer = setTimeout(() => interruption.interrupt(timedOut(limitMs)), limitMs);
            const gone = () =>
              interruption.interrupt(new AppError("EXECUTION_TIMEOUT", "Nobody waits for the answer."));
            const forget = whenGone(context, gone);
            const end = <Outcome>(settle: (outcome: Outcome) => void) => {
              return (outcome: Outcome) => {
                clearTimeout(timer);
                forget();
                settle(outcome);
              };
            };
            const executed = async () => executeFn(given);
            // Safe: neither @defer nor @stream is in the schema, so there is one result.
            (executed() as Promise<ExecutionResult>).then(end(resolve), end(reject));
          }),
      );
    },
  };
}

/** @returns what ends the waiting for it */
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
