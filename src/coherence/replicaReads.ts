import { createPositions, type PositionsOptions } from "./positions.ts";
import type { Instant } from "./validator.ts";

/** A replica's account of its own state. */
export interface ReplicaPosition {
  /** False: the server has been promoted, or never was a replica. */
  readonly isReplica: boolean;
  /** The position up to which it has replayed the primary's write-ahead log; null: it has not begun. */
  readonly position: bigint | null;
  /** The epoch named by its copy of the primary's `cache_epoch` row. */
  readonly epoch: string | null;
}

/** A connection to a replica, for one load. */
export interface ReplicaConnection {
  /** The same object for as long as the connection lasts. */
  readonly identity: object;
  /** Asks the replica for its state, on this connection. */
  ask(): Promise<ReplicaPosition>;
  /** Runs `load`, whose statements go through this connection. */
  run<Result>(load: () => Promise<Result>): Promise<Result>;
  release(): void;
}

export interface Replica {
  readonly name: string;
  /** Returns a connection that is ready now, or undefined if there is none. Never waits for one. */
  checkOut(): Promise<ReplicaConnection | undefined>;
  /** How often its connections or statements failed. */
  errors(): number;
  /** Whether it failed, so that it is not asked for a while. */
  isDown(): boolean;
}

export interface ReplicaReadsOptions extends Omit<PositionsOptions, "everyMs"> {
  readonly replicas: readonly Replica[];
}

export interface ReplicaStatistics {
  readonly name: string;
  readonly isDown: boolean;
  /**
   * How far behind the primary's log it was when it was last asked, in bytes. Undefined: it was not asked, or
   * it is no replica of this primary.
   */
  readonly lagBytes: number | undefined;
  /** For how long it has been behind, in ms. */
  readonly lagMs: number | undefined;
  /** Answers read from it and used. */
  readonly reads: number;
  /** Its `reads` as a share of all answers that could have come from a replica, 0 to 1. */
  readonly share: number;
  /** Loads that got a connection to it and did not use it, because it was not known to have replayed enough. */
  readonly skipped: number;
  /** Answers read from it and not used, because tags known only from its rows had changed. */
  readonly rejected: number;
  readonly errors: number;
}

/** What a connection has been found to show, and when. */
interface Proof {
  /** The replica has every change up to this instant. Undefined: up to none that is known. */
  readonly since: Instant | undefined;
  /** Whether `since` was the latest known instant. */
  readonly isLatest: boolean;
  readonly at: number;
}

/** After this time a connection is asked again if the primary has advanced, in ms. */
const RECHECK_MS = 100;
/** After this time it is asked again in any case, in ms, because the server may have been promoted meanwhile. */
const MAX_PROOF_AGE_MS = 1_000;

export type ReplicaReads = ReturnType<typeof createReplicaReads>;

/**
 * Reads from replicas. An answer from a replica is treated as one whose read began a while ago: at the latest
 * instant up to which the replica has replayed every change (positions.ts). It is then validated like any
 * other answer: no tag that it depends on may be pending or have changed since that instant (load.ts). Lag
 * makes a replica less useful, never wrong.
 *
 * The position of a replica is asked on the very connection that then reads, and remembered for that connection
 * alone. While a connection lasts, the state of its server only advances; a server that was restarted may begin
 * further back. The epoch's row proves that the replica follows the primary on which the epoch began.
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
    // Checked again: by now the positions may be those of a later epoch.
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
     * Runs a load on a replica that has replayed enough for at least a part of it.
     *
     * @param choose picks the part of the load that can be read from a replica with every change up to the
     *   given instant
     * @returns undefined if no replica has replayed enough, or those that had failed
     */
    async run<Chosen, Result>(
      /** How many answers are to be read. */
      size: number,
      choose: (since: Instant) => readonly Chosen[],
      load: (chosen: readonly Chosen[]) => Promise<Result>,
    ): Promise<
      | {
          readonly chosen: readonly Chosen[];
          readonly result: Result;
          readonly since: Instant;
          /** To be called with the number of answers that were used. */
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
          // The replica has counted the error. If the load itself is at fault, it will fail on the primary too.
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
