import type { EpochRow, Epochs } from "./epochs.ts";
import type { VersionTable } from "./versionTable.ts";

export interface InvalidateOptions {
  readonly table: Pick<VersionTable, "bump">;
  readonly epochs: Pick<Epochs, "read" | "retire" | "untilRetired">;
  /** Of the version table. What cannot be told ends the epoch instead. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Ends every kept answer with one of the tags, in all instances, before it resolves. When the
 * version table cannot be told, it ends the epoch, and with it everything that is kept.
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
      // Nobody serves, and the next epoch begins with nothing kept.
      if (row.state === "retired") return;
      if (row.state !== "retiring" && (await isTold(row, tags))) return;
      // Ends it, or finds the one that has followed it.
      row = await epochs.retire(row.name);
    }
  };
}
