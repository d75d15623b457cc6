import { type BatchingOptions, createBatching } from "./batching.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

export interface SharedLookUpsOptions extends Pick<BatchingOptions<LookUp>, "defer"> {
  readonly table: Pick<VersionTable, "get">;
}

type Found = Awaited<ReturnType<VersionTable["get"]>>;

interface LookUp {
  readonly epoch: Epoch;
  readonly keys: readonly string[];
  readonly resolve: (found: Found) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds a batch: Redis runs nothing else while it runs a script. A look-up with more keys is sent alone. */
const MAX_KEYS = 100;

/**
 * Looks entries up in L2 (the version table), with one call for all requests that ask in the same turn of the
 * event loop. The call is sent after each request has learned its instant, so the entries are as valid as if
 * each had asked alone.
 */
export function createSharedLookUps({ table, defer }: SharedLookUpsOptions) {
  const send = async (batch: readonly LookUp[]): Promise<void> => {
    try {
      const found = await table.get(
        batch[0]!.epoch,
        batch.flatMap(({ keys }) => keys),
      );
      let from = 0;
      for (const { keys, resolve } of batch) {
        resolve(typeof found === "string" ? found : found.slice(from, from + keys.length));
        from += keys.length;
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const open = () => {
    let length = 0;
    let first: Epoch | undefined;
    return ({ epoch, keys }: LookUp): boolean => {
      first ??= epoch;
      length += keys.length;
      return epoch === first && length <= MAX_KEYS;
    };
  };

  const ask = createBatching({ open, send: (batch) => void send(batch), defer });
  return {
    /** Rejects when the table cannot be asked. */
    find: (epoch: Epoch, keys: readonly string[]): Promise<Found> =>
      new Promise((resolve, reject) => ask({ epoch, keys, resolve, reject })),
  };
}
