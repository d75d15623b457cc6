import { type BatchingOptions, createBatching } from "./batching.ts";
import type { Epoch, KeyedEntry, VersionTable } from "./versionTable.ts";

export interface SharedFillsOptions extends Pick<BatchingOptions<Offer>, "defer"> {
  readonly table: Pick<VersionTable, "fill">;
  /** It had changed before it was stored. */
  readonly onInvalid: (kind: string) => void;
  readonly onError: (kind: string, error: unknown) => void;
}

interface Offer {
  readonly kind: string;
  readonly epoch: Epoch;
  readonly entry: KeyedEntry;
}

/** Redis does nothing else while it runs a script: one of this size takes it about a millisecond. */
const MAX_ENTRIES = 100;
const MAX_LENGTH = 262_144;

/**
 * Puts answers into the version table's second level, behind the back of whoever has asked: a list of lists is
 * hundreds of entries that are loaded in the same moment, and each call of its own would cost as much as all of them together.
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
