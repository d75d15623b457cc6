import type { Epoch } from "./versionTable.ts";

export interface BatchingOptions<Item> {
  /** Begins a batch. What it returns is asked for each item in turn, and takes it or does not; it takes the first. */
  readonly open: () => (item: Item) => boolean;
  readonly send: (batch: readonly Item[]) => void;
  /** Runs a function once everything that is ready to run now has run. */
  readonly defer?: ((work: () => void) => void) | undefined;
}

/**
 * Collects what comes in the same moment, and sends it in batches of one epoch each: a call of its own for every item
 * would cost as much as all of them together.
 */
export function createBatching<Item extends { readonly epoch: Epoch }>({
  open,
  send,
  defer = setImmediate,
}: BatchingOptions<Item>) {
  let waiting: Item[] = [];

  const sendAll = (): void => {
    const items = waiting;
    waiting = [];
    let batch: Item[] = [];
    let takes = open();
    for (const item of items) {
      if (batch.length > 0 && (batch[0]!.epoch !== item.epoch || !takes(item))) {
        send(batch);
        batch = [];
        takes = open();
      }
      if (batch.length === 0) takes(item);
      batch.push(item);
    }
    send(batch);
  };

  return (item: Item): void => {
    if (waiting.length === 0) defer(sendAll);
    waiting.push(item);
  };
}
