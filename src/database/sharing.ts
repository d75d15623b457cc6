import type { Tracing } from "../observation/tracing.ts";
import type { Cancellation } from "./cancellation.ts";
import { Interruption } from "./interruption.ts";
import type { ReplicaRouting } from "./replica.ts";

export type Sharing = ReturnType<typeof createSharing>;

/** What a read has to know of its request before it can be combined with other requests' reads. */
export function createSharing({
  cancellation,
  replicas,
  tracing,
}: {
  readonly cancellation: Cancellation | undefined;
  readonly replicas: Pick<ReplicaRouting, "current"> | undefined;
  readonly tracing: Tracing | undefined;
}) {
  return {
    /**
     * Whether the read that begins now may be shared: it does not go to a replica, and no trace records it.
     */
    isPossible: (): boolean => replicas?.current() === undefined && tracing?.active() === undefined,

    /** The interruption that cancels the read that begins now; undefined: nothing cancels it. */
    interruption: (): Interruption | undefined => cancellation?.current(),

    /** Runs a shared read. It is cancelled only when every request that shares it has been given up. */
    async untilAllAreOver<Result>(
      interruptions: readonly (Interruption | undefined)[],
      read: () => Promise<Result>,
    ): Promise<Result> {
      if (cancellation === undefined) return read();
      const those: Interruption[] = [];
      for (const interruption of interruptions) {
        if (interruption === undefined) return read();
        those.push(interruption);
      }
      if (those.length === 1) return cancellation.within(those[0], read);
      const all = new Interruption();
      let left = those.length;
      const over = () => {
        if (--left === 0) all.interrupt(those[0]!.reason);
      };
      for (const interruption of those) interruption.listen(over);
      try {
        return await cancellation.within(all, read);
      } finally {
        for (const interruption of those) interruption.ignore(over);
      }
    },
  };
}
