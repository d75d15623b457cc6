import { setTimeout as sleep } from "node:timers/promises";
import type { Instance } from "./instance.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface FaultContext {
  readonly world: World;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Makes the instance write something soon. */
  provokeWrite(instance: Instance): void;
  /**
   * Records that the fault begins now. The steps before are preparation.
   *
   * @param target what the fault affects, for the log
   */
  begin(target?: string): void;
}

export interface Fault {
  readonly name: string;
  readonly description: string;
  /**
   * Everything that was cached is lost, for all instances. If that happens often, they take longer to begin
   * the next epoch.
   */
  readonly endsEpoch: boolean;
  /** Only Redis, a replica, or the links to them are broken. No request may fail then. */
  readonly isRedisOnly: boolean;
  /** Breaks something, and mends it. If it has not called `begin`, the fault did not happen. */
  run(context: FaultContext): Promise<void>;
}

/** Sleeps, but no longer than the check runs. */
export const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {});
