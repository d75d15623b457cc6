import { createBatching } from "../coherence/batching.ts";
import type { Interruption } from "../database/interruption.ts";
import type { Sharing } from "../database/sharing.ts";

/** What a statement has found, by key. A key without a row has no entry. */
export type Found<Row> = ReadonlyMap<string, Row>;

interface Read<Row> {
  readonly interruption: Interruption | undefined;
  readonly keys: readonly string[];
  readonly resolve: (rows: (Row | null)[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The most keys in a shared statement. A read that alone has more gets a statement of its own. */
const MAX_KEYS = 1_000;

/**
 * Reads rows by their keys: together with other requests' reads of the same moment where possible, otherwise
 * alone.
 */
export function createReads<Row>(
  sharing: Sharing | undefined,
  find: (keys: readonly string[]) => Promise<Found<Row>>,
): (keys: readonly string[]) => Promise<(Row | null)[]> {
  const findShared = sharing && createSharedReads(sharing, find);
  return async (keys) => {
    if (findShared !== undefined && sharing?.isPossible()) return findShared(keys);
    const found = await find(keys);
    return keys.map((key) => found.get(key) ?? null);
  };
}

/**
 * Reads rows by their keys, with one statement for all requests that want some at the same moment. A row is
 * the same for all of them; whether a request may see it is decided once it is there. The statement begins
 * after each of them has asked, so no request gets a row as it was before the request. It is cancelled when
 * all of them have been given up.
 */
export function createSharedReads<Row>(
  sharing: Pick<Sharing, "interruption" | "untilAllAreOver">,
  find: (keys: readonly string[]) => Promise<Found<Row>>,
) {
  const send = async (batch: readonly Read<Row>[]): Promise<void> => {
    try {
      const [only] = batch;
      const keys = batch.length === 1 ? only!.keys : [...new Set(batch.flatMap(({ keys }) => keys))];
      const interruptions = batch.map(({ interruption }) => interruption);
      const found = await sharing.untilAllAreOver(interruptions, () => find(keys));
      for (const { keys, resolve } of batch) resolve(keys.map((key) => found.get(key) ?? null));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const open = () => {
    let length = 0;
    return ({ keys }: Read<Row>): boolean => {
      length += keys.length;
      return length <= MAX_KEYS;
    };
  };

  const read = createBatching<Read<Row>>({ open, send: (batch) => void send(batch) });
  /** In the keys' order; null where there is no such row. */
  return (keys: readonly string[]): Promise<(Row | null)[]> =>
    new Promise((resolve, reject) => read({ interruption: sharing.interruption(), keys, resolve, reject }));
}
