import type {
  OnExecuteDoneEventPayload,
  OnExecuteEventPayload,
  OnExecuteHook,
  OnExecuteHookResult,
} from "@envelop/core";
import type { Plugin } from "graphql-yoga";
import { isPromise } from "./queryPlan.ts";

// biome-ignore lint/suspicious/noExplicitAny: each plugin says what it expects of the context, and envelop gives it whatever there is
type AnyContext = any;
type OnDone = NonNullable<OnExecuteHookResult<AnyContext>["onExecuteDone"]>;

/**
 * The same plugins, with one `onExecute` in the place of all of theirs. It calls them as envelop does: in
 * order, each with what the earlier ones have set, until one sets a result.
 *
 * Envelop makes some forty objects and functions for each hook of each operation, so that any hook may return
 * a promise without its caller having to know. With a dozen hooks, that was a third of all that a small query
 * allocates. Here only an actual promise is awaited.
 *
 * @throws Error while an operation runs, if an `onExecuteDone` returns hooks for a stream's messages: they
 *   are not called here
 */
export function inTurn(plugins: readonly Plugin<AnyContext, AnyContext>[]): Plugin<AnyContext, AnyContext>[] {
  const hooks: OnExecuteHook<AnyContext>[] = [];
  const others = plugins.map(({ onExecute, ...rest }) => {
    if (onExecute !== undefined) hooks.push(onExecute);
    return rest;
  });
  return [...others, { onExecute: combined(hooks) }];
}

function combined(hooks: readonly OnExecuteHook<AnyContext>[]): OnExecuteHook<AnyContext> {
  return (whole) => {
    const { args, context, extendContext } = whole;
    let { executeFn } = whole;
    let isStopped = false;
    const done: OnDone[] = [];
    const setExecuteFn: typeof whole.setExecuteFn = (next) => {
      executeFn = next;
    };
    const setResultAndStopExecution: typeof whole.setResultAndStopExecution = (result) => {
      isStopped = true;
      whole.setResultAndStopExecution(result);
    };
    const keep = (given: Awaited<ReturnType<OnExecuteHook<AnyContext>>>): void => {
      if (given?.onExecuteDone !== undefined) done.push(given.onExecuteDone);
    };

    const callFrom = (first: number): ReturnType<OnExecuteHook<AnyContext>> => {
      for (let index = first; index < hooks.length && !isStopped; index++) {
        // One payload for each hook: some look at theirs again when the operation runs.
        const payload: OnExecuteEventPayload<AnyContext> = {
          args,
          context,
          executeFn,
          extendContext,
          setExecuteFn,
          setResultAndStopExecution,
        };
        const given = hooks[index]!(payload);
        if (isPromise(given))
          return given.then((awaited) => {
            keep(awaited as Awaited<typeof given>);
            return callFrom(index + 1);
          }) as ReturnType<OnExecuteHook<AnyContext>>;
        keep(given);
      }
      whole.setExecuteFn(executeFn);
      return done.length === 0 ? undefined : { onExecuteDone: (payload) => callDone(done, 0, payload) };
    };
    return callFrom(0);
  };
}

function callDone(
  hooks: readonly OnDone[],
  first: number,
  whole: OnExecuteDoneEventPayload<AnyContext>,
): void | Promise<void> {
  let { result } = whole;
  const setResult: typeof whole.setResult = (next) => {
    result = next;
    whole.setResult(next);
  };
  for (let index = first; index < hooks.length; index++) {
    const given = hooks[index]!({ args: whole.args, result, setResult });
    if (isPromise(given))
      return given.then((awaited) => {
        refuseStreamHooks(awaited);
        return callDone(hooks, index + 1, { args: whole.args, result, setResult: whole.setResult });
      });
    refuseStreamHooks(given);
  }
}

function refuseStreamHooks(given: unknown): void {
  if (given) throw new Error("Expected no hooks for a stream's messages of a plugin that is called in turn.");
}
