import { setTimeout as sleep } from "node:timers/promises";
import type { EpochRow, Epochs } from "./epochs.ts";
import type { Epoch, Refusal, VersionTable } from "./versionTable.ts";

/**
 * Why the cache serves nothing:
 * - `off`: it is turned off;
 * - `no-lease`: this process has no read lease, because PostgreSQL has not named a live epoch in time;
 * - `unreachable`: the version table does not answer;
 * - `lost`, `quiescing`, `lagging`: the version table refuses with this, or the epoch's state implies it.
 */
export type Obstacle = Refusal | "off" | "no-lease" | "unreachable";

export interface CoherenceStatus {
  /** Undefined: the cache serves. */
  readonly obstacle: Obstacle | undefined;
  /** Undefined: the epoch's row has not been read from PostgreSQL yet. */
  readonly epoch:
    | { readonly name: Epoch; readonly state: EpochRow["state"]; readonly ageMs: number }
    | undefined;
  /** How many writes are marked and not released. Undefined: the version table cannot tell. */
  readonly pendingTransactions: number | undefined;
}

export interface StatusOptions {
  readonly isEnabled: boolean;
  readonly table: Pick<VersionTable, "since" | "transactions">;
  readonly epochs: Pick<Epochs, "held" | "latest" | "stateAgeMs">;
}

const POLL_MS = 100;

/** Asks the version table itself, as a read would, because what was known a moment ago may no longer hold. */
export function createStatus({ isEnabled, table, epochs }: StatusOptions) {
  const obstacleNow = async (): Promise<Obstacle | undefined> => {
    if (!isEnabled) return "off";
    const held = epochs.held();
    if (held === undefined) {
      const state = epochs.latest()?.state;
      if (state === "quiescing") return "quiescing";
      return state === "retiring" || state === "retired" ? "lost" : "no-lease";
    }
    try {
      // No version is above this sequence, so the reply is short.
      const reply = await table.since(held, Number.MAX_SAFE_INTEGER);
      if (typeof reply === "string" && reply !== "unchanged") return reply;
      return epochs.held() === held ? undefined : "no-lease";
    } catch {
      return "unreachable";
    }
  };

  const transactionsOf = async (epoch: Epoch | undefined): Promise<number | undefined> => {
    if (epoch === undefined) return undefined;
    const xids = await table.transactions(epoch).catch(() => "lost" as const);
    return xids === "lost" ? undefined : xids.length;
  };

  return {
    /** Never rejects. */
    async read(): Promise<CoherenceStatus> {
      const row = epochs.latest();
      const [obstacle, pendingTransactions] = await Promise.all([obstacleNow(), transactionsOf(row?.name)]);
      return {
        obstacle,
        epoch: row && { name: row.name, state: row.state, ageMs: epochs.stateAgeMs() },
        pendingTransactions,
      };
    },

    /** Resolves when the cache serves or the signal has aborted. */
    async untilServing(signal: AbortSignal): Promise<void> {
      while (!signal.aborted && (await obstacleNow()) !== undefined) {
        await sleep(POLL_MS, undefined, { signal }).catch(() => {});
      }
    },
  };
}
