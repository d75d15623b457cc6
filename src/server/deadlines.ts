import { type Place, Roll } from "./roll.ts";

/** What is to be done when its time is over. */
interface Deadline {
  readonly atMs: number;
  readonly onOver: () => void;
}

export type Deadlines = ReturnType<typeof createDeadlines>;

/**
 * Deadlines that are all equally long, so the first to be set is the first to be over: one timer will do for all. Nearly all are
 * forgotten before, and a timer for each would cost as much as the rest of what is done about it.
 *
 * @param limitMs within a millisecond or two, as timers are
 */
export function createDeadlines(limitMs: number) {
  const deadlines = new Roll<Deadline>();
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    const now = performance.now();
    for (let next = deadlines.first(); next !== null; next = deadlines.first()) {
      const { atMs, onOver } = next.member;
      if (atMs > now) {
        timer = after(atMs - now);
        return;
      }
      deadlines.remove(next);
      onOver();
    }
    timer = undefined;
  };
  // Whatever waits keeps the process alive, if it has to live; the timer stays when all are forgotten.
  const after = (ms: number): NodeJS.Timeout => setTimeout(look, Math.ceil(ms)).unref();

  return {
    /** @returns what `forget` wants */
    set(onOver: () => void): Place<Deadline> {
      if (timer === undefined) timer = after(limitMs);
      return deadlines.add({ atMs: performance.now() + limitMs, onOver });
    },
    forget: (deadline: Place<Deadline>): void => deadlines.remove(deadline),
  };
}
