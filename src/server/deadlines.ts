import { type Place, Roll } from "./roll.ts";

/** A moment (by `performance.now()`), and what to do then. */
interface Deadline {
  readonly atMs: number;
  readonly onOver: () => void;
}

export type Deadlines = ReturnType<typeof createDeadlines>;

/**
 * Deadlines of equal length: the first one set is the first to expire, so one timer serves all of them. Nearly
 * all are forgotten before they expire, and a timer for each would cost as much as all else that is done for it.
 *
 * @param limitMs how long each is, within a millisecond or two, as timers are
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
  // Unreferenced: the work that waits keeps the process alive, if anything should. The timer stays set when
  // all deadlines have been forgotten.
  const after = (ms: number): NodeJS.Timeout => setTimeout(look, Math.ceil(ms)).unref();

  return {
    /** @returns the argument for `forget` */
    set(onOver: () => void): Place<Deadline> {
      if (timer === undefined) timer = after(limitMs);
      return deadlines.add({ atMs: performance.now() + limitMs, onOver });
    },
    forget: (deadline: Place<Deadline>): void => deadlines.remove(deadline),
  };
}
