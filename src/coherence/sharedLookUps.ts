import type { Epoch, VersionTable } from "./versionTable.ts";

export interface SharedLookUpsOptions {
  readonly table: Pick<VersionTable, "get">;
  /** Runs a function once everything that is ready to run now has run. */
  readonly defer?: ((work: () => void) => void) | undefined;
}

type Found = Awaited<ReturnType<VersionTable["get"]>>;

interface LookUp {
  readonly epoch: Epoch;
  readonly keys: readonly string[];
  readonly resolve: (found: Found) => void;
  readonly reject: (error: unknown) => void;
}

/** Redis does nothing else while it runs a script. A look-up that alone has more is a call of its own. */
const MAX_KEYS = 100;

/**
 * Asks the version table's second level, once for all requests that look something up in the same moment. Each of
 * them comes after its own instant, so the entries are as valid as if it had asked alone.
 */
export function createSharedLookUps({ table, defer = setImmediate }: SharedLookUpsOptions) {
  let waiting: LookUp[] = [];

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

  const sendAll = (): void => {
    const all = waiting;
    waiting = [];
    let batch: LookUp[] = [];
    let length = 0;
    for (const lookUp of all) {
      const isFull = length + lookUp.keys.length > MAX_KEYS || batch[0]?.epoch !== lookUp.epoch;
      if (batch.length > 0 && isFull) {
        void send(batch);
        batch = [];
        length = 0;
      }
      batch.push(lookUp);
      length += lookUp.keys.length;
    }
    void send(batch);
  };

  return {
    /** Rejects when the table cannot be asked. */
    find: (epoch: Epoch, keys: readonly string[]): Promise<Found> =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) defer(sendAll);
        waiting.push({ epoch, keys, resolve, reject });
      }),
  };
}
