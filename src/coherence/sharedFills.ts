import { type BatchingOptions, createBatching } from "./batching.ts";
import type { Epoch, KeyedEntry, VersionTable } from "./versionTable.ts";

export interface SharedFillsOptions extends Pick<BatchingOptions<Offer>, "defer"> {
  readonly table: Pick<VersionTable, "fill">;
  /** Called for an answer that was invalid before it could be stored. */
  readonly onInvalid: (kind: string) => void;
  readonly onError: (kind: string, error: unknown) => void;
}

interface Offer {
  readonly kind: string;
  readonly epoch: Epoch;
  readonly entry: KeyedEntry;
}

/** Redis runs nothing else while it runs a script. A call of this size takes it about a millisecond. */
const MAX_ENTRIES = 100;
const MAX_LENGTH = 262_144;

/**
 * Puts answers into L2 in the background, in batches. A list of lists is hundreds of entries that are loaded
 * in the same moment, and one call for each would cost as much as a single call for all of them.
 */
export function createSharedFills({ table, onInvalid, onError, defer }: SharedFillsOptions) {
  const send = (batch: readonly Offer[]): void => {
    const entries = batch.map(({ entry }) => entry);
    table.fill(batch[0]!.epoch, entries).then(
      (results) => {
        if (typeof results === "string") return;
        for (const [index, result] of results.entries())
          if (result === "invalid") onInvalid(batch[index]!.kind);
      },
      (error: unknown) => onError(batch[0]!.kind, error),
    );
  };

  const open = () => {
    let entries = 0;
    let length = 0;
    let first: Epoch | undefined;
    return ({ epoch, entry }: Offer): boolean => {
      first ??= epoch;
      if (epoch !== first || entries === MAX_ENTRIES || length > MAX_LENGTH) return false;
      entries++;
      length += entry.value.length;
      return true;
    };
  };

  const offer = createBatching({ open, send, defer });
  return {
    offer: (kind: string, epoch: Epoch, entry: KeyedEntry): void => offer({ kind, epoch, entry }),
  };
}
