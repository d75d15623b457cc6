import type { Tracing } from "../observation/tracing.ts";
import type { Cancellation } from "./cancellation.ts";
import { Interruption } from "./interruption.ts";
import type { ReplicaRouting } from "./replica.ts";

export type Sharing = ReturnType<typeof createSharing>;

/** What a read has to know of the request that it belongs to, to go together with those of others. */
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
    /** Whether the read that begins now may be shared: it is for no replica, and no trace tells of it. */
    isPossible: (): boolean => replicas?.current() === undefined && tracing?.active() === undefined,

    /** What the read that begins now is given up with; undefined: nothing. */
    interruption: (): Interruption | undefined => cancellation?.current(),

    /** Runs a read that is given up when the last of those that share it is. */
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
