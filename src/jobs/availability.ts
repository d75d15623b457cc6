/**
 * Wakes those who wait for jobs in this process, when there may be some.
 *
 * Waking is a hint, not a promise: each one woken asks the database, and may find that another was faster. So
 * it does no harm that a wake-up reaches all of them.
 */
export function createAvailability() {
  const waiting = new Set<() => void>();

  return {
    /** How many callers wait. */
    waiting: (): number => waiting.size,

    /** There may be jobs now. */
    wake(): void {
      for (const tell of [...waiting]) tell();
    },

    /**
     * Begins to listen at once, so that nothing is missed between a look that found nothing and the wait.
     * Call `cancel` when nobody waits any more.
     */
    listen() {
      let hear = () => {};
      const heard = new Promise<void>((resolve) => {
        hear = resolve;
      });
      const tell = () => hear();
      waiting.add(tell);
      return {
        /** Resolves when there may be jobs, after `ms`, or when one of the signals aborts; whichever is first. */
        async within(ms: number, signals: readonly AbortSignal[]): Promise<void> {
          if (signals.some(({ aborted }) => aborted)) return;
          let timer: NodeJS.Timeout | undefined;
          const over = new Promise<void>((resolve) => {
            timer = setTimeout(resolve, ms);
          });
          for (const signal of signals) signal.addEventListener("abort", tell);
          await Promise.race([heard, over]);
          for (const signal of signals) signal.removeEventListener("abort", tell);
          clearTimeout(timer);
        },
        cancel: () => waiting.delete(tell),
      };
    },
  };
}

export type Availability = ReturnType<typeof createAvailability>;
