import { setTimeout as sleep } from "node:timers/promises";
import type { Instance } from "./instance.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface FaultContext {
  readonly world: World;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Has the instance write something soon. */
  provokeWrite(instance: Instance): void;
  /**
   * The fault begins now. Whatever comes before is preparation.
   *
   * @param target whom it meets, for the log
   */
  begin(target?: string): void;
}

export interface Fault {
  readonly name: string;
  readonly description: string;
  /** Everything that was cached is lost with it, for all instances. They take longer to begin again when it happens often. */
  readonly endsEpoch: boolean;
  /** Nothing but Redis, a replica, or the way to them, is broken. No request may fail then. */
  readonly isRedisOnly: boolean;
  /** Breaks something, and mends it. When it has not called `begin`, it did not come to it. */
  run(context: FaultContext): Promise<void>;
}

/** Sleeps, but no longer than the check runs. */
export const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {});
