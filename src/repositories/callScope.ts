import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Tells a call's writes what they need to know about the call, without passing it through each function on
 * the way.
 *
 * It is disabled while no call runs: on Node 20, an `AsyncLocalStorage` in use slows every callback of the
 * process, which costs a twentieth of a cached answer's time.
 */
export function createCallScope<Call>() {
  const storage = new AsyncLocalStorage<Call>();
  let running = 0;

  return {
    /**
     * Runs the work as part of the call. What the work leaves running after its end does not belong to the
     * call.
     */
    async run<Result>(call: Call, work: () => Promise<Result>): Promise<Result> {
      running++;
      try {
        return await storage.run(call, work);
      } finally {
        if (--running === 0) storage.disable();
      }
    },

    /** Runs the work outside of any call. */
    outside: <Result>(work: () => Result): Result => storage.exit(work),

    current: (): Call | undefined => storage.getStore(),
  };
}
