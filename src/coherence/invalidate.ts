import type { EpochRow, Epochs } from "./epochs.ts";
import type { VersionTable } from "./versionTable.ts";

export interface InvalidateOptions {
  readonly table: Pick<VersionTable, "bump">;
  readonly epochs: Pick<Epochs, "read" | "retire" | "untilRetired">;
  /** Told of the version table's errors. When the table cannot be told of a change, the epoch ends instead. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Invalidates every cached answer that has one of the tags, in all instances, before it resolves. When the
 * version table cannot be told, it ends the epoch, and with it everything that is cached.
 *
 * Rejects when neither the version table nor PostgreSQL can be reached.
 */
export function createInvalidate({ table, epochs, onError = () => {} }: InvalidateOptions) {
  const isTold = async ({ name }: EpochRow, tags: readonly string[]): Promise<boolean> => {
    try {
      return (await table.bump(name, tags)) === "bumped";
    } catch (error) {
      onError(error);
      return false;
    }
  };

  return async (tags: readonly string[]): Promise<void> => {
    if (tags.length === 0) return;
    let row = await epochs.read();
    for (;;) {
      if (row.state === "retiring") row = await epochs.untilRetired(row.name);
      // No instance serves, and the next epoch begins with an empty cache.
      if (row.state === "retired") return;
      if (row.state !== "retiring" && (await isTold(row, tags))) return;
      // Ends this epoch, or finds the one that has followed it.
      row = await epochs.retire(row.name);
    }
  };
}
