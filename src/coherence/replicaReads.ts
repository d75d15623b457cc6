import { createPositions, type PositionsOptions } from "./positions.ts";
import type { Instant } from "./validator.ts";

/** What a replica says of itself. */
export interface ReplicaPosition {
  /** False: it has been promoted, or never was one. */
  readonly isReplica: boolean;
  /** Up to where it has replayed the primary's log; null: it has not begun. */
  readonly position: bigint | null;
  /** The epoch that its copy of the primary's row names. */
  readonly epoch: string | null;
}

/** A connection to a replica, for one load. */
export interface ReplicaConnection {
  /** The same object for as long as the connection lasts. */
  readonly identity: object;
  /** Asked on this connection. */
  ask(): Promise<ReplicaPosition>;
  /** Statements that `load` sends go through this connection. */
  run<Result>(load: () => Promise<Result>): Promise<Result>;
  release(): void;
}

export interface Replica {
  readonly name: string;
  /** One that is ready now. Undefined: there is none, and nobody waits for one. */
  checkOut(): Promise<ReplicaConnection | undefined>;
  /** How often its connections or statements failed. */
  errors(): number;
  /** It failed, and is left alone for a while. */
  isDown(): boolean;
}

export interface ReplicaReadsOptions extends Omit<PositionsOptions, "everyMs"> {
  readonly replicas: readonly Replica[];
}

export interface ReplicaStatistics {
  readonly name: string;
  readonly isDown: boolean;
  /** What it lacked of the primary's log when it was last asked, in bytes. Undefined: it was not, or is none. */
  readonly lagBytes: number | undefined;
  /** For how long it has lacked that, in ms. */
  readonly lagMs: number | undefined;
  /** Answers that it gave. */
  readonly reads: number;
  /** Of all answers that could have come from a replica, 0 to 1. */
  readonly share: number;
  /** Loads for which it was asked, or was about to be, and had not replayed enough. */
  readonly skipped: number;
  /** Answers that it gave and that were not used: what its rows revealed had changed. */
  readonly rejected: number;
  readonly errors: number;
}

/** What a connection was found to have, and when. */
interface Proof {
  readonly since: Instant | undefined;
  readonly isLatest: boolean;
  readonly at: number;
}

/** A connection is asked again after this, when the primary has gone on, in ms. */
const RECHECK_MS = 100;
/** And after this in any case, in ms: the server may have been promoted meanwhile. */
const MAX_PROOF_AGE_MS = 1_000;

export type ReplicaReads = ReturnType<typeof createReplicaReads>;

/**
 * Reads from replicas are answers that began to be read a while ago: at the latest instant up to which the replica
 * has replayed every change (positions.ts). Whether they are still right is then asked as of any such answer: no tag
 * that it depends on is pending, or has changed since that instant (load.ts). How far a replica is behind makes it
 * less useful, never wrong.
 *
 * What a replica has is asked on the very connection that then reads, and remembered for that connection alone: the
 * state of a server only moves on while a connection to it lasts, and a server that was restarted may begin again further
 * back. The row of the epoch proves that the replica follows the primary on which the epoch began.
 */
export function createReplicaReads(options: ReplicaReadsOptions) {
  const { replicas, now = () => performance.now() } = options;
  const positions = createPositions(options);
  const proofs = new WeakMap<object, Proof>();
  const counts = replicas.map(() => ({ reads: 0, skipped: 0, rejected: 0 }));
  const lags = replicas.map((): { bytes: number; at: number } | undefined => undefined);
  let turn = 0;
  let wanted = 0;

  const prove = async (index: number, connection: ReplicaConnection): Promise<Instant | undefined> => {
    const latest = positions.latest();
    if (latest === undefined) {
      lags[index] = undefined;
      return undefined;
    }
    const proof = proofs.get(connection.identity);
    const ageMs = proof === undefined ? Number.POSITIVE_INFINITY : now() - proof.at;
    const isOfEpoch = proof?.since === undefined || proof.since.epoch === latest.instant.epoch;
    const hasAll = proof?.isLatest === true && proof.since?.sequence === latest.instant.sequence;
    if (proof !== undefined && isOfEpoch && ageMs < (hasAll ? MAX_PROOF_AGE_MS : RECHECK_MS))
      return proof.since;

    const at = now();
    const { isReplica, position, epoch } = await connection.ask();
    const isFollower = isReplica && position !== null && epoch === latest.instant.epoch;
    const reached = isFollower ? positions.reachedBy(position) : undefined;
    // The positions may be those of a later epoch by now.
    const since = reached?.instant.epoch === epoch ? reached?.instant : undefined;
    proofs.set(connection.identity, { since, isLatest: reached === positions.latest(), at });
    if (isFollower) {
      const bytes = Math.max(0, Number((positions.latest() ?? latest).position - position));
      lags[index] = { bytes, at: positions.lackedBy(position)?.at ?? now() };
    } else lags[index] = undefined;
    return since;
  };

  return {
    /**
     * Runs a load on a replica that has enough for some of it.
     *
     * @param choose what of the load can be read by somebody who has every change up to an instant
     * @returns undefined when no replica has enough, or the one that had did not answer
     */
    async run<Chosen, Result>(
      /** How many answers there are to be read. */
      size: number,
      choose: (since: Instant) => readonly Chosen[],
      load: (chosen: readonly Chosen[]) => Promise<Result>,
    ): Promise<
      | {
          readonly chosen: readonly Chosen[];
          readonly result: Result;
          readonly since: Instant;
          /** To be told how many of the answers were of use. */
          readonly count: (accepted: number) => void;
        }
      | undefined
    > {
      void positions.refresh();
      wanted += size;
      const first = turn++;
      for (let step = 0; step < replicas.length; step++) {
        const index = (first + step) % replicas.length;
        const count = counts[index]!;
        const connection = await replicas[index]!.checkOut();
        if (connection === undefined) continue;
        try {
          const since = await prove(index, connection);
          const chosen = since === undefined ? [] : choose(since);
          if (since === undefined || chosen.length === 0) {
            count.skipped++;
            continue;
          }
          const result = await connection.run(() => load(chosen));
          return {
            chosen,
            result,
            since,
            count: (accepted) => {
              count.reads += accepted;
              count.rejected += chosen.length - accepted;
            },
          };
        } catch (error) {
          // The replica has counted it. Whatever it was: the primary will say it again, or will not.
          options.onError?.(error);
        } finally {
          connection.release();
        }
      }
      return undefined;
    },

    resetStatistics(): void {
      wanted = 0;
      for (const count of counts) count.reads = count.skipped = count.rejected = 0;
    },

    statistics: (): ReplicaStatistics[] =>
      replicas.map((replica, index) => {
        const lag = lags[index];
        return {
          name: replica.name,
          isDown: replica.isDown(),
          lagBytes: lag?.bytes,
          lagMs: lag === undefined ? undefined : lag.bytes === 0 ? 0 : now() - lag.at,
          ...counts[index]!,
          share: wanted === 0 ? 0 : counts[index]!.reads / wanted,
          errors: replica.errors(),
        };
      }),
  };
}
