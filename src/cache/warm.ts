import type { Logger } from "pino";
import { CacheError } from "./errors.ts";

export interface WarmOptions {
  /**
   * Entries per round trip, 1 to 10,000; default 500. A batch ends earlier once it has reached 4 Mi
   * characters of text.
   */
  readonly batchSize?: number;
  /** For entries without a time to live of their own. */
  readonly ttlSeconds?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly written: number; readonly skipped: number }): void;
}

export interface WarmResult {
  readonly written: number;
  /** Entries that broke a rule, for example too large or of a class that cannot be stored. */
  readonly skipped: number;
  /** False when the signal or an outage ended the call early. */
  readonly isComplete: boolean;
}

const MAX_BATCH_LENGTH = 4 * 1_048_576;

/** Stores entries in batches, one after the other. Pulls no entry before the previous batch is stored. */
export async function warm<Entry extends { readonly key: string }, Encoded extends { readonly text: string }>(
  entries: Iterable<Entry> | AsyncIterable<Entry>,
  options: {
    readonly batchSize: number;
    readonly signal: AbortSignal | undefined;
    readonly log: Pick<Logger, "debug">;
    onProgress: WarmOptions["onProgress"];
    /** @throws CacheError for an entry that breaks a rule */
    encode(entry: Entry): Encoded;
    /** @returns whether the whole batch was stored */
    store(batch: readonly Encoded[]): Promise<boolean>;
  },
): Promise<WarmResult> {
  const { batchSize, signal, log, onProgress, encode, store } = options;
  let written = 0;
  let skipped = 0;
  let batch: Encoded[] = [];
  let batchLength = 0;

  async function storeBatch(): Promise<boolean> {
    const isStored = batch.length === 0 || (await store(batch));
    if (isStored) written += batch.length;
    batch = [];
    batchLength = 0;
    if (isStored) onProgress?.({ written, skipped });
    return isStored;
  }

  for await (const entry of entries) {
    if (signal?.aborted) return { written, skipped, isComplete: false };
    try {
      const encoded = encode(entry);
      batch.push(encoded);
      batchLength += encoded.text.length;
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      skipped++;
      log.debug({ key: entry.key, code: error.code }, "An entry cannot be cached");
    }
    const isFull = batch.length >= batchSize || batchLength >= MAX_BATCH_LENGTH;
    // The following entries would be refused too, and producing them may be expensive.
    if (isFull && !(await storeBatch())) return { written, skipped, isComplete: false };
  }
  const isComplete = !signal?.aborted && (await storeBatch());
  return { written, skipped, isComplete };
}
